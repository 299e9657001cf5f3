package org.peftsweep;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** Where the tests find data that other programs made. */
public final class TestFolders {
  private TestFolders() {}

  /** {@code -Dgolden.dir}, else the project's own copy, else {@code golden} in {@link #shared}. */
  public static Path golden() {
    String given = System.getProperty("golden.dir", "");
    Path own = Path.of("src", "test", "resources", "golden");
    Path golden =
        !given.isEmpty() ? Path.of(given) : Files.isDirectory(own) ? own : sharedRoot("golden");
    assumeTrue(
        Files.isDirectory(golden),
        () -> golden + " is absent: supply reference tensors with -Dgolden.dir=<folder>");
    return golden;
  }

  /** A file or folder in {@code -Dshared.dir}, {@code ../shared} by default. */
  public static Path shared(String name) {
    Path folder = sharedRoot(name);
    assumeTrue(
        Files.exists(folder),
        () -> folder + " is absent: supply a folder that holds " + name + " with -Dshared.dir");
    return folder;
  }

  public static List<Path> filesBelow(Path folder, String ending) {
    try (Stream<Path> files = Files.walk(folder)) {
      return files.filter(file -> file.toString().endsWith(ending)).sorted().toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Path sharedRoot(String name) {
    return Path.of(System.getProperty("shared.dir", "../shared"), name);
  }
}
