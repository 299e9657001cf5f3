package org.peftsweep.cli;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.peftsweep.results.LocalSpark;
import org.peftsweep.sweep.TrainerEngine;

/**
 * Results of real sweeps that are as small as can be, for tests of what is asked of them: 2 tasks ×
 * 2 seeds × 11 recipes of few steps, one of which diverges and one of which trains nothing.
 */
final class TinySweep {
  private static final String SWEEP =
      """
      name: tiny
      model: builtin:mini
      tasks: [mini-cola, mini-rte]
      seeds: [0, 1]
      train-limit: 96
      validation-fraction: 0.25
      grid:
        - method: lora
          targets: [qv, qkv]
          rank: [4, 8]
          ratio: [1, 8]
        - method: full
          targets: qv
          learning-rate: 1e30
        - method: lora
          plug-in: ist
          targets: qv
          rank: 4
        - method: untrained
      rates: {learning-rate: 2e-3}
      training: {max-steps: 6, max-tokens: 32, evaluate-every: 3}
      """;

  /** The same tasks on another base that is left as it is. */
  private static final String OTHER_BASE =
      SWEEP
          .replace("name: tiny", "name: other")
          .replace("builtin:mini", "builtin:mini-causal")
          .replaceAll("(?s)(grid:\n).*(rates:)", "$1  - method: untrained\n$2");

  private static Path output;

  private TinySweep() {}

  /** Returns a folder with the same results, and beside them those of another base. */
  static Path withOtherBase(Path folder) throws IOException {
    Files.createSymbolicLink(folder.resolve("tiny"), output().resolve("tiny"));
    run(OTHER_BASE, folder, 0);
    return folder;
  }

  /** Returns the folder of results, which is made once for all tests. */
  static synchronized Path output() {
    if (output == null) {
      LocalSpark.session();
      try {
        Path folder = Files.createTempDirectory(Path.of("target"), "tiny").toAbsolutePath();
        run(SWEEP, Files.createDirectory(folder.resolve("all")), ExitCode.UNFINISHED);
        output = folder.resolve("all");
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
    return output;
  }

  private static void run(String sweep, Path output, int wanted) throws IOException {
    Path file = Files.writeString(Files.createTempFile("tiny", ".yaml"), sweep);
    ByteArrayOutputStream said = new ByteArrayOutputStream();
    PrintStream to = new PrintStream(said, true, StandardCharsets.UTF_8);
    int code =
        Main.run(
            new TrainerEngine(), to, to, "sweep", file.toString(), "--output", output.toString());
    Files.delete(file);
    if (code != wanted) {
      throw new IllegalStateException("The tiny sweep ended with " + code + "\n" + said);
    }
  }
}
