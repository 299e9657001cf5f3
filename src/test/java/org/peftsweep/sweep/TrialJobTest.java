package org.peftsweep.sweep;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.apache.spark.SparkException;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.util.SerializableConfiguration;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.peftsweep.compute.BlasLibrary;
import org.peftsweep.compute.DeviceLostException;
import org.peftsweep.results.LocalSpark;
import org.peftsweep.results.ResultFolder;
import org.peftsweep.results.ResultTables;
import org.peftsweep.spec.Caching;
import org.peftsweep.spec.Execution;
import org.peftsweep.spec.Packing;
import org.peftsweep.spec.SweepFile;
import org.peftsweep.spec.Trial;
import org.peftsweep.train.Library;
import org.peftsweep.train.Outcome.CurvePoint;
import org.peftsweep.train.Outcome.Status;
import org.peftsweep.train.Progress;

/** Real trials in Spark tasks that end otherwise than they should. */
@Timeout(400)
class TrialJobTest {
  private static final Library LIBRARY = Library.shared(new Configuration());
  private static final String COLUMNS =
      "status, steps, final_loss, score, last_score, optimizer_bytes, peak_bytes";

  // Static, so that tasks that Spark has copied still speak to the test.
  private static final AtomicInteger TAKEN = new AtomicInteger();

  private static final Progress COUNTING =
      new Progress() {
        @Override
        public void step(int step, int steps, double loss) {
          TAKEN.incrementAndGet();
        }

        @Override
        public void evaluated(CurvePoint point) {}
      };

  private final SparkSession spark = LocalSpark.session();
  private final JavaSparkContext context = new JavaSparkContext(spark.sparkContext());

  @TempDir java.nio.file.Path output;
  private ResultFolder folder;

  @BeforeEach
  void start() {
    folder = new ResultFolder(new Path(output.toUri().toString(), "s"), new Configuration());
    TAKEN.set(0);
  }

  @Test
  void aTrialThatSparkStopsKeepsItsStateAndGoesOnFromThere() throws Exception {
    Trial trial = trial(400);
    TrialTask trainer =
        new TrainerEngine()
            .task(
                new Execution(
                    "cpu", 1, 0, 0, 0, 10, Packing.OFF, Caching.OFF, 1, BlasLibrary.AUTO));
    TrialTask real = (t, slot, progress) -> trainer.run(t, slot, COUNTING);
    CompletableFuture<Ending> stopped =
        CompletableFuture.supplyAsync(
            () -> {
              context.setJobGroup("stopped", "stopped", true);
              return run(trial, real, 1);
            });
    while (TAKEN.get() < 20 && !stopped.isDone()) {
      Thread.sleep(5);
    }
    context.cancelJobGroup("stopped");
    assertThat(failureOf(stopped)).isInstanceOf(SparkException.class);

    java.nio.file.Path states = output.resolve("s/checkpoints/" + trial.id());
    List<String> kept = awaitFiles(states);
    assertThat(kept).hasSize(2);
    int reached = Integer.parseInt(kept.get(0).replaceAll("\\D", ""));
    assertThat(reached).isBetween(20, 399);
    assertThat(folder.trials()).isEmpty();

    TAKEN.set(0);
    assertThat(run(trial, real, 1).status()).isEqualTo(Status.FINISHED);
    assertThat(TAKEN.get()).isEqualTo(400 - reached);
    assertThat(states).doesNotExist();
    Row resumed = row();
    folder = new ResultFolder(new Path(output.toUri().toString(), "u"), new Configuration());
    assertThat(run(trial, real, 1).status()).isEqualTo(Status.FINISHED);
    assertThat(resumed).isEqualTo(row());
  }

