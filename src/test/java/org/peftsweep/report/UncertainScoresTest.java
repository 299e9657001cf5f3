package org.peftsweep.report;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.peftsweep.method.LoRA;
import org.peftsweep.results.Provenance;
import org.peftsweep.results.Samples;
import org.peftsweep.spec.Phase;
import org.peftsweep.spec.Trial;
import org.peftsweep.train.Outcome.Status;

/** What stands beside a score: its interval, its seeds, its machine; and what is said without. */
class UncertainScoresTest {
  private static final Provenance OTHER =
      new Provenance("host", "1", null, 1, "another processor", "abc123", "17", "4.2.0", "1");

  @TempDir Path output;
  private SampleSweep sweep;

  private static Trial trial(int rank, double ratio, long seed) {
    return Samples.trial("rte", new LoRA(rank, 8, 0), SampleSweep.QV, ratio, seed);
  }

  /**
   * Recipes of drawn scores, of which some broke: those would be on every front by what is left of
   * them.
   *
   * @return ranks of those that broke
   */
  private List<Integer> draw(SplittableRandom random, boolean differingMachines) {
    sweep = new SampleSweep(output, "s");
    List<Integer> broken = new ArrayList<>();
    for (int rank = 1; rank <= 6; rank++) {
      boolean breaks = rank % 3 == 0;
      if (breaks) {
        broken.add(rank);
      }
      for (int seed = 0; seed < 3; seed++) {
        if (breaks && seed > random.nextInt(2)) {
          sweep.fail(trial(rank, 4, seed), Status.DIVERGED, "the loss overflowed");
        } else {
          double score = (breaks ? 0.95 : 0.5 + rank / 50.0) + random.nextInt(8) / 400.0;
          Provenance place = differingMachines && random.nextBoolean() ? OTHER : Samples.PLACE;
          sweep.add(trial(rank, 4, seed), score, place, breaks ? 1 : 4 + random.nextInt(5));
        }
      }
    }
    return broken;
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2})
  void noFrontIsMadeOfRecipesThatBroke(long seed) throws Exception {
    List<Integer> broken = draw(new SplittableRandom(seed), seed == 2);
    Report report = sweep.report();
    Section costs = section(report, "costs");
    int front = costs.table().header().indexOf("on the front of");
    boolean isAny = false;
    for (List<TextTable.Cell> row : costs.table().rows()) {
      boolean isBroken = broken.contains(rank(row.get(2).text()));
      isAny |= !row.get(front).text().isEmpty();
      assertThat(row.get(3).text())
          .matches(isBroken ? ".* of 3 seeds; .*" : "[\\d.]+( ± [\\d.]+)?");
      if (isBroken) {
        assertThat(row.get(front).text()).isEmpty();
      }
    }
    assertThat(isAny).isTrue();
    for (JsonNode point : page(report).get("points")) {
      boolean isBroken = broken.contains(rank(point.get("recipe").asText()));
      assertThat(point.get("whole").asBoolean()).isEqualTo(!isBroken);
      assertThat(point.get("front").isEmpty() || !isBroken).isTrue();
    }
  }

  /** Seconds of different machines are no number, and those of a trial that broke are not of it. */
  @ParameterizedTest
  @ValueSource(longs = {3, 4})
  void thePageTellsSecondsOfOneMachineAlone(long seed) throws Exception {
    draw(new SplittableRandom(seed), true);
    Report report = sweep.report();
    Map<String, String> told = new TreeMap<>();
    page(report)
        .get("forest")
        .forEach(row -> told.put(row.get("recipe").asText(), row.get("cost").asText()));
    boolean isMixed = false;
    for (Line line : report.results().lines("rte")) {
      List<Run> scored = line.runs("rte").stream().filter(Run::isScored).toList();
      boolean isOfOne = scored.stream().map(Run::fingerprint).distinct().count() == 1;
      isMixed |= !isOfOne;
      String wanted =
          isOfOne
              ? " · "
                  + Figures.seconds(
                      scored.stream().mapToDouble(Run::trainSeconds).average().orElseThrow())
                  + " s"
              : "";
      assertThat(told.get(report.results().label(line))).isEqualTo(line.trainableText() + wanted);
    }
    assertThat(isMixed).isTrue();
  }

  @Test
  void whatIsNotRankedIsCountedAndNotCalledLower() {
    sweep = new SampleSweep(output, "s");
    double[] noise = {0, 0.01, -0.01};
    for (int seed = 0; seed < 3; seed++) {
      sweep.add(trial(8, 4, seed), 0.80 + noise[seed]);
      sweep.add(trial(16, 4, seed), 0.50 - noise[seed]);
    }
    assertThat(sweep.report().findings().sentences().get(0))
        .startsWith("On rte, LoRA QV r=8 λ=4 is highest with 80.00")
        .endsWith("; all 1 others are surely lower.");
    sweep.add(trial(32, 4, 0), 0.90);
    sweep.add(trial(64, 4, 0), 0.40);
    sweep.add(trial(64, 4, 1), 0.40);
    sweep.fail(trial(64, 4, 2), Status.DIVERGED, "the loss overflowed");
    Report report = sweep.report();
    assertThat(report.findings().sentences().get(0))
        .contains("LoRA QV r=8 λ=4 is highest of those that are ranked, with 80.00")
        .endsWith(
            "; all 1 others are surely lower; 2 more are not ranked, having one seed or a seed"
                + " without a score, and 1 of them have a higher mean.");
    assertThat(section(report, "benchmark").note())
        .contains("Not ranked, and without a mark however high: 2 scores of one seed");
  }

  /** A table of drawn recipes, in which one setting of several takes all its values. */
  @Test
  void interactionsAreOfTheSameSeedsOrSayWhichTheyAreOf() {
    sweep = new SampleSweep(output, "s");
    for (int seed = 0; seed < 3; seed++) {
      sweep.add(trial(8, 1, seed), 0.70 + 0.01 * seed);
      sweep.add(trial(8, 4, seed), 0.80);
      if (seed < 2) {
        sweep.add(trial(16, 1, seed), 0.60 + 0.02 * seed);
      } else {
        sweep.fail(trial(16, 1, seed), Status.DIVERGED, "the loss overflowed");
      }
    }
    sweep.add(trial(16, 4, 0), 0.65);
    // R: t.test(c(70, 71, 72)) prints 68.51586 … 73.48414.
    assertThat(section(sweep.report(), "interactions").table().text())
        .containsPattern("rte +LoRA +QV +8 +71\\.00 ± 2\\.48 +80\\.00 ± 0")
        .containsPattern("rte +LoRA +QV +16 +61\\.00 \\(2 of 3 trials\\) +65\\.00 *\\n");
  }

  @Test
  void saysThatTuningTrialsAreFinishedWhereNoEvaluationIs() {
    sweep = new SampleSweep(output, "s");
    Trial one = trial(8, 4, 0);
    sweep
        .folder()
        .publish(
            Samples.row(
                "s",
                new Trial(
                    one.model(),
                    one.task(),
                    one.method(),
                    one.targets(),
                    one.layers(),
                    one.rates(),
                    one.training(),
                    1,
                    Phase.TUNING,
                    0),
                1,
                Samples.tuned(0.6)));
    assertThat(section(sweep.report(), "benchmark").note())
        .isEqualTo(
            "No evaluation is finished yet; finished tuning trials (1) have no score on the reported"
                + " sets.");
  }

  private static int rank(String recipe) {
    return Integer.parseInt(recipe.replaceAll(".*r=(\\d+).*", "$1"));
  }

  private static Section section(Report report, String id) {
    return report.sections().stream()
        .filter(section -> section.id().equals(id))
        .findFirst()
        .orElseThrow();
  }

  /** Returns the numbers of the page. */
  private static JsonNode page(Report report) throws Exception {
    String html = HtmlReport.of(report);
    String open = "<script id=\"data\" type=\"application/json\">";
    int from = html.indexOf(open) + open.length();
    return new ObjectMapper().readTree(html.substring(from, html.indexOf("</script>", from)));
  }
}
