package org.peftsweep.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What is wrong with a command line is told in one sentence of ours, above the usage. */
class MisuseTest {
  private static final Pattern OPTION = Pattern.compile("(--[a-z][a-z-]+)(=|\\[=)?");

  private final ByteArrayOutputStream err = new ByteArrayOutputStream();
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();

  @ParameterizedTest
  @CsvSource(
      delimiterString = "=>",
      quoteCharacter = '\0',
      textBlock =
          """
          swep => Cannot use swep: peft-sweep has no such command, did you mean sweep or report
          --ouput => Cannot use --ouput: peft-sweep has no such option, see below for what there is
          sweep => Cannot run peft-sweep sweep without FILE: give it
          sweep a b => Cannot use b: peft-sweep sweep takes no more, put quotes around what has blanks or leave it out
          sweep a --fast => Cannot use --fast: peft-sweep sweep has no such option, see below for what there is
          sweep a --dry-rnu => Cannot use --dry-rnu: peft-sweep sweep has no such option, did you mean --dry-run
          sweep a --output => Cannot use --output without a value: give DIR
          sweep a --budget 1 --budget 2 => Cannot use --budget twice: leave one out
          sweep a --stale x => Cannot use --stale = x: choose rerun or keep
          sweep a --wait=3 => Cannot use --wait = 3: leave the value out
          sweep a --set => Cannot use --set without a value: give a key and a value, such as training.epochs=3
          export x => Cannot run peft-sweep export without DIR: give it
          generate x --temperature warm => Cannot use --temperature = warm: give a number
          generate x --max-new-tokens 9999999999 => Cannot use --max-new-tokens = 9999999999: give a whole number of at most 2147483647
          report a --format pdf => Cannot use --format = pdf: choose text, md, latex, csv or html
          simulate a --trials 1,b => Cannot use --trials = b: give a whole number
          """)
  void saysWhatIsWrong(String line, String sentence) {
    assertThat(run(line.split(" "))).isEqualTo(2);
    assertThat(err().lines().findFirst()).hasValue(sentence);
    assertThat(err()).contains("Usage: peft-sweep");
  }

  /**
   * Every option of every command, misspelt, with an odd value and twice. Other words are too many
   * or, where any number may stand, too few, so that nothing runs.
   */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "sweep",
        "replay",
        "query",
        "watch",
        "simulate",
        "report",
        "export",
        "generate",
        "pretrain",
        "fetch",
        "schema",
        "doctor",
        "completion"
      })
  void noWordsOfALibraryReachTheUser(String command) {
    run(command, "--help");
    List<String> options =
        OPTION
            .matcher(out.toString(StandardCharsets.UTF_8))
            .results()
            .map(r -> r.group(1))
            .toList();
    List<List<String>> lines = new ArrayList<>();
    for (String option : options) {
      if (!option.equals("--help") && !option.equals("--version")) {
        lines.add(List.of(command, option + "x"));
        lines.add(
            command.equals("report")
                ? List.of(command, option + "=\u001b[31m\n")
                : List.of(command, "a", "b", "c", option + "=\u001b[31m\n"));
        lines.add(List.of(command, option + "=1", option + "=1", "a", "b", "c", "d"));
      }
    }
    lines.add(List.of(command, "-q", "a", "b", "c"));
    lines.add(List.of(command, "a", "b", "c", "\u0007".repeat(300)));
    for (List<String> line : lines) {
      err.reset();
      assertThat(run(line.toArray(String[]::new))).as(line + "").isEqualTo(2);
      assertThat(err().lines().findFirst().orElse(""))
          .as(line + "")
          .startsWith("Cannot ")
          .contains(": ")
          .hasSizeLessThan(400)
          .doesNotContain("\u001b", "\u0007", "Unknown option", "Unmatched", "Invalid value");
    }
  }

  private int run(String... arguments) {
    return Main.run(null, stream(out), stream(err), arguments);
  }

  private static PrintStream stream(ByteArrayOutputStream bytes) {
    return new PrintStream(bytes, true, StandardCharsets.UTF_8);
  }

  private String err() {
    return err.toString(StandardCharsets.UTF_8);
  }
}
