package org.peftsweep.cli.gpu;

import java.io.IOException;
import java.util.List;
import org.peftsweep.cli.gpu.CheckedTrials.Ticks;
import org.peftsweep.compute.cuda.EmulatedDevices;
import org.peftsweep.spec.Trial;

/**
 * Prints what a step of the small shape costs the host, alone and in packs, on a device that
 * computes nothing: below that no GPU can bring it.
 */
final class HostCost {
  private static final String BLOCK =
      "{method: lora, rank: 8, dropout: 0.1, precision: bf16, weights: bf16}";
  private static final int STEPS = 16;

  private HostCost() {}

  public static void main(String... arguments) throws IOException {
    int rounds = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 60;
    Extent extent = Extent.WHOLE;
    String length = "max-steps: " + STEPS * (rounds + 1) + ", evaluate-every: 1000000";
    try (CheckedTrials trials = new CheckedTrials(extent.small(), extent.batches(), 32)) {
      for (int lanes : List.of(1, extent.lanes(), extent.manyLanes())) {
        Ticks ticks = new Ticks(STEPS);
        List<Trial> all = trials.trials(BLOCK, lanes, length);
        long before = EmulatedDevices.idleCalls();
        trials.runPack("cuda:idle", all, ticks);
        System.out.printf(
            "%d lanes: %.3f ms and %d calls of the driver a step%n",
            lanes, ticks.millis(), (EmulatedDevices.idleCalls() - before) / (STEPS * (rounds + 1)));
      }
    }
  }
}
