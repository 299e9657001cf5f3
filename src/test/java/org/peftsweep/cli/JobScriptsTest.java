package org.peftsweep.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
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

  /** Before anything starts, and without a word of Java or Spark. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "SPARK_HOME|/nonexistent|Cannot use SPARK_HOME = /nonexistent: it has no bin/spark-submit",
        "SPARK_HOME|.|Cannot use SPARK_HOME = .: it has no bin/spark-submit",
        "JAVA_HOME|/nonexistent|Cannot use JAVA_HOME = /nonexistent: it has no bin/java",
        "MASTER|nosuch|Cannot use MASTER = nosuch: give local[N], spark://host:port",
        "MASTER|local[|Cannot use MASTER = local[: give",
        "MASTER|local[0]|Cannot use MASTER = local[0]: give",
        "MASTER|local[x]|Cannot use MASTER = local[x]: give",
        "MASTER|spark://host|Cannot use MASTER = spark://host: give",
        "MASTER|http://host:80|Cannot use MASTER = http://host:80: give",
        "MASTER|spark://me:secret@host:7077|Cannot use MASTER with a password in an address",
        "SUBMIT_OPTIONS|--repositories https://me:secret@host/maven|Cannot use SUBMIT_OPTIONS with",
        "MEMORY|lots|Cannot use MEMORY = lots: give a number and a unit",
        "MEMORY|0|Cannot use MEMORY = 0: give",
        "GPUS|-1|Cannot use GPUS = -1: give a whole number",
        "OMP_NUM_THREADS|two|Cannot use OMP_NUM_THREADS = two: give a whole number",
      })
  void refusesAVariableThatCannotBe(String name, String value, String sentence) throws Exception {
    for (String script : List.of("sweep", "query", "report", "pretrain")) {
      Answer answer = run(Map.of(name, value), "jobs/" + script + ".sh", "x");
      assertThat(answer.exitCode()).as(answer.text()).isEqualTo(2);
      assertThat(answer.text()).startsWith(sentence).doesNotContain("secret").hasLineCount(1);
    }
  }

  @Test
  void refusesASparkOfAnotherVersion(@TempDir Path spark) throws Exception {
    Path submit = Files.createDirectories(spark.resolve("bin")).resolve("spark-submit");
    assertThat(Files.createFile(submit).toFile().setExecutable(true)).isTrue();
    Files.createFile(
        Files.createDirectories(spark.resolve("jars")).resolve("spark-core_2.12-3.5.1.jar"));
    Answer answer = run(Map.of("SPARK_HOME", spark.toString()), "jobs/sweep.sh", "x");
    assertThat(answer.exitCode()).isEqualTo(2);
    assertThat(answer.text()).contains("it has spark-core_2.12-3.5.1.jar; set it to a folder of");
  }

  @Test
  void refusesAnOldJava(@TempDir Path jdk) throws Exception {
    Path java = Files.createDirectories(jdk.resolve("bin")).resolve("java");
    assertThat(Files.createFile(java).toFile().setExecutable(true)).isTrue();
    for (String version : List.of("1.8.0_402", "11.0.2", "16")) {
      Files.writeString(jdk.resolve("release"), "JAVA_VERSION=\"" + version + "\"\n");
      Answer answer = run(Map.of("JAVA_HOME", jdk.toString()), "jobs/sweep.sh", "x");
      assertThat(answer.exitCode()).isEqualTo(2);
      assertThat(answer.text()).contains("it is Java " + version.replaceAll("^1\\.|\\..*", ""));
    }
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
    return run(Map.of(), command);
  }

  private static Answer run(Map<String, String> variables, String... command) throws Exception {
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().putAll(variables);
    Process process = builder.start();
    String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return new Answer(process.waitFor(), text);
  }
}
