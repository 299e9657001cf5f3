package org.peftsweep.data;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;

/** Where tests find reference numbers and third-party files. */
final class Folders {

  private Folders() {}

  /** The folder of golden cases: {@code golden.dir}, the project's own copy, ../shared/golden. */
  static Path golden() {
    String given = System.getProperty("golden.dir", "");
    Path own = Path.of("src/test/resources/golden");
    return !given.isEmpty()
        ? Path.of(given)
        : Files.isDirectory(own) ? own : Path.of("../shared/golden");
  }

  /** A path below {@code shared.dir}; the test is skipped where it is absent. */
  static Path shared(String path) {
    Path found = Path.of(System.getProperty("shared.dir", "../shared")).resolve(path);
    assumeTrue(
        Files.exists(found),
        "Cannot find " + found + ": supply the folder of third-party files by -Dshared.dir");
    return found;
  }
}
