package org.peftsweep.cli.gpu;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.util.List;
import java.util.Map;
import org.peftsweep.cli.gpu.CheckedTrials.Ticks;
import org.peftsweep.compute.cuda.EmulatedDevices;
import org.peftsweep.spec.Trial;
import org.peftsweep.train.Progress;

/**
 * Prints what a step of the small shape costs the host, alone and in packs, on a device that
 * computes nothing: below that no GPU can bring it. Then what the graph of a step of the base shape
 * runs.
 */
final class HostCost {
  private static final String BLOCK =
      "{method: lora, rank: 8, dropout: 0.1, precision: bf16, weights: bf16}";

  /** As goals have it. */
  private static final String BASE = "{method: lora, rank: 8, precision: bf16, weights: bf16}";

  private static final int STEPS = 16;
  private static final double NANOS_OF_MILLISECOND = 1e6;
  private static final OperatingSystemMXBean PROCESSORS =
      (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

  private HostCost() {}

  public static void main(String... arguments) throws IOException {
    int rounds = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 60;
    Extent extent = Extent.WHOLE;
    try (CheckedTrials trials = new CheckedTrials(extent.small(), extent.batches(), 32)) {
      for (int lanes : List.of(1, extent.lanes(), extent.manyLanes())) {
        run(trials, lanes, rounds, Progress.SILENT);
        Ticks ticks = new Ticks(STEPS);
        long[] few = run(trials, lanes, 1, Progress.SILENT);
        long[] many = run(trials, lanes, rounds, ticks);
        double steps = STEPS * (rounds - 1);
        System.out.printf(
            "%d lanes: %.3f ms, %.3f ms of processors and %.1f calls of the driver a step%n",
            lanes,
            ticks.millis(),
            (many[0] - few[0]) / NANOS_OF_MILLISECOND / steps,
            (many[1] - few[1]) / steps);
        System.out.println(nodes());
      }
    }
    try (CheckedTrials trials = new CheckedTrials(extent.base(), 2, 32)) {
      trials.runPack("cuda:idle", trials.trials(BASE, 1, "max-steps: 4"), Progress.SILENT);
      System.out.println("base: " + nodes());
    }
  }

  /** Returns the nanoseconds of processors and the calls of the driver that some steps take. */
  private static long[] run(CheckedTrials trials, int lanes, int rounds, Progress progress) {
    String length = "max-steps: " + STEPS * (rounds + 1) + ", evaluate-every: 1000000";
    List<Trial> all = trials.trials(BLOCK, lanes, length);
    long calls = EmulatedDevices.idleCalls();
    long spent = PROCESSORS.getProcessCpuTime();
    trials.runPack("cuda:idle", all, progress);
    return new long[] {PROCESSORS.getProcessCpuTime() - spent, EmulatedDevices.idleCalls() - calls};
  }

  private static String nodes() {
    Map<String, Integer> nodes = EmulatedDevices.idleNodes();
    int sum = nodes.values().stream().mapToInt(Integer::intValue).sum();
    return sum + " nodes: " + nodes;
  }
}
