package org.peftsweep.sweep;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.peftsweep.results.LiveFolder;
import org.peftsweep.results.LocalSpark;
import org.peftsweep.results.ResultFolder;
import org.peftsweep.results.ResultTables;
import org.peftsweep.results.RunningTrial;
import org.peftsweep.results.Samples;
import org.peftsweep.spec.Trial;
import org.peftsweep.train.Outcome.Status;

class SweepRunnerTest {
  // Static, so that tasks that Spark has copied still speak to the test.
  private static final List<Long> RAN = Collections.synchronizedList(new ArrayList<>());
  private static final AtomicInteger RUNNING = new AtomicInteger();
  private static final AtomicInteger MOST = new AtomicInteger();
  private static final AtomicInteger LOSSES = new AtomicInteger();

  private static final Forecast BY_SEED =
      trial -> new Forecast.Size(10, 2, 100, 1 + trial.seed() % 3);

  private final SparkSession spark = LocalSpark.session();
  private final JavaSparkContext context = new JavaSparkContext(spark.sparkContext());

  @TempDir java.nio.file.Path output;
  private ResultFolder folder;

  @BeforeEach
  void start() {
    folder = new ResultFolder(new Path(output.toString(), "s"), new Configuration());
    RAN.clear();
    MOST.set(0);
    LOSSES.set(0);
  }

  @Test
  void leavesARowForEveryTrial() throws Exception {
    List<Ending> endings = run(trials(6), standIn());
    assertThat(endings).hasSize(6).allMatch(ending -> ending.status() == Status.FINISHED);
    List<Row> rows = tables().trials().orderBy("seed").collectAsList();
    assertThat(rows.stream().map(row -> row.<Long>getAs("seed")))
        .containsExactly(0L, 1L, 2L, 3L, 4L, 5L);
    assertThat(rows).allMatch(row -> row.<String>getAs("executor").equals("driver"));
    assertThat(rows).allMatch(row -> row.<String>getAs("host") != null);
    assertThat(rows).allMatch(row -> row.<String>getAs("spark_version").equals(spark.version()));
  }

  @Test
  void runsOnlyWhatHasNoRow() throws Exception {
    run(trials(3), standIn());
    RAN.clear();
    assertThat(run(trials(5), standIn())).hasSize(2);
    assertThat(RAN).containsExactlyInAnyOrder(3L, 4L);
    RAN.clear();
    assertThat(run(trials(5), standIn())).isEmpty();
    assertThat(RAN).isEmpty();
    assertThat(tables().trials().count()).isEqualTo(5);
  }

  @Test
  void tellsWhileATrialRunsHowFarItIs() throws Exception {
    LiveFolder live = new LiveFolder(folder, new Configuration());
    String results = folder.path().toString();
    run(
        trials(1),
        (trial, slot, progress) -> {
          progress.step(3, 20, 0.5);
          LiveFolder seen =
              new LiveFolder(new ResultFolder(new Path(results), slot.files()), slot.files());
          RunningTrial running = seen.trials().get(0);
          RAN.add((long) running.step());
          RAN.add((long) running.steps());
          return Samples.finished(0.5, 3);
        });
    assertThat(RAN).containsExactly(3L, 20L);
    assertThat(live.trials()).isEmpty();
  }

  @Test
  void runsATrialOnceThatIsAskedForTwice() throws Exception {
    run(List.of(Samples.trial("rte", 1), Samples.trial("rte", 1)), standIn());
    assertThat(RAN).containsExactly(1L);
  }

  @Test
  void startsTheLongestFirst() {
    assertThat(plan(trials(6)).pending().stream().map(p -> p.trial().seed()))
        .containsExactly(2L, 5L, 1L, 4L, 0L, 3L);
  }

