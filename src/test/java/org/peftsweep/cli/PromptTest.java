package org.peftsweep.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicInteger;
import org.jline.terminal.Terminal;
import org.jline.terminal.TerminalBuilder;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.peftsweep.results.LocalSpark;

class PromptTest {
  @TempDir Path folder;

  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream screen = new ByteArrayOutputStream();
  private final AtomicInteger renewals = new AtomicInteger();

  @Test
  void aStatementEndsWithItsSemicolon() throws Exception {
    type("SELECT 1 AS one,\n  ';' AS two;\n\\q\nSELECT 3;\n");
    assertThat(text(out)).isEqualTo("one  two\n───  ───\n  1  ;\n");
  }

  @Test
  void aFaultIsOneSentenceAndTheNextStatementRuns() throws Exception {
    type("SELEKT 1;\nSELECT * FROM nowhere;\nSELECT 2 AS two;\n");
    assertThat(text(screen))
        .contains("Cannot answer the query: it is no SQL from 'SELEKT' on")
        .contains("Cannot answer the query: there is no table or view `nowhere`, SHOW VIEWS")
        .doesNotContain("\tat ");
    assertThat(text(out)).contains("two").endsWith("  2\n");
  }

  @Test
  void looksForNewRowsWhenAsked() throws Exception {
    type("\\r\n");
    assertThat(renewals).hasValue(1);
  }

  @Test
  void remembersStatements() throws Exception {
    type("SELECT 1\n  AS one;\n");
    assertThat(Files.readString(folder.resolve("history"))).contains("SELECT 1").contains("AS one");
  }

  private void type(String keys) throws IOException {
    try (Terminal terminal =
        TerminalBuilder.builder()
            .system(false)
            .type("dumb")
            .encoding(StandardCharsets.UTF_8)
            .streams(new ByteArrayInputStream(keys.getBytes(StandardCharsets.UTF_8)), screen)
            .build()) {
      PrintStream to = new PrintStream(out, true, StandardCharsets.UTF_8);
      Answers answers = new Answers(LocalSpark.session(), null, Answers.Format.table, to, to);
      Prompt.ask(answers, renewals::incrementAndGet, terminal, folder.resolve("history"));
    }
  }

  private static String text(ByteArrayOutputStream bytes) {
    return bytes.toString(StandardCharsets.UTF_8);
  }
}
