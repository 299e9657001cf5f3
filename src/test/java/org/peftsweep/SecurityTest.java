package org.peftsweep;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.peftsweep.spec.SpecException;
import org.peftsweep.spec.SweepFile;

/** What files from elsewhere cannot do. */
class SecurityTest {
  private static final Path SOURCES = Path.of("src/main/java/org/peftsweep");

  /** Each makes objects of classes that the text names. */
  private static final List<String> MAKERS =
      List.of(
          "ObjectInputStream",
          "readObject(",
          "XMLDecoder",
          "SerializationUtils",
          "enableDefaultTyping",
          "activateDefaultTyping",
          "JsonTypeInfo.Id.CLASS",
          "JsonTypeInfo.Id.MINIMAL_CLASS",
          ".loadAs(",
          ".loadAll(",
          "new Yaml().load",
          "Class.forName(");

  @TempDir Path folder;

  @Test
  void nothingMakesObjectsOfClassesThatAFileNames() throws IOException {
    try (Stream<Path> files = Files.walk(SOURCES)) {
      for (Path file : files.filter(f -> f.toString().endsWith(".java")).toList()) {
        String code = Files.readString(file);
        assertThat(MAKERS).as(file.toString()).noneMatch(code::contains);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "!!javax.script.ScriptEngineManager [!!java.net.URLClassLoader [[]]]",
        "!!java.io.File [x]",
        "!<tag:yaml.org,2002:java.lang.Object> {}",
        "!!org.peftsweep.method.LoRA {rank: 8}"
      })
  void aSweepFileMakesNoObjects(String value) throws IOException {
    assertThatThrownBy(() -> read("name: x\nmodel: builtin:mini\ntasks: " + value + "\n"))
        .isInstanceOf(SpecException.class)
        .hasMessageContaining("x.yaml:3");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "..",
        ".",
        "../x",
        "/tmp/x",
        "a/b",
        "a\\\\b",
        "x/../../y",
        "hdfs://other/x",
        "x%2f..",
        "\"x\\0\""
      })
  void aSweepCannotLeaveTheOutputFolder(String name) {
    assertThatThrownBy(
            () ->
                read(
                    "name: "
                        + name
                        + "\nmodel: builtin:mini\ntasks: [mini-rte]\ngrid: [{method: full}]\n"))
        .isInstanceOf(SpecException.class)
        .hasMessageContaining("x.yaml:1");
  }

  private void read(String text) throws IOException {
    Path file = Files.writeString(folder.resolve("x.yaml"), text);
    SweepFile.read(file.toString(), Map.of(), new Configuration());
  }
}
