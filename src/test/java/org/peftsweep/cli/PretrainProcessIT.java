package org.peftsweep.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A pretraining as a process of its own, as the script starts it. */
class PretrainProcessIT {
  private static final String FILE =
      """
      name: tiny
      text: builtin
      passages: 3000
      vocabulary: 600
      model: {hidden: 64, layers: 2, heads: 2, feed-forward: 128, positions: 64, dropout: 0}
      training:
        steps: 1500
        batch: 32
        max-tokens: 48
        mask-fraction: 0.2
        dropout: 0.1
        learning-rate: 2e-3
        warmup-fraction: 0.05
        weight-decay: 0.01
        clip: 1.0
        beta1: 0.9
        beta2: 0.98
        epsilon: 1e-6
        seed: 0
      """;

  @TempDir Path folder;

  @Test
  void keepsItsStateWhenItIsToldToEndAndGoesOnBitForBit() throws Exception {
    Process stopped = start("model", "stopped");
    for (int i = 0; i < 2400 && stopped.isAlive() && !text("stopped").contains("step 100 "); i++) {
      Thread.sleep(50);
    }
    new ProcessBuilder("kill", "-TERM", Long.toString(stopped.pid())).start().waitFor();
    assertThat(stopped.waitFor(120, TimeUnit.SECONDS)).isTrue();
    assertThat(stopped.exitValue()).as(text("stopped")).isEqualTo(ExitCode.FAULT);
    assertThat(text("stopped"))
        .containsPattern("Stopped after step \\d+; the same command goes on there\n");
    assertThat(folder.resolve("model")).doesNotExist();
    assertThat(folder.resolve("model.pretraining")).isDirectory();

    Process again = start("model", "again");
    assertThat(again.waitFor()).as(text("again")).isZero();
    assertThat(text("again")).containsPattern("goes on after step \\d\\d\\d+\n");
    assertThat(folder.resolve("model.pretraining")).doesNotExist();
    Process whole = start("whole", "whole-log");
    assertThat(whole.waitFor()).as(text("whole-log")).isZero();
    for (String file : List.of("config.json", "model.safetensors", "tokenizer.json")) {
      assertThat(folder.resolve("model").resolve(file))
          .hasSameBinaryContentAs(folder.resolve("whole").resolve(file));
    }
  }

  private Process start(String output, String log) throws IOException {
    Path file = Files.writeString(folder.resolve("tiny.yaml"), FILE);
    ProcessBuilder builder =
        new ProcessBuilder(
                "jobs/pretrain.sh", file.toString(), "--output", folder.resolve(output).toString())
            .redirectErrorStream(true);
    builder.environment().remove("SPARK_HOME");
    builder.environment().put("MASTER", "local[1]");
    return builder.redirectOutput(folder.resolve(log).toFile()).start();
  }

  private String text(String log) throws IOException {
    return Files.readString(folder.resolve(log), StandardCharsets.UTF_8);
  }
}
