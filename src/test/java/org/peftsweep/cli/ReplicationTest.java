package org.peftsweep.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.peftsweep.results.LocalSpark;
import org.peftsweep.results.Manifest;
import org.peftsweep.results.ResultFolder;
import org.peftsweep.results.Samples;
import org.peftsweep.spec.Execution;
import org.peftsweep.spec.TaskSource;
import org.peftsweep.spec.Trial;
import org.peftsweep.sweep.Engine;
import org.peftsweep.sweep.Forecast;
import org.peftsweep.sweep.StandInEngine;
import org.peftsweep.sweep.TrialTask;

/** Seeds are added where they are needed, and stop when they are not. */
class ReplicationTest {
  private static final String SWEEP =
      """
      # Which ratio is best? 3 trials.
      name: race
      model: builtin:mini
      tasks: [mini-rte]
      seeds: [0]
      grid:
        - method: lora
          ratio: [1, 4, 8]
      """;

  /** As many that scores have steps of a tenth of a point. */
  private static final int EXAMPLES = 1000;

  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();

  @TempDir Path folder;
  private Path file;

  @BeforeEach
  void writeSweep() throws IOException {
    LocalSpark.session();
    file = Files.writeString(folder.resolve("race.yaml"), SWEEP);
  }

  /** Scores of λ = 1 lie ten points below, with a seed's deviation of a point. */
  private static final class Scores implements Engine {
    private final Engine others = new StandInEngine();

    @Override
    public String modelHash(String location, Configuration files) {
      return others.modelHash(location, files);
    }

    @Override
    public String taskHash(TaskSource source, Configuration files) {
      return others.taskHash(source, files);
    }

    @Override
    public List<String> taskNotices(TaskSource source, Configuration files) {
      return List.of();
    }

    @Override
    public List<String> requireAll(Execution execution, List<Trial> trials, Configuration files) {
      return List.of();
    }

    @Override
    public Forecast forecast(Execution execution, Configuration files) {
      return trial -> new Forecast.Size(1, 1, 1, 0.01);
    }

    @Override
    public TrialTask task(Execution execution) {
      return (trial, slot, progress) -> {
        double ratio = trial.rates().ratio();
        double noise = new SplittableRandom(trial.seed() * 31 + (long) ratio).nextGaussian();
        double mean = ratio == 1 ? 0.6 : 0.7;
        // λ = 4 and λ = 8 are the same but for a tenth of a point.
        return Samples.finished(mean + noise * (ratio == 1 ? 0.01 : 0.001), EXAMPLES);
      };
    }
  }

  @Test
  void addsSeedsUntilTheBestAreToldApartOrEqual() {
    assertThat(run("--until-decided")).as(text(err)).isZero();
    assertThat(text(err))
        .contains("3 recipes cannot be told apart: ")
        .contains("Decided. On mini-rte as good as equal, within a point, and ahead of all others")
        .contains("LoRA QV r=8 λ=4, LoRA QV r=8 λ=8.");
    Manifest manifest = manifest();
    assertThat(manifest.sequential()).isTrue();
    assertThat(manifest.trials()).hasSize(3);
    assertThat(manifest.asked()).hasSizeGreaterThan(6);
    assertThat(manifest.source().question()).isEqualTo("Which ratio is best?");
    assertThat(text(out)).contains("valid although seeds were added until recipes were told apart");
    int rows = rows();
    // The same command again has nothing to add, and a plain run forgets nothing.
    assertThat(run("--until-decided")).isZero();
    assertThat(rows()).isEqualTo(rows);
    assertThat(run()).isZero();
    assertThat(manifest().asked()).hasSize(rows);
    assertThat(manifest().sequential()).isTrue();
  }

  @Test
  void endsWithItsBudget() {
    assertThat(run("--until-decided", "--budget", "1s")).isZero();
    assertThat(text(err)).contains("Not decided within the budget, 3 recipes cannot be told apart");
    assertThat(rows()).isLessThan(30);
  }

  @Test
  void addsBlocksBesideTheFileAndKeepsThem() {
    assertThat(run("--add", "{method: lora, rank: 4, ratio: [1, 2]}")).as(text(err)).isZero();
    assertThat(rows()).isEqualTo(5);
    assertThat(manifest().trials()).hasSize(3);
    assertThat(manifest().added()).hasSize(2);
    assertThat(run()).isZero();
    assertThat(manifest().added()).hasSize(2);
    assertThat(text(out)).contains("LoRA    QV          4  2");
  }

  @Test
  void refusesABudgetThatIsNone() {
    assertThat(run("--budget", "1h")).isEqualTo(ExitCode.BAD_INPUT);
    assertThat(text(err)).isEqualTo("Cannot use --budget 1h alone: give --until-decided too\n");
    for (String budget : List.of("0h", "2", "h", "1w", "-1h", "99999999h")) {
      err.reset();
      assertThat(run("--until-decided", "--budget=" + budget)).isEqualTo(ExitCode.BAD_INPUT);
      assertThat(text(err)).startsWith("Cannot use --budget ").hasLineCount(1);
    }
    err.reset();
    assertThat(run("--add", "rank 4")).isEqualTo(ExitCode.BAD_INPUT);
    assertThat(text(err)).startsWith("Cannot use grid = rank 4 in --add: write a block");
  }

  private int run(String... options) {
    PrintStream o = new PrintStream(out, true, StandardCharsets.UTF_8);
    PrintStream e = new PrintStream(err, true, StandardCharsets.UTF_8);
    String[] words =
        Stream.concat(
                Stream.of("sweep", file.toString(), "--output", folder + "/output"),
                Stream.of(options))
            .toArray(String[]::new);
    return Main.run(new Scores(), o, e, words);
  }

  private ResultFolder results() {
    return new ResultFolder(
        new org.apache.hadoop.fs.Path(folder + "/output/race"), new Configuration());
  }

  private int rows() {
    return results().trials().size();
  }

  private Manifest manifest() {
    return results().manifest().orElseThrow();
  }

  private static String text(ByteArrayOutputStream stream) {
    return stream.toString(StandardCharsets.UTF_8);
  }
}
