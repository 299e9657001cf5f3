package org.peftsweep;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.stream.Stream;

/**
 * Holds reference cases to {@code golden-not-implemented.txt}: each is run or of a kind that is
 * listed there, and the list says nothing else.
 */
public final class GoldenCoverage {
  private static final Path LIST = Path.of("src/test/resources/golden-not-implemented.txt");
  private static final Path OWN = Path.of("src/test/resources/golden");

  private GoldenCoverage() {}

  /** Fails by name for each case of a family that is neither run nor listed, or both. */
  public static void require(String family, Collection<Path> run) {
    require(family, names(GoldenCase.folders(family)), names(run));
  }

  /** The same for cases that are no folders. */
  public static void require(String family, Collection<String> cases, Collection<String> run) {
    List<String> listed = listed(family);
    for (String name : cases) {
      assertThat(run.contains(name))
          .as(
              "whether %s/%s is run, %s being listed as not implemented",
              family, name, listed.stream().filter(kind -> isOf(name, kind)).toList())
          .isEqualTo(listed.stream().noneMatch(kind -> isOf(name, kind)));
    }
    // Folders that others supply need not have every kind.
    if (TestFolders.golden().equals(OWN)) {
      assertThat(listed)
          .as("kinds that are listed and have cases")
          .allSatisfy(kind -> assertThat(cases).anyMatch(name -> isOf(name, kind)));
    }
  }

  private static List<String> names(Collection<Path> folders) {
    return folders.stream().map(folder -> folder.getFileName().toString()).toList();
  }

  /** A case on another model than the usual one has that in front of its kind. */
  private static boolean isOf(String name, String kind) {
    return name.startsWith(kind) || name.matches("(bert|roberta|llama)[a-z0-9]*_" + kind + ".*");
  }

  private static List<String> listed(String family) {
    try (Stream<String> lines = Files.lines(LIST)) {
      return lines
          .filter(line -> line.startsWith(family + "/"))
          .map(line -> line.substring(family.length() + 1))
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
