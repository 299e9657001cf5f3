package org.peftsweep.sweep;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.peftsweep.results.ResultFolder;
import org.peftsweep.results.Samples;
import org.peftsweep.spec.Trial;
import org.peftsweep.train.Outcome.Status;

/** The scheduler alone, in virtual time. */
class SchedulerTest {
  private static final Retries RETRIES =
      new Retries(3, Duration.ofSeconds(2), Duration.ofSeconds(5));

  @TempDir java.nio.file.Path output;
  private ResultFolder folder;

  @BeforeEach
  void makeFolder() {
    folder = new ResultFolder(new Path(output.toString(), "s"), new Configuration());
  }

  @Test
  void waitsLongerBeforeEachTry() {
    assertThat(IntStream.of(1, 2, 3, 60).mapToObj(RETRIES::after))
        .containsExactly(
            Duration.ofSeconds(2),
            Duration.ofSeconds(4),
            Duration.ofSeconds(5),
            Duration.ofSeconds(5));
  }

  @Test
  void triesALostTrialElsewhereUntilTheLimit() throws Exception {
    SimulatedCluster cluster = new SimulatedCluster(80, trial -> 100, 0, 1, 1);
    List<Ending> endings = run(cluster, planned(200, seed -> 1), new Stop());
    assertThat(endings)
        .hasSize(200)
        .allMatch(ending -> ending.status() == Status.FAILED)
        .allMatch(ending -> ending.reason().contains("the machine is gone"));
    assertThat(folder.trials()).hasSize(200);
    assertThat(cluster.starts()).isEqualTo(200 * RETRIES.tries());
    assertThat(cluster.againOnTheSameHost()).isZero();
  }

  @Test
  void neverStartsAgainWhatFailedByItself() throws Exception {
    SimulatedCluster cluster = new SimulatedCluster(4, trial -> 10, 0.5, 0.1, 1);
    List<Ending> endings = run(cluster, planned(200, seed -> 1), new Stop());
    assertThat(endings).filteredOn(e -> "by chance".equals(e.reason())).hasSizeGreaterThan(30);
    assertThat(endings.stream().map(Ending::id)).doesNotHaveDuplicates().hasSize(200);
  }

  @Test
  void passesOverATrialWhoseRowCameSinceThePlan() throws Exception {
    List<PlannedTrial> planned = planned(3, seed -> 1);
    folder.publish(Samples.row("s", planned.get(1).trial(), 1, Samples.finished(0.5, 1)));
    SimulatedCluster cluster = new SimulatedCluster(1, trial -> 10, 0, 0, 1);
    assertThat(run(cluster, planned, new Stop()))
        .hasSize(3)
        .allMatch(ending -> ending.status() == Status.FINISHED);
    assertThat(cluster.starts()).isEqualTo(2);
  }

  @Test
  void startsNothingMoreOnceAskedToStop() throws Exception {
    Stop stop = new Stop();
    SimulatedCluster cluster = new SimulatedCluster(4, trial -> 10, 0, 0, 1);
    List<PlannedTrial> ended = new ArrayList<>();
    SweepListener third =
        new SweepListener() {
          @Override
          public void ended(PlannedTrial trial, Ending ending) {
            ended.add(trial);
            if (ended.size() == 3) {
              stop.ask("a test");
            }
          }
        };
    List<Ending> endings = scheduler(cluster, third, stop).run(alone(planned(20, seed -> 1)));
    assertThat(endings).hasSize(3);
    assertThat(cluster.starts()).isBetween(4, 8);
  }

  /** What a large sweep asks of the driver; the figures stand in robustness.md. */
  @Test
  void keepsAThousandSlotsBusy() throws Exception {
    checkKeepsBusy(3000);
  }

  @Test
  @Tag("long")
  void keepsAThousandSlotsBusyBesideOneTrialThatIsLongerThanTheRest() throws Exception {
    checkKeepsBusy(1e9);
  }

