package org.peftsweep;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Holds the sources to the arrows between packages, and between files. */
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
          "dl4j",
          "search",
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

  private static final Pattern TEXT = Pattern.compile("\"(?:\\\\.|[^\"\\\\\n])*\"");
  private static final Pattern PERMITS = Pattern.compile("\\bpermits\\b[^{]*\\{");
  private static final Pattern NAME = Pattern.compile("(?<![.\\w])([A-Z]\\w*)");
  private static final Pattern DECLARED =
      Pattern.compile("\\b(?:class|interface|record|enum)\\s+(\\w+)");
  private static final Pattern IMPORTED =
      Pattern.compile("import\\s+(?:static\\s+)?[\\w.]+?\\.([A-Z]\\w*)");
  private static final Pattern OUR_FILE =
      Pattern.compile("\\borg\\.peftsweep\\.([a-z][a-z0-9.]*\\.[A-Z]\\w*)");

  /** Files that are parts of one thing, such as a record and what reads it. */
  private static final List<List<String>> KNOWN =
      List.of(
          List.of(
              "checkpoint/Architecture",
              "checkpoint/Architectures",
              "checkpoint/ConfigFile",
              "checkpoint/ConfigWriter",
              "checkpoint/ModelConfig"),
          List.of("model/Adapter", "model/Linear"),
          List.of("model/ChosenLayers", "model/Model"),
          List.of("spec/Trial", "spec/TrialJson"));

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

  /** The readme lists the rooms from the top down. */
  @Test
  void theReadmeNamesEveryRoom() throws IOException {
    List<String> down = new ArrayList<>(FLOORS);
    Collections.reverse(down);
    Matcher named =
        Pattern.compile("arrows point down: ([a-z0-9, ]+)")
            .matcher(Files.readString(Path.of("README.md")));
    assertThat(named.find()).isTrue();
    assertThat(named.group(1).strip().split(", ")).containsExactlyInAnyOrderElementsOf(down);
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
    }
    assertThat(sources())
        .allSatisfy(file -> assertThat(file.resolveSibling("package-info.java")).exists());
  }

  @Test
  void noFilesUseEachOtherInACircle() {
    Map<Path, Set<Path>> uses = uses();
    assertThat(circles(uses))
        .extracting(circle -> circle.stream().map(ArchitectureTest::name).toList())
        .containsExactlyInAnyOrderElementsOf(KNOWN);
  }

  @Test
  void arrowsBetweenAPackageAndItsPartsGoOneWay() {
    Map<String, String> between = new TreeMap<>();
    uses()
        .forEach(
            (file, used) ->
                used.stream()
                    .filter(other -> isPart(file, other) || isPart(other, file))
                    .forEach(
                        other ->
                            between.put(
                                folder(file) + " uses " + folder(other),
                                name(file) + " uses " + name(other))));
    assertThat(between)
        .allSatisfy(
            (arrow, example) -> {
              String[] ends = arrow.split(" uses ");
              assertThat(between.get(ends[1] + " uses " + ends[0])).as(example).isNull();
            });
  }

  /** Whether a file lies in a package below another file's. */
  private static boolean isPart(Path file, Path other) {
    return !file.getParent().equals(other.getParent()) && other.startsWith(file.getParent());
  }

  private static String folder(Path file) {
    return SOURCES.relativize(file.getParent()).toString();
  }

  /** Every file with those that its code names; what a sealed type permits does not count. */
  private static Map<Path, Set<Path>> uses() {
    Map<Path, Set<Path>> uses = new TreeMap<>();
    for (Path file : sources()) {
      String code = PERMITS.matcher(TEXT.matcher(code(file)).replaceAll("")).replaceAll("{");
      Set<String> declared = words(DECLARED, code);
      Set<String> imported = words(IMPORTED, code);
      Set<Path> used = new TreeSet<>();
      for (String name : words(NAME, code)) {
        if (!declared.contains(name) && !imported.contains(name)) {
          used.add(file.resolveSibling(name + ".java"));
        }
      }
      for (String ours : words(OUR_FILE, code)) {
        used.add(SOURCES.resolve(ours.replace('.', '/') + ".java"));
      }
      used.removeIf(other -> other.equals(file) || !Files.exists(other));
      uses.put(file, used);
    }
    return uses;
  }

  private static Set<String> words(Pattern pattern, String code) {
    return pattern.matcher(code).results().map(found -> found.group(1)).collect(Collectors.toSet());
  }

  /** The largest sets of files of which each reaches all others. */
  private static List<Set<Path>> circles(Map<Path, Set<Path>> uses) {
    Map<Path, Set<Path>> reached = new TreeMap<>();
    uses.keySet().forEach(file -> reached.put(file, reach(file, uses)));
    return uses.keySet().stream()
        .filter(file -> reached.get(file).contains(file))
        .map(
            file ->
                (Set<Path>)
                    reached.get(file).stream()
                        .filter(other -> reached.get(other).contains(file))
                        .collect(Collectors.toCollection(TreeSet::new)))
        .distinct()
        .toList();
  }

  private static Set<Path> reach(Path file, Map<Path, Set<Path>> uses) {
    Set<Path> reached = new TreeSet<>();
    Deque<Path> open = new ArrayDeque<>(uses.get(file));
    while (!open.isEmpty()) {
      Path next = open.pop();
      if (reached.add(next)) {
        open.addAll(uses.get(next));
      }
    }
    return reached;
  }

  private static String name(Path file) {
    return SOURCES.relativize(file).toString().replace(".java", "");
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
