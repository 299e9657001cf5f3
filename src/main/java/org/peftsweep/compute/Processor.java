package org.peftsweep.compute;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** The processor that this machine has, as its maker names it. */
public final class Processor {
  private static final Path DESCRIPTION = Path.of("/proc/cpuinfo");

  private Processor() {}

  /** Returns the model name, or the architecture where the system does not tell. */
  public static String model() {
    return entry("model name").orElse(System.getProperty("os.arch"));
  }

  /** Returns what the processor can do, as Linux names it: {@code avx2}, {@code avx512f} … */
  static List<String> flags() {
    return entry("flags").map(flags -> List.of(flags.split(" "))).orElse(List.of());
  }

  private static Optional<String> entry(String key) {
    try (Stream<String> lines = Files.lines(DESCRIPTION)) {
      return lines
          .filter(line -> line.startsWith(key))
          .map(line -> line.substring(line.indexOf(':') + 1).strip())
          .findFirst();
    } catch (IOException e) {
      return Optional.empty();
    }
  }
}