  /**
   * Simulates a sweep.
   *
   * @param longest seconds above which durations are cut: below the mean work of a slot, or not
   */
  private void checkKeepsBusy(double longest) throws Exception {
    int trials = 20_000;
    int slots = 1_000;
    SplittableRandom random = new SplittableRandom(7);
    // Pareto with shape 1.5 from one minute on, and forecasts that are wrong by up to two.
    Map<String, Double> seconds = new HashMap<>();
    List<Trial> asked = new ArrayList<>();
    for (int seed = 0; seed < trials; seed++) {
      Trial trial = Samples.trial("rte", seed);
      asked.add(trial);
      seconds.put(trial.id(), Math.min(longest, 60 * Math.pow(1 - random.nextDouble(), -1 / 1.5)));
    }
    Forecast forecast =
        trial ->
            new Forecast.Size(
                1, 1, 1, seconds.get(trial.id()) * Math.pow(2, 2 * random.nextDouble() - 1));
    long cpu = cpu();
    long start = System.nanoTime();
    Plan plan = Plan.of(asked, Trial::title, folder, forecast, Pace.UNKNOWN);
    double planning = (System.nanoTime() - start) / 1e9;
    double planningCpu = (cpu() - cpu) / 1e9;
    SimulatedCluster cluster =
        new SimulatedCluster(slots, trial -> seconds.get(trial.id()), 0.01, 0.01, 3);
    List<Ending> endings = run(cluster, plan.pending(), new Stop());
    double overhead = (cpu() - cpu) / 1e9;
    System.gc();
    long heap = ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
    double makespan = cluster.now().toEpochMilli() / 1e3;
    System.out.printf(
        Locale.ROOT,
        "simulation: %d trials on %d slots, %d starts, longest %.0f s, makespan %.0f s, bound %.0f s,"
            + " ratio %.4f; planning %.1f s, processor %.1f s, heap %d MiB%n",
        trials,
        slots,
        cluster.starts(),
        seconds.values().stream().mapToDouble(Double::doubleValue).max().orElse(0),
        makespan,
        cluster.lowerBound(),
        makespan / cluster.lowerBound(),
        planning,
        overhead,
        heap >> 20);
    assertThat(endings).hasSize(trials);
    assertThat(endings.stream().map(Ending::id)).doesNotHaveDuplicates();
    assertThat(cluster.mostAtOnce()).isEqualTo(slots);
    assertThat(makespan).isLessThan(1.1 * cluster.lowerBound());
    assertThat(planningCpu).isLessThan(10);
    assertThat(overhead).isLessThan(0.05 * 3600);
    assertThat(heap).isLessThan(2L << 30);
  }

  @Test
  void findsTwentyThousandFinishedTrialsInSeconds() throws Exception {
    List<Trial> asked =
        IntStream.range(0, 20_000).mapToObj(seed -> Samples.trial("rte", seed)).toList();
    java.nio.file.Path trials = Files.createDirectories(output.resolve("s/trials"));
    for (Trial trial : asked) {
      Files.createFile(trials.resolve(trial.id() + "-1-finished.parquet"));
    }
    Forecast forecast = trial -> new Forecast.Size(1, 1, 1, 1);
    long cpu = cpu();
    long start = System.nanoTime();
    Plan plan = Plan.of(asked, Trial::title, folder, forecast, Pace.UNKNOWN);
    double processor = (cpu() - cpu) / 1e9;
    System.out.printf(
        Locale.ROOT,
        "ledger: %d finished trials, %.1f s, processor %.1f s%n",
        plan.done().size(),
        (System.nanoTime() - start) / 1e9,
        processor);
    assertThat(plan.done()).hasSize(20_000);
    assertThat(plan.pending()).isEmpty();
    // Of processor time, which a busy machine does not stretch.
    assertThat(processor).isLessThan(10);
  }

  private static long cpu() {
    return ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
  }

  private static List<PlannedTrial> planned(int seeds, java.util.function.LongToDoubleFunction s) {
    return IntStream.range(0, seeds)
        .mapToObj(seed -> Samples.trial("rte", seed))
        .map(t -> new PlannedTrial(t, t.id(), t.title(), 1, s.applyAsDouble(t.seed())))
        .toList();
  }

  private static List<List<PlannedTrial>> alone(List<PlannedTrial> trials) {
    return trials.stream().map(List::of).toList();
  }

  private List<Ending> run(Cluster cluster, List<PlannedTrial> trials, Stop stop)
      throws InterruptedException {
    return scheduler(cluster, new SweepListener() {}, stop).run(alone(trials));
  }

  private Scheduler scheduler(Cluster cluster, SweepListener listener, Stop stop) {
    return new Scheduler(
        cluster, folder, new EventLog(folder, cluster::now), listener, RETRIES, stop);
  }
}
