package org.peftsweep.train;

import java.util.Map;
import java.util.Optional;
import org.apache.hadoop.conf.Configuration;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.spec.SweepFile;
import org.peftsweep.spec.Trial;

/**
 * Trials one after the other in a process with little memory, which {@link OutOfMemoryTest} starts:
 * prints how each ended.
 */
public final class OutOfMemoryMain {
  private OutOfMemoryMain() {}

  /** Takes blocks of a grid, each with the batch before it: {@code 8 {method: lora}}. */
  public static void main(String[] blocks) {
    Library library = new Library(new Configuration());
    for (String block : blocks) {
      String[] parts = block.split(" ", 2);
      Outcome outcome;
      try (Backend backend = Backends.open("cpu", Integer.getInteger("threads", 1))) {
        outcome =
            new TrialRun(library, backend)
                .run(trial(library, parts[0], parts[1]), RunLimits.FREE, Progress.SILENT);
      }
      System.out.println(outcome.status() + " " + outcome.finalLoss() + " " + outcome.reason());
    }
  }

  private static Trial trial(Library library, String batch, String block) {
    String file =
        """
        name: x
        model: builtin:mini
        tasks: [mini-sst2]
        train-limit: 3000
        grid: [%s]
        training: {max-steps: 3, max-tokens: 32, pad: max, batch: %s}
        """
            .formatted(block, batch);
    return SweepFile.read(
            "x.yaml",
            Map.of(),
            location -> Optional.ofNullable(location.equals("x.yaml") ? file : null))
        .expand(library::modelHash, library::taskHash)
        .get(0);
  }
}