  @Test
  void turnsAFailureIntoARowAndGoesOn() throws Exception {
    List<Ending> endings =
        run(
            trials(4),
            (trial, slot, progress) -> {
              if (trial.seed() == 1) {
                throw new IllegalStateException("Cannot go on: the sky fell");
              }
              if (trial.seed() == 2) {
                throw new OutOfMemoryError("native");
              }
              return Samples.finished(0.5, 1);
            });
    assertThat(endings).hasSize(4);
    assertThat(status(1)).isEqualTo("failed");
    assertThat(status(2)).isEqualTo("oom");
    Row row = tables().trials().where("seed = 1").first();
    assertThat(row.<String>getAs("reason"))
        .isEqualTo("IllegalStateException: Cannot go on: the sky fell");
    assertThat(row.<String>getAs("stack_trace")).contains("SweepRunnerTest");
    assertThat(tables().trials().where("status = 'finished'").count()).isEqualTo(2);
  }

  @Test
  void givesUpAtOnceWhereTheFolderIsFull() {
    String sentence = "Cannot write " + folder.path() + "/trials/x: no space is left there";
    assertThatThrownBy(
            () ->
                run(
                    trials(1),
                    (trial, slot, progress) -> {
                      RAN.add(trial.seed());
                      throw new UncheckedIOException(sentence, new FileNotFoundException(sentence));
                    }))
        .isInstanceOf(UncheckedIOException.class)
        .hasMessage(sentence + ", make some and run the same again");
    assertThat(RAN).containsExactly(0L);
    assertThat(folder.trials()).isEmpty();
  }

  @Test
  void triesAFailedTrialAgainInTheNextRun() throws Exception {
    run(
        trials(1),
        (trial, slot, progress) -> {
          throw new IllegalStateException("not this time");
        });
    assertThat(status(0)).isEqualTo("failed");
    run(trials(1), standIn());
    Row row = tables().trials().first();
    assertThat(row.<String>getAs("status")).isEqualTo("finished");
    assertThat(row.<Integer>getAs("attempt")).isEqualTo(2);
  }

  @Test
  void leavesADivergedTrialAlone() throws Exception {
    run(trials(1), (trial, slot, progress) -> Samples.failed(Status.DIVERGED, "loss is NaN"));
    assertThat(run(trials(1), standIn())).isEmpty();
    assertThat(status(0)).isEqualTo("diverged");
  }

  @Test
  void keepsToTheSlots() throws Exception {
    run(
        trials(8),
        (trial, slot, progress) -> {
          MOST.accumulateAndGet(RUNNING.incrementAndGet(), Math::max);
          Thread.sleep(150);
          RUNNING.decrementAndGet();
          return Samples.finished(0.5, 1);
        });
    assertThat(MOST.get()).isEqualTo(2);
  }

  @Test
  void runsALostTrialOnceMore() throws Exception {
    List<Ending> endings = run(trials(1), loses(1));
    assertThat(endings).extracting(Ending::status).containsExactly(Status.FINISHED);
    assertThat(tables().events().where("kind = 'lost'").count()).isEqualTo(1);
  }

  @Test
  void writesTheRowOfATrialThatIsLostEachTime() throws Exception {
    List<Ending> endings = run(trials(1), loses(99));
    assertThat(endings).extracting(Ending::status).containsExactly(Status.FAILED);
    Row row = tables().trials().where("status = 'failed'").first();
    assertThat(row.<String>getAs("reason")).startsWith("SparkException: Job aborted");
    assertThat(row.<String>getAs("executor")).isNull();
  }

  @Test
  void refusesATaskThatCannotTravel() {
    Object fixed = new Object();
    assertThatThrownBy(
            () ->
                run(
                    trials(1),
                    (trial, slot, progress) -> Samples.failed(Status.FAILED, fixed.toString())))
        .hasMessageContaining("not serializable");
    assertThat(tables().trials().count()).isZero();
  }

