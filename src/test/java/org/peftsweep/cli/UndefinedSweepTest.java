package org.peftsweep.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.peftsweep.results.LocalSpark;
import org.peftsweep.sweep.TrainerEngine;

/** Whole sweeps whose trials finish with a score that does not exist. */
class UndefinedSweepTest {
  private record Answer(int code, String text) {}

  @TempDir Path folder;

  @BeforeAll
  static void startSpark() {
    LocalSpark.session();
  }

  @Test
  void constantLabelsOfTheReportedSetAreSaidAndNoSweepIsWhole() throws IOException {
    write("train", 12, true);
    write("dev", 6, false);
    Answer sweep = run("sweep", file("validation-fraction: 0.25"), "--output", folder + "/out");
    assertThat(sweep.code).as(sweep.text).isEqualTo(ExitCode.UNFINISHED);
    assertThat(sweep.text).contains("score undefined");

    Answer again = run("sweep", file("validation-fraction: 0.25"), "--output", folder + "/out");
    assertThat(again.code).isEqualTo(ExitCode.UNFINISHED);
    assertThat(again.text).contains("nothing to train").contains("score undefined");

    Answer report = run("report", "x", "--output", folder + "/out");
    assertThat(report.code).as(report.text).isZero();
    assertThat(report.text).contains("score undefined").doesNotContain("NaN");
  }

  @Test
  void aValidationPartOfOneRowChoosesTheLastStepAndNoSetting() throws IOException {
    write("train", 8, true);
    write("dev", 6, true);
    Answer sweep = run("sweep", file("validation-fraction: 0.1"), "--output", folder + "/out");
    assertThat(sweep.code).as(sweep.text).isZero();
    Answer rows =
        run(
            "query",
            "--format",
            "csv",
            "--output",
            folder + "/out",
            "SELECT DISTINCT score_step, steps, reason IS NOT NULL FROM trials");
    assertThat(rows.text).contains("4,4,true");

    String tuned = "validation-fraction: 0.1\ntuning-seeds: [1]\nevaluation-seeds: [2]";
    Answer undecided = run("sweep", file(tuned), "--output", folder + "/tuned");
    assertThat(undecided.code).as(undecided.text).isEqualTo(ExitCode.UNFINISHED);
    assertThat(undecided.text).contains("defined");
  }

  private String file(String more) throws IOException {
    String text =
        """
        name: x
        model: builtin:mini
        data: %s
        tasks: [rating]
        declare-tasks: {rating: {text-columns: [text], label-column: stars, metrics: [pearson]}}
        grid: [{method: lora, rank: [2, 4]}]
        training: {max-steps: 4, max-tokens: 16, batch: 4}
        %s
        """
            .formatted(folder, more);
    return Files.writeString(folder.resolve("x.yaml"), text).toString();
  }

  private void write(String part, int rows, boolean differ) throws IOException {
    Path of = Files.createDirectories(folder.resolve("rating"));
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < rows; i++) {
      text.append(
          "{\"text\": \"the film number %d\", \"stars\": %s}%n".formatted(i, differ ? i : 3));
    }
    Files.writeString(of.resolve(part + ".jsonl"), text);
  }

  private static Answer run(String... command) {
    ByteArrayOutputStream text = new ByteArrayOutputStream();
    PrintStream out = new PrintStream(text, true, StandardCharsets.UTF_8);
    int code = Main.run(new TrainerEngine(), out, out, command);
    return new Answer(code, text.toString(StandardCharsets.UTF_8));
  }
}
