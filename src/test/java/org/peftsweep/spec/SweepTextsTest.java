package org.peftsweep.spec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.Charset;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.RawLocalFileSystem;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.peftsweep.data.DataException;

/** What bytes and characters files of settings are of, and what is said of others. */
class SweepTextsTest {
  private static final String HEAD = "name: x\nmodel: builtin:mini\ntasks: [mini-rte]\n";
  private static final List<String> NO_NUMBERS =
      List.of(
          "0x8",
          "0X1F",
          "-0x8",
          "16L",
          "16l",
          "1f",
          "2.5F",
          "1d",
          "1e3d",
          "0b1",
          "0o7",
          "1_000",
          "0x1p3",
          "Infinity",
          "NaN",
          ".inf",
          "1e",
          "e1",
          "--1",
          "1.2.3");

  @TempDir Path folder;
  private final Configuration conf = new Configuration();

  @ParameterizedTest
  @ValueSource(strings = {"ISO-8859-1", "windows-1252", "windows-1250", "ISO-8859-7"})
  void aLineOfAnotherEncodingIsNamed(String charset) throws IOException {
    Random random = new Random(7);
    String odd = charset.equals("ISO-8859-7") ? "καλό" : "schön";
    for (int i = 0; i < 20; i++) {
      int line = 1 + random.nextInt(60);
      String end = random.nextBoolean() ? "\r\n" : "\n";
      String text = ("# a line" + end).repeat(line - 1) + "labels: [" + odd + ", bad]" + end;
      for (String file : List.of("x.yaml", "statements.yaml")) {
        Path path = folder.resolve(file);
        Files.write(path, (text + HEAD).getBytes(Charset.forName(charset)));
        assertThatThrownBy(() -> locations().text(path.toString()))
            .isInstanceOf(SpecException.class)
            .hasMessageStartingWith("Cannot read " + path + ":" + line + ": it is not UTF-8")
            .hasMessageEndingWith("; save the file as UTF-8");
        assertThatThrownBy(() -> Pretraining.read(path.toString(), locations()))
            .isInstanceOf(SpecException.class)
            .hasMessageContaining(path + ":" + line + ": it is not UTF-8");
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"UTF-16", "UTF-16LE", "UTF-16BE", "x-UTF-16LE-BOM", "UTF-32", "UTF-32LE"})
  void filesOfWideCharactersAreNamed(String charset) throws IOException {
    for (int lines : List.of(0, 1, 200)) {
      Path file = folder.resolve("x.yaml");
      String text = HEAD + "grid: [{method: lora}]\n" + "# a line\n".repeat(lines);
      Files.write(file, text.getBytes(Charset.forName(charset)));
      assertThatThrownBy(() -> SweepFile.read(file.toString(), Map.of(), locations()))
          .isInstanceOf(SpecException.class)
          .hasMessageStartingWith("Cannot read " + file + ":1: ")
          .hasMessageEndingWith("save the file as UTF-8");
    }
  }

  @Test
  void aByteOrderMarkIsNoCharacter() throws IOException {
    Path file =
        Files.writeString(folder.resolve("x.yaml"), "\uFEFF" + HEAD + "grid: [{method: lora}]\n");
    assertThat(SweepFile.read(file.toString(), Map.of(), locations()).name()).isEqualTo("x");
    assertThat(locations().text(file.toString()).orElseThrow()).startsWith("name");
  }

  @Test
  void theLineOfACharacterThatNoYamlHasIsNamed() {
    for (int character : List.of(0, 1, 7, 8, 11, 12, 27, 127, 0x80, 0x9F, 0xFFFE, 0xFFFF, 0xD800)) {
      for (int line : List.of(1, 2, 40, 3_000)) {
        String text = "# ä 𝄞\n".repeat(line - 1) + "# " + Character.toString(character) + "\n";
        assertThatThrownBy(
                () -> SweepFile.read("x.yaml", Map.of(), location -> only(location, text + HEAD)))
            .isInstanceOf(SpecException.class)
            .hasMessageStartingWith(
                "Cannot read x.yaml:%d: YAML has no character U+%04X, ".formatted(line, character));
      }
    }
  }

  /** A file system that says of every file, as Java does, that it may be away or denied. */
  public static final class Denied extends RawLocalFileSystem {
    @Override
    public URI getUri() {
      return URI.create("denied://host");
    }

    @Override
    public FileStatus getFileStatus(org.apache.hadoop.fs.Path path) {
      return new FileStatus(1, false, 1, 1, 1, path);
    }

    @Override
    public FSDataInputStream open(org.apache.hadoop.fs.Path path, int buffer) throws IOException {
      throw new FileNotFoundException(path + " (Permission denied)");
    }
  }

  @Test
  void aFileThatIsThereAndCannotBeReadIsNotCalledMissing() {
    conf.setClass("fs.denied.impl", Denied.class, org.apache.hadoop.fs.FileSystem.class);
    for (String file : List.of("denied://host/x.yaml", "denied://host/a/statements.yaml")) {
      assertThatThrownBy(() -> SweepFile.read(file, Map.of(), locations()))
          .isInstanceOf(SpecException.class)
          .hasMessage(
              "Cannot use the file "
                  + file
                  + ": access is denied, give this account the rights to it");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"random", "sobol", "tpe", "grid"})
  void whatIsNoNumberIsRefusedWhateverTheSearch(String strategy) {
    for (String text : NO_NUMBERS) {
      for (String key : List.of("rank", "alpha", "learning-rate", "max-steps")) {
        String file =
            HEAD
                + "validation-fraction: 0.1\n"
                + "grid:\n  - {method: lora, "
                + key
                + ": ["
                + text
                + ", 16]}\n"
                + (strategy.equals("grid")
                    ? ""
                    : "search: {strategy: " + strategy + ", trials: 2}\n");
        Throwable fault =
            catchThrowable(
                () -> SweepFile.read("x.yaml", Map.of(), location -> only(location, file)));
        assertThat(fault).as("%s: %s", key, text).isInstanceOf(SpecException.class);
        assertThat(fault).hasMessageMatching("(?s)Cannot use " + key + " = .* in x.yaml:6: .*");
      }
    }
  }

  @Test
  void whatIsNoNumberIsTheSameAsItselfAlone() {
    for (String one : NO_NUMBERS) {
      for (String other : List.of("8", "16", "1", "0.5", "words", "1e3")) {
        assertThatCode(() -> Axes.areSame(one, other)).doesNotThrowAnyException();
        assertThat(Axes.areSame(one, other)).as(one).isFalse();
      }
      assertThat(Axes.areSame(one, one)).isTrue();
    }
    assertThat(Axes.areSame("1e3", "1000")).isTrue();
    assertThat(Axes.areSame("8", "8.0")).isTrue();
  }

  @Test
  void whatCannotBeSeenIsTold() {
    Map<String, String> words =
        Map.of("schedule", "linear", "optimizer", "adamw", "init", "random", "method", "lora");
    for (String odd : List.of(" ", "  ", "\u00a0", "\u2003", "\u3000", "\u200b", "\\n", "\\t")) {
      words.forEach(
          (key, word) -> {
            for (String text : List.of(odd + word, word + odd, odd + word + odd)) {
              String block =
                  key.equals("method")
                      ? "{method: \"" + text + "\"}"
                      : "{method: lora, " + key + ": \"" + text + "\"}";
              assertThatThrownBy(
                      () ->
                          SweepFile.read(
                              "x.yaml",
                              Map.of(),
                              location -> only(location, HEAD + "grid: [" + block + "]\n")))
                  .isInstanceOf(SpecException.class)
                  .hasMessageMatching(
                      "Cannot use "
                          + key
                          + " = \"[ \\\\].*|Cannot use "
                          + key
                          + " = \""
                          + word
                          + "[ \\\\].*")
                  .hasMessageEndingWith(" " + word)
                  .hasMessageContaining(": leave out the ");
            }
          });
    }
  }

  @Test
  void extendsIsSetLikeAnyKey() throws IOException {
    Files.writeString(folder.resolve("one.yaml"), "training: {epochs: 7}\n");
    Files.writeString(folder.resolve("two.yaml"), "training: {epochs: 9}\n");
    for (String own : List.of("", "extends: one.yaml\n")) {
      Path file =
          Files.writeString(folder.resolve("x.yaml"), HEAD + own + "grid: [{method: lora}]\n");
      for (String other : List.of("two.yaml", folder + "/two.yaml")) {
        Sweep sweep = SweepFile.read(file.toString(), Map.of("extends", other), locations());
        assertThat(sweep.tasks().get(0).training().epochs()).isEqualTo(9);
      }
      for (String other : List.of("nosuch.yaml", "/nosuch.yaml", "[two.yaml]", "''")) {
        assertThatThrownBy(
                () -> SweepFile.read(file.toString(), Map.of("extends", other), locations()))
            .isInstanceOf(SpecException.class)
            .hasMessageStartingWith("Cannot use extends = ")
            .hasMessageContaining(" in --set extends: ");
      }
      assertThatThrownBy(
              () -> SweepFile.read(file.toString(), Map.of("extends.x", "y"), locations()))
          .isInstanceOf(SpecException.class)
          .hasMessageContaining(" in --set extends.x: ");
    }
  }

  @Test
  void whatIsWrongWithTheDataOfAnyTaskIsToldTogether() {
    String text = HEAD.replace("mini-rte", "mini-rte, mini-cola, mini-mrpc");
    Sweep sweep =
        SweepFile.read(
            "x.yaml", Map.of(), location -> only(location, text + "grid: [{method: lora}]\n"));
    assertThatThrownBy(
            () ->
                sweep.contents(
                    model -> "ab",
                    source -> {
                      if (source.task().name().equals("mini-cola")) {
                        return "cd";
                      }
                      throw new DataException("Cannot read " + source.task().name() + ": mend it");
                    }))
        .isInstanceOf(SpecException.class)
        .hasMessage("Cannot read mini-rte: mend it\nCannot read mini-mrpc: mend it");
  }

  private static Optional<String> only(String location, String text) {
    return location.equals("x.yaml") ? Optional.of(text) : Optional.empty();
  }

  private Locations locations() {
    return new Locations(conf, folder, Optional.empty(), Map.of());
  }
}
