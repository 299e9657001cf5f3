package org.peftsweep.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.peftsweep.sweep.TrainerEngine;

/** Documents say what the program says. */
class DocumentsTest {
  private static final Path TABLES = Path.of("src/site/markdown/tables.md");
  private static final Path README = Path.of("README.md");

  @Test
  void thePageOfTheTablesIsWhatTheSchemaCommandPrints() throws IOException {
    String page = Files.readString(TABLES);
    assertThat(page.substring(page.indexOf("### "))).isEqualTo(run("schema"));
  }

  @Test
  void everyFileThatTheReadmeNamesIsThere() throws IOException {
    Matcher path =
        Pattern.compile("\\b(?:jobs|conf|src|notebooks)/[\\w./-]*\\w")
            .matcher(Files.readString(README));
    List<String> named = path.results().map(found -> found.group()).distinct().toList();
    assertThat(named).isNotEmpty().allSatisfy(file -> assertThat(Path.of(file)).exists());
  }

  private static String run(String... command) {
    ByteArrayOutputStream text = new ByteArrayOutputStream();
    PrintStream out = new PrintStream(text, true, StandardCharsets.UTF_8);
    assertThat(Main.run(new TrainerEngine(), out, System.err, command)).isZero();
    return text.toString(StandardCharsets.UTF_8);
  }
}
