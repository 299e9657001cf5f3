package org.peftsweep.compute.nd4j;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;

/** What {@code nvidia-smi} tells of a GPU, which ND4J cannot be asked before it runs a kernel. */
final class ComputeCapability {
  private ComputeCapability() {}

  /** Returns the compute capability of a GPU, such as 8.6; empty where nobody tells it. */
  static Optional<Double> ofGpu(String address) {
    return of("nvidia-smi", "--id=" + address, "--query-gpu=compute_cap", "--format=csv,noheader");
  }

  /** Returns the number that a command prints; empty where it prints none, or cannot be run. */
  static Optional<Double> of(String... command) {
    try {
      Process process =
          new ProcessBuilder(List.of(command))
              .redirectError(ProcessBuilder.Redirect.DISCARD)
              .start();
      String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      return Optional.of(Double.valueOf(said.strip()));
    } catch (IOException | NumberFormatException e) {
      return Optional.empty();
    }
  }
}
