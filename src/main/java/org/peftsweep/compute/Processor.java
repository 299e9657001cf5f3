package org.peftsweep.compute;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** The processor that this machine has, as its maker names it. */
public final class Processor {
  private static final Path DESCRIPTION = Path.of("/proc/cpuinfo");

  private Processor() {}

  /** Returns the model name, or the architecture where the system does not tell. */
  public static String model() {
    try {
      for (String line : Files.readAllLines(DESCRIPTION)) {
        if (line.startsWith("model name")) {
          return line.substring(line.indexOf(':') + 1).strip();
        }
      }
    } catch (IOException e) {
      // The architecture below has to do.
    }
    return System.getProperty("os.arch");
  }
}
