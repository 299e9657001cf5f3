package org.peftsweep.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class JobScriptsTest {
  private record Answer(int exitCode, String text) {}

  static Stream<Path> everyScript() throws IOException {
    return Files.list(Path.of("jobs")).sorted();
  }

  @ParameterizedTest
  @MethodSource("everyScript")
  void isBash(Path script) throws Exception {
    assertThat(run("bash", "-n", script.toString())).isEqualTo(new Answer(0, ""));
  }

  @ParameterizedTest
  @MethodSource("everyScript")
  void saysHowItIsUsed(Path script) throws Exception {
    if (!script.endsWith("common.sh")) {
      assertThat(Files.isExecutable(script)).isTrue();
      Answer answer = run(script.toString(), "--help");
      assertThat(answer.exitCode()).isZero();
      // Two examples: lines with a blank before and after the name of the script's folder.
      assertThat(answer.text().lines().filter(line -> line.matches("  .*jobs/.*")))
          .hasSizeGreaterThanOrEqualTo(2);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"sweep", "watch", "report", "replay", "export", "pretrain", "cluster"})
  void needsAnArgument(String name) throws Exception {
    Answer answer = run("jobs/" + name + ".sh");
    assertThat(answer.exitCode()).isEqualTo(2);
    assertThat(answer.text()).contains("jobs/" + name + ".sh");
  }

  @Test
  void refusesABadNumberOfGpus() throws Exception {
    assertThat(run("jobs/cluster.sh", "start", "--gpus", "two"))
        .isEqualTo(new Answer(2, "Cannot use --gpus two: give a whole number\n"));
  }

  @Test
  void opensWhatSparkOpens() throws Exception {
    String script = Files.readString(Path.of("jobs/common.sh"));
    List<String> options =
        Stream.of(org.apache.spark.launcher.JavaModuleOptions.defaultModuleOptions().split(" "))
            .filter(option -> option.startsWith("--add-opens"))
            .toList();
    assertThat(options).isNotEmpty().allMatch(script::contains);
  }

  private static Answer run(String... command) throws Exception {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return new Answer(process.waitFor(), text);
  }
}
