package org.peftsweep.report;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.peftsweep.method.LoRA;
import org.peftsweep.results.LocalSpark;
import org.peftsweep.results.ResultTables;
import org.peftsweep.results.Samples;
import org.peftsweep.results.Views;
import org.peftsweep.spec.Trial;
import org.peftsweep.train.Outcome.Status;

/**
 * Scores that do not exist, being NaN, infinite or missing, wherever scores are sorted, averaged,
 * tested or drawn.
 */
class BrokenScoresTest {
  private static final int SEEDS = 4;

  @TempDir Path output;

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void rankLastAreNeverRecommendedAndAlwaysCounted(long draw) throws Exception {
    SplittableRandom random = new SplittableRandom(draw);
    SampleSweep sweep = new SampleSweep(output, "s");
    Map<Integer, Integer> broken = new HashMap<>();
    // What breaks would be far ahead otherwise.
    for (int rank = 1; rank <= 6; rank++) {
      for (int seed = 0; seed < SEEDS; seed++) {
        Trial trial = Samples.trial("rte", new LoRA(rank, 8, 0), SampleSweep.QV, 4, seed);
        boolean breaks = rank > 3 && (seed == 0 || random.nextBoolean());
        double score = (rank > 3 ? 0.9 : 0.5) + random.nextInt(20) / 400.0;
        if (!breaks) {
          sweep.add(trial, score);
          continue;
        }
        broken.merge(rank, 1, Integer::sum);
        switch (random.nextInt(5)) {
          case 0 -> sweep.addUndefined(trial);
          case 1 -> sweep.fail(trial, Status.DIVERGED, "the loss overflowed");
          case 2 -> sweep.addBroken(trial, Double.NaN);
          case 3 -> sweep.addBroken(trial, Double.POSITIVE_INFINITY);
          default -> sweep.addBroken(trial, Double.NEGATIVE_INFINITY);
        }
      }
    }
    Report report = sweep.report();
    for (Printed format : Printed.values()) {
      // The page of HTML holds libraries, which know the words.
      String text = format.of(report).replaceAll("(?s)<script>.*", "");
      assertThat(text).as(format.name()).doesNotContainPattern("\\b(NaN|Infinity)\\b");
    }
    String advice = report.recommendation("rte", 1 << 30).advice();
    assertThat(advice).matches("(?s)For rte within .* use LoRA QV r=[123] .*");
    List<String> ranked = new ArrayList<>();
    for (List<TextTable.Cell> row : section(report, "ranks").table().rows()) {
      ranked.add(row.get(2).text());
      int rank = Integer.parseInt(row.get(2).text().replaceAll(".*r=(\\d+).*", "$1"));
      if (broken.containsKey(rank)) {
        assertThat(row.get(1).text()).isEqualTo("—");
        assertThat(row.get(5).text())
            .startsWith(SEEDS - broken.get(rank) + " of " + SEEDS + " seeds; ");
      } else {
        assertThat(row.get(1).text()).matches("\\d");
      }
    }
    assertThat(ranked.subList(0, 3)).allMatch(recipe -> recipe.matches(".*r=[123] .*"));
    String scores = section(report, "benchmark").table().text();
    broken.forEach(
        (rank, count) ->
            assertThat(scores)
                .containsPattern(
                    "LoRA +QV +"
                        + rank
                        + " .*("
                        + (SEEDS - count)
                        + " of "
                        + SEEDS
                        + " seeds; |collapsed|diverged)"));
    // Nobody who asks the views gets them first either.
    Views.create(LocalSpark.session(), output.toString());
    assertThat(
            LocalSpark.session()
                .sql("SELECT score FROM trials WHERE score IS NOT NULL")
                .collectAsList())
        .allMatch(row -> Double.isFinite(row.getDouble(0)));
    assertThat(
            LocalSpark.session()
                .sql("SELECT rank, undefined, mean_score FROM leaderboard ORDER BY place")
                .collectAsList())
        .hasSize(6)
        .allSatisfy(
            row -> assertThat(row.isNullAt(2) || Double.isFinite(row.getDouble(2))).isTrue());
    ResultTables tables = ResultTables.of(LocalSpark.session(), sweep.folder());
    assertThat(
            Undecided.of(tables.trials(), tables.predictions(), List.of("rte")).best().get("rte"))
        .allMatch(recipe -> recipe.matches(".*r=[123] .*"));
  }

  private static Section section(Report report, String id) {
    return report.sections().stream()
        .filter(section -> section.id().equals(id))
        .findFirst()
        .orElseThrow();
  }
}
