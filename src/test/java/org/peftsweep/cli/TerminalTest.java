package org.peftsweep.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.peftsweep.report.TextTable;
import org.peftsweep.sweep.TrainerEngine;

/** What helps whoever types. */
class TerminalTest {
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "reprot quickstart | peft-sweep has no such command, did you mean report",
        "sweep conf/quickstart.yaml --dryrun | peft-sweep sweep has no such option, did you mean --dry-run",
        "report quickstart --formats md | peft-sweep report has no such option, did you mean --format",
      })
  void suggestsWhatWasMeant(String line, String suggestion) {
    assertThat(run(line.split(" "))).isEqualTo(ExitCode.BAD_INPUT);
    assertThat(err.toString(StandardCharsets.UTF_8)).contains(suggestion);
  }

  @Test
  void suggestsTheSweepThatWasMeant(@TempDir Path output) throws Exception {
    Files.createDirectories(output.resolve("quickstart/trials"));
    Files.writeString(output.resolve("quickstart/agenda.json"), "{}");
    assertThat(run("watch", "quikstart", "--once", "--output", output.toString()))
        .isEqualTo(ExitCode.BAD_INPUT);
    assertThat(err.toString(StandardCharsets.UTF_8)).contains("did you mean quickstart?");
  }

  @Test
  void completesOptionsOfEveryScript() throws Exception {
    assertThat(run("completion")).isZero();
    Path script = Files.writeString(Files.createTempFile("completion", ".sh"), text());
    Process bash =
        new ProcessBuilder(
                "bash", "-c", "source " + script + " && complete -p sweep.sh report.sh watch.sh")
            .redirectErrorStream(true)
            .start();
    String answer = new String(bash.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(bash.waitFor()).as(answer).isZero();
    assertThat(text()).contains("--until-decided", "--claims", "--page");
    Files.delete(script);
  }

  @Test
  void looksAtEverythingThatATrialNeeds(@TempDir Path output) {
    int code = run("doctor", "--output", output.toString());
    assertThat(code).isIn(0, ExitCode.UNFINISHED);
    assertThat(text())
        .contains("Java", "Vector API", "Spark", "Cores", "Memory", "Backend", "GPU")
        .contains("Results", "Models", "Data");
    assertThat(output).isEmptyDirectory();
  }

  /** The GPU of this test is emulated. */
  @Test
  void runsEveryKernelOnTheGpuWhereAskedTo(@TempDir Path output) {
    run("doctor", "--gpu", "--output", output.toString());
    assertThat(text())
        .containsPattern("ok +CUDA +emulated GPU, GPU 0, driver 1.2, CUDA 3.4, [\\d.]+ GB free")
        .containsPattern(
            "ok +Kernels +\\d+ agree with the processor's, to \\d\\.\\de-\\d+ at worst");
  }

  @Test
  void theLogStandsAboveWhatIsDrawn() {
    Screen screen = new Screen(new PrintStream(out, true, StandardCharsets.UTF_8));
    screen.guard();
    try {
      screen.draw(List.of("one", "two"));
      System.err.println("12:00:00 WARN something");
      screen.draw(List.of("three"));
    } finally {
      screen.close();
    }
    String drawn = text();
    int warning = drawn.indexOf("12:00:00 WARN something\n");
    // The two lines are erased before it, and what is drawn after it begins on a line of its own.
    assertThat(drawn.substring(0, warning)).endsWith("\u001b[1A\u001b[J");
    assertThat(drawn.substring(warning)).startsWith("12:00:00 WARN something\n\u001b[?7l");
    assertThat(TextTable.printable(drawn)).contains("three");
  }

  @ParameterizedTest
  @CsvSource({
    "65, 1:05",
    "3723, 1:02:03",
    "172800, 2.0 days",
    "820800, 9.5 days",
    "8640000, 100 days"
  })
  void tellsTimeInDaysWhereItIsDays(double seconds, String text) {
    assertThat(DryRun.clock(seconds)).isEqualTo(text);
  }

  private int run(String... words) {
    return Main.run(
        new TrainerEngine(),
        new PrintStream(out, true, StandardCharsets.UTF_8),
        new PrintStream(err, true, StandardCharsets.UTF_8),
        words);
  }

  private String text() {
    return out.toString(StandardCharsets.UTF_8);
  }
}
