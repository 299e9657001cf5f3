package org.peftsweep;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Holds the sources to the arrows between packages. */
class ArchitectureTest {
  /** Each package may use those before it. */
  private static final List<String> FLOORS =
      List.of(
          "compute",
          "data",
          "checkpoint",
          "model",
          "optim",
          "method",
          "spec",
          "train",
          "results",
          "sweep",
          "stats",
          "report",
          "cli");

  private static final List<String> WITH_SPARK = List.of("results", "sweep", "report", "cli");

  private static final Path SOURCES = Path.of("src/main/java/org/peftsweep");
  private static final Pattern OURS = Pattern.compile("\\borg\\.peftsweep\\.([a-z]\\w*)");
  private static final Pattern SPARK = Pattern.compile("\\b(org\\.apache\\.spark|scala)\\.");
  private static final Pattern COMMENT = Pattern.compile("/\\*.*?\\*/|//[^\n]*", Pattern.DOTALL);

  @Test
  void packagesUseOnlyThoseBelowThem() {
    List<String> offenders = new ArrayList<>();
    for (Path file : sources()) {
      String room = room(file);
      Matcher use = OURS.matcher(code(file));
      while (use.find()) {
        if (!FLOORS.contains(use.group(1)) || FLOORS.indexOf(use.group(1)) > FLOORS.indexOf(room)) {
          offenders.add(file + " uses " + use.group());
        }
      }
    }
    assertThat(offenders).isEmpty();
  }

  @Test
  void onlyTheTopKnowsSpark() {
    assertThat(sources())
        .filteredOn(file -> !WITH_SPARK.contains(room(file)))
        .filteredOn(file -> SPARK.matcher(code(file)).find())
        .isEmpty();
  }

  @Test
  void everyPackageIsOnAFloorAndSaysWhatItIs() throws IOException {
    try (Stream<Path> entries = Files.list(SOURCES)) {
      List<Path> rooms = entries.sorted().toList();
      assertThat(rooms).extracting(room -> room.getFileName().toString()).isSubsetOf(FLOORS);
      assertThat(rooms).allSatisfy(room -> assertThat(room.resolve("package-info.java")).exists());
    }
  }

  private static String room(Path file) {
    return SOURCES.relativize(file).getName(0).toString();
  }

  /** The text without comments, so that documentation may point upwards. */
  private static String code(Path file) {
    try {
      return COMMENT.matcher(Files.readString(file)).replaceAll("");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static List<Path> sources() {
    try (Stream<Path> files = Files.walk(SOURCES)) {
      return files.filter(file -> file.toString().endsWith(".java")).sorted().toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