  @Test
  void interruptsWhatRunsWhenItIsAskedToStop() throws Exception {
    Stop stop = new Stop();
    SweepListener onStart =
        new SweepListener() {
          @Override
          public void submitted(PlannedTrial trial) {
            if (trial.trial().seed() == 2) {
              stop.ask("a test");
            }
          }
        };
    TrialTask sleeps =
        (trial, slot, progress) -> {
          Thread.sleep(100_000);
          return Samples.finished(0.5, 1);
        };
    List<Ending> endings =
        new SweepRunner(context, folder, sleeps, onStart).run(plan(trials(6)), stop);
    assertThat(endings).isEmpty();
    assertThat(folder.trials()).isEmpty();
    assertThat(tables().events().where("kind = 'stopped'").count()).isPositive();
    assertThat(run(trials(6), standIn())).hasSize(6);
  }

  @Test
  void triesATrialAgainAfterAnIoFaultAndNotAfterAMissingFile() throws Exception {
    TrialTask faulty =
        (trial, slot, progress) -> {
          if (trial.seed() == 0 && LOSSES.getAndIncrement() == 0) {
            throw new UncheckedIOException("Cannot read x", new IOException("connection reset"));
          }
          if (trial.seed() == 1) {
            throw new UncheckedIOException("Cannot read y", new FileNotFoundException("y"));
          }
          return Samples.finished(0.5, 1);
        };
    run(trials(2), faulty);
    assertThat(status(0)).isEqualTo("finished");
    assertThat(status(1)).isEqualTo("failed");
    assertThat(tables().events().where("kind = 'lost'").select("detail").collectAsList())
        .singleElement()
        .satisfies(row -> assertThat(row.getString(0)).contains("connection reset"));
  }

  @Test
  void recordsWhatItDid() throws Exception {
    run(trials(1), standIn());
    run(trials(2), standIn());
    assertThat(
            tables().events().orderBy("run_at", "at").select("kind").collectAsList().stream()
                .map(row -> row.getString(0)))
        .containsExactly(
            "sweep-started",
            "submitted",
            "ended",
            "sweep-ended",
            "sweep-started",
            "skipped",
            "submitted",
            "ended",
            "sweep-ended");
  }

  @Test
  void forecastsFromWhatWasMeasured() throws Exception {
    run(trials(3), standIn());
    // Samples take 5 s; forecasts were 1, 2 and 3 s, so the median ratio is 5/2.
    Pace pace = Pace.of(tables(), trials(3), BY_SEED);
    assertThat(pace.seconds(Samples.trial("rte", 9), 4)).isEqualTo(10);
    assertThat(pace.seconds(Samples.trial("another task", 9), 4)).isEqualTo(10);
  }

  private static TrialTask standIn() {
    return (trial, slot, progress) -> {
      RAN.add(trial.seed());
      return Samples.finished(0.5, 2);
    };
  }

  /** Fails as a machine does, out of reach of the trial's own row, so many times. */
  private static TrialTask loses(int times) {
    return new TrialTask() {
      @Override
      public org.peftsweep.train.Outcome run(
          Trial trial, Slot slot, org.peftsweep.train.Progress progress) {
        return Samples.finished(0.5, 2);
      }

      @Override
      public Integer threads() {
        if (LOSSES.getAndIncrement() < times) {
          throw new IllegalStateException("the machine is gone");
        }
        return 1;
      }
    };
  }

  private static List<Trial> trials(int seeds) {
    return IntStream.range(0, seeds).mapToObj(seed -> Samples.trial("rte", seed)).toList();
  }

  private String status(long seed) {
    return tables().trials().where("seed = " + seed).first().getAs("status");
  }

  private Plan plan(List<Trial> trials) {
    return Plan.of(trials, Trial::title, folder, BY_SEED, Pace.UNKNOWN);
  }

  private List<Ending> run(List<Trial> trials, TrialTask task) throws InterruptedException {
    return new SweepRunner(context, folder, task, new SweepListener() {}).run(plan(trials));
  }

  private ResultTables tables() {
    return ResultTables.of(spark, folder);
  }
}