  @Test
  void aBugInAMethodIsARowWithItsStackTrace() {
    TrialTask bug =
        (trial, slot, progress) -> {
          throw new ArithmeticException("Cannot divide: a bug");
        };
    assertThat(run(trial(3), bug, 1).status()).isEqualTo(Status.FAILED);
    Row row = tables().trials().first();
    assertThat(row.<String>getAs("reason")).isEqualTo("ArithmeticException: Cannot divide: a bug");
    assertThat(row.<String>getAs("stack_trace")).contains("TrialJobTest").contains("\tat ");
  }

  /** No other trial of this process could run either: the sweep ends, and nothing has failed. */
  @Test
  void aLostDeviceOfTheDriverItselfEndsTheSweep() {
    TrialTask lost =
        (trial, slot, progress) -> {
          throw new IllegalStateException(
              new DeviceLostException("Cannot wait for GPU 0: it is lost"));
        };
    try (SparkCluster cluster = new SparkCluster(context, folder, lost)) {
      Trial trial = trial(3);
      cluster.start(List.of(new PlannedTrial(trial, trial.id(), trial.title(), 1, 1)), Set.of());
      assertThatThrownBy(() -> cluster.await(Duration.ofMinutes(1)))
          .isInstanceOf(IllegalStateException.class)
          .hasMessage("Cannot wait for GPU 0: it is lost; run the same again");
    }
    assertThat(folder.trials()).isEmpty();
  }

  @Test
  void aTrialOverItsTimeIsARowOfItsOwn() {
    TrialTask limited =
        new TrainerEngine()
            .task(
                new Execution(
                    "cpu", 1, 0, 0, 0.05, 0, Packing.OFF, Caching.OFF, 1, BlasLibrary.AUTO));
    assertThat(run(trial(100_000), limited, 1).status()).isEqualTo(Status.TIMEOUT);
    Row row = tables().trials().first();
    assertThat(row.<String>getAs("status")).isEqualTo("timeout");
    assertThat(row.<String>getAs("reason")).contains("the limit is 3.0 s");
    assertThat(row.<Long>getAs("predicted_peak_bytes")).isPositive();
  }

  private Ending run(Trial trial, TrialTask task, int attempt) {
    TrialJob job =
        new TrialJob(
            task,
            List.of(new TrialJob.Part(trial.id(), trial.title(), attempt, Segment.WHOLE)),
            folder.path(),
            context.version(),
            context.broadcast(new SerializableConfiguration(context.hadoopConfiguration())));
    ArrayList<String> trials = new ArrayList<>(List.of(trial.toJson()));
    return context.parallelize(List.of(trials), 1).map(job).collect().get(0).get(0);
  }

  private static Throwable failureOf(CompletableFuture<?> future) {
    try {
      future.join();
      return null;
    } catch (CompletionException e) {
      return e.getCause();
    }
  }

  /** The task goes on for a moment after its job is cancelled. */
  private static List<String> awaitFiles(java.nio.file.Path folder) throws Exception {
    for (int i = 0; i < 1200; i++) {
      if (Files.isDirectory(folder)) {
        try (Stream<java.nio.file.Path> files = Files.list(folder)) {
          List<String> names =
              files
                  .map(file -> file.getFileName().toString())
                  .filter(name -> !name.startsWith("."))
                  .sorted()
                  .toList();
          if (names.size() >= 2) {
            return names;
          }
        }
      }
      Thread.sleep(100);
    }
    return List.of();
  }

  private Row row() {
    return tables().trials().selectExpr(COLUMNS.split(", ")).first();
  }

  private ResultTables tables() {
    return ResultTables.of(spark, folder);
  }

  private static Trial trial(int steps) {
    String file =
        """
        name: x
        model: builtin:mini
        tasks: [mini-sst2]
        train-limit: 100
        grid: [{method: adalora, rank: 4}]
        training: {max-steps: %d, evaluate-every: 100, max-tokens: 32, batch: 32}
        """
            .formatted(steps);
    return SweepFile.read(
            "x.yaml",
            Map.of(),
            location -> Optional.ofNullable(location.equals("x.yaml") ? file : null))
        .expand(LIBRARY::modelHash, LIBRARY::taskHash)
        .get(0);
  }
}
