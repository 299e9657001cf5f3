package org.peftsweep.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.lang.module.ModuleDescriptor.Version;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import org.junit.jupiter.api.Test;

/**
 * No library in the application's jar, nor a copy of one under another name, is older than the list
 * {@code dependencies.csv} allows; a library that is not on the list is to be looked up first.
 */
class DependencyVersionsIT {
  private static final Path JAR = Path.of("target", "peft-sweep.jar");
  private static final Pattern PROPERTIES =
      Pattern.compile("META-INF/maven/([^/]+)/([^/]+)/pom\\.properties");

  /** A line of Maven's list of dependencies. */
  private static final Pattern LISTED =
      Pattern.compile(
          "\\s*([\\w.-]+):([\\w.-]+):jar(?::[\\w.-]+)?:([^:\\s]+):(?:compile|runtime)\\b.*");

  /** Moved to the same libraries of Spark. */
  private static final Set<String> MOVED =
      Set.of("org.nd4j:guava", "org.nd4j:jackson", "org.nd4j:protobuf");

  /** Classes by which a copy is known wherever it was moved, with what Spark brings itself. */
  private static final Map<String, String> MARKS =
      Map.of(
          "snakeyaml", "yaml/snakeyaml/Yaml",
          "jackson", "databind/ObjectMapper",
          "woodstox", "wstx/stax/WstxInputFactory",
          "protobuf", "protobuf/CodedInputStream",
          "gson", "gson/Gson",
          "guava", "collect/ImmutableList",
          "httpclient", "http/impl/client/HttpClientBuilder",
          "commons-io", "io/FileUtils",
          "commons-codec", "codec/digest/DigestUtils",
          "log4j", "log4j/core/lookup/JndiLookup");

  @Test
  void everyLibraryIsOnTheListAndNoneIsOlder() throws IOException {
    Map<String, String> least = least();
    Map<String, String> found = found();
    assertThat(found).isNotEmpty();
    Set<String> unknown = new TreeSet<>(found.keySet());
    unknown.removeAll(least.keySet());
    assertThat(unknown).as("look up their advisories and put them on the list").isEmpty();
    List<String> old = new ArrayList<>();
    found.forEach(
        (library, version) -> {
          if (isOlder(version, least.get(library))) {
            old.add(library + " " + version + " < " + least.get(library));
          }
        });
    assertThat(old).isEmpty();
  }

  @Test
  void thereIsNoCopyOfWhatSparkBrings() throws IOException {
    Map<String, String> copies = new TreeMap<>();
    try (ZipFile jar = new ZipFile(JAR.toFile())) {
      jar.stream()
          .map(ZipEntry::getName)
          .forEach(
              name ->
                  MARKS.forEach(
                      (library, mark) -> {
                        if (name.endsWith("/" + mark + ".class")) {
                          copies.put(library, name);
                        }
                      }));
    }
    assertThat(copies).isEmpty();
  }

  @Test
  void versionsAreComparedByNumber() {
    assertThat(isOlder("1.26", "2.0")).isTrue();
    assertThat(isOlder("2.9.10", "2.13.3")).isTrue();
    assertThat(isOlder("2.13.3", "2.13.3")).isFalse();
    assertThat(isOlder("1.0.0-M2.1", "1.0.0-M2.1")).isFalse();
    assertThat(isOlder("1.0.0-M2", "1.0.0-M2.1")).isTrue();
    assertThat(isOlder("0.3.31-1.5.13", "0.3.30-1.5.12")).isFalse();
  }

  private static boolean isOlder(String version, String least) {
    return Version.parse(version).compareTo(Version.parse(least)) < 0;
  }

  private static Map<String, String> least() throws IOException {
    Map<String, String> least = new LinkedHashMap<>();
    for (String line : Files.readAllLines(Path.of("src/test/resources/dependencies.csv"))) {
      String[] cells = line.split(",", 3);
      least.put(cells[0], cells[1]);
    }
    least.remove("library");
    return least;
  }

  private static Map<String, String> found() throws IOException {
    Map<String, String> found = new TreeMap<>();
    try (ZipFile jar = new ZipFile(JAR.toFile())) {
      for (ZipEntry entry : jar.stream().toList()) {
        Matcher name = PROPERTIES.matcher(entry.getName());
        if (name.matches() && !name.group(1).equals("org.peftsweep")) {
          Properties properties = new Properties();
          try (InputStream in = jar.getInputStream(entry)) {
            properties.load(new InputStreamReader(in, StandardCharsets.UTF_8));
          }
          found.put(name.group(1) + ":" + name.group(2), properties.getProperty("version"));
        }
      }
    }
    for (String line : Files.readAllLines(Path.of("target", "libraries.txt"))) {
      Matcher listed = LISTED.matcher(line);
      if (listed.matches()) {
        found.put(listed.group(1) + ":" + listed.group(2), listed.group(3));
      }
    }
    found.keySet().removeAll(MOVED);
    return found;
  }
}
