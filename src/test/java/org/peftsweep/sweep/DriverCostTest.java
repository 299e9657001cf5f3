package org.peftsweep.sweep;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.management.ManagementFactory;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.apache.spark.api.java.JavaSparkContext;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.peftsweep.results.LocalSpark;
import org.peftsweep.results.ResultFolder;
import org.peftsweep.results.Samples;
import org.peftsweep.spec.Trial;

/**
 * What a trial costs beside its training, on Spark as it is; the figures stand in robustness.md.
 */
class DriverCostTest {
  private static final int WARM_UP = 100;
  private static final int TRIALS = Integer.getInteger("driver-cost.trials", 200);

  @TempDir java.nio.file.Path output;

  @Test
  void staysBelowATwentiethOfATrialOfTenSeconds() throws Exception {
    run("warm-up", WARM_UP);
    long heap = heap();
    long cpu = processCpu();
    long start = System.nanoTime();
    run("measured", TRIALS);
    double seconds = (System.nanoTime() - start) / 1e9;
    double processor = (processCpu() - cpu) / 1e9;
    long grown = heap() - heap;
    System.out.printf(
        Locale.ROOT,
        "driver cost: %d trials, %.1f s; a trial: processor %.1f ms, heap %.1f KiB%n",
        TRIALS,
        seconds,
        1e3 * processor / TRIALS,
        grown / 1024.0 / TRIALS);
    // A twentieth of a trial of ten seconds, and 2 GB for 20,000.
    assertThat(processor / TRIALS).isLessThan(0.5);
    assertThat(grown).isLessThan((2L << 30) / 20_000 * TRIALS);
  }

  private void run(String name, int count) throws Exception {
    ResultFolder folder = new ResultFolder(new Path(output.toString(), name), new Configuration());
    List<Trial> trials =
        IntStream.range(0, count).mapToObj(seed -> Samples.trial("rte", seed)).toList();
    Forecast forecast = trial -> new Forecast.Size(1, 1, 1, 1);
    Plan plan = Plan.of(trials, Trial::title, folder, forecast, Pace.UNKNOWN);
    JavaSparkContext context = new JavaSparkContext(LocalSpark.session().sparkContext());
    TrialTask task = (trial, slot, progress) -> Samples.finished(0.5, 3);
    List<Ending> endings = new SweepRunner(context, folder, task, new SweepListener() {}).run(plan);
    assertThat(endings).hasSize(count);
  }

  /** Returns nanoseconds of all threads: executor's side, Spark and collector included. */
  private static long processCpu() {
    return ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean())
        .getProcessCpuTime();
  }

  private static long heap() {
    System.gc();
    return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
  }
}
