package org.peftsweep.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.peftsweep.TestFolders;

/** The scripts, called from another folder, by a link, and from an installation with blanks. */
class CallerFolderIT {
  private static final Path PROJECT = Path.of("").toAbsolutePath();

  private record Answer(int exitCode, String out, String err) {}

  @TempDir Path folder;
  private Path here;
  private Path installation;

  @BeforeEach
  void install() throws IOException {
    here = Files.createDirectories(folder.resolve("my sweeps"));
    installation = Files.createDirectories(folder.resolve("in stalled"));
    for (String part : List.of("jobs", "conf")) {
      Path to = Files.createDirectories(installation.resolve(part));
      try (Stream<Path> files = Files.list(PROJECT.resolve(part))) {
        for (Path file : files.toList()) {
          Files.copy(file, to.resolve(file.getFileName()), StandardCopyOption.COPY_ATTRIBUTES);
        }
      }
    }
    Files.createSymbolicLink(installation.resolve("target"), PROJECT.resolve("target"));
    Files.writeString(
        here.resolve("mine.yaml"),
        """
        name: mine
        model: models/m
        tasks: [tix]
        data: my data
        declare-tasks: {tix: {text-columns: [text], label-column: label, labels: [bad, good], metrics: [accuracy]}}
        grid: [{method: lora}]
        training: {max-steps: 2, max-tokens: 16, batch: 2}
        compute: {backend: nd4j}
        """);
    String rows = "text\tlabel\nfine day\tgood\nsad day\tbad\nnice thing\tgood\nugly thing\tbad\n";
    for (String part : List.of("train.tsv", "dev.tsv")) {
      Files.writeString(Files.createDirectories(here.resolve("my data/tix")).resolve(part), rows);
    }
    // One that the installation has and the folder of the call has not.
    Path model = Files.createDirectories(installation.resolve("models/m"));
    for (String file : List.of("config.json", "model.safetensors", "tokenizer.json")) {
      Files.copy(
          PROJECT.resolve("src/main/resources/models/mini").resolve(file), model.resolve(file));
    }
  }

  /** From a sweep file to its export, and every command that is printed for copying. */
  @Test
  void whatIsNamedIsRelativeToTheFolderOfTheCall() throws Exception {
    Path link = Files.createDirectories(folder.resolve("bin")).resolve("sweep");
    Files.createSymbolicLink(link, installation.resolve("jobs/sweep.sh"));
    Answer sweep = run(link.toString(), "mine.yaml", "--output", "it's out");
    assertThat(sweep.exitCode()).as(sweep.err()).isZero();
    assertThat(here.resolve("it's out/mine/trials")).isDirectoryContaining("glob:**.parquet");
    assertThat(installation.resolve("output")).doesNotExist();

    String ask = printed(sweep.out(), "Ask: ");
    Answer query = run("bash", "-c", ask + " --format csv");
    assertThat(query.exitCode()).as(query.err()).isZero();
    assertThat(query.out()).startsWith("title,score,train_seconds\n").contains("tix · lora");
    Answer report = run("bash", "-c", printed(sweep.out(), "Report: "));
    assertThat(report.exitCode()).as(report.err()).isZero();
    assertThat(here.resolve("it's out/mine/report/report.html")).exists();

    String id =
        run("bash", "-c", ask.replace("title, score, train_seconds", "id") + " --format csv")
            .out()
            .lines()
            .skip(1)
            .findFirst()
            .orElseThrow();
    Answer export = run(script("export"), id, "exported here", "--output", "it's out");
    assertThat(export.exitCode()).as(export.err()).isZero();
    assertThat(here.resolve("exported here/merged/config.json")).exists();
    assertThat(installation.resolve("exported here")).doesNotExist();
  }

  @Test
  void withoutOutputResultsAreInTheInstallation() throws Exception {
    Answer watch = run(script("watch"), "mine", "--once");
    assertThat(watch.exitCode()).isEqualTo(2);
    assertThat(watch.err())
        .endsWith(
            "Cannot watch mine: there is no folder file:"
                + installation.resolve("output/mine")
                + "; give the name of a sweep, and --output where its tables are\n");
  }

  /** The case {@code 04-cwd}. */
  @Test
  void aSweepFileOfTheFolderOfTheCallIsFound() throws Exception {
    Path given = TestFolders.shared("cases/04-cwd");
    String text = Files.readString(given.resolve("base.yaml"));
    Files.writeString(
        here.resolve("base.yaml"), text.replace("@DIR@", given.toAbsolutePath().toString()));
    Answer dry = run(script("sweep"), "base.yaml", "--dry-run");
    assertThat(dry.exitCode()).as(dry.err()).isZero();
    assertThat(dry.out()).contains("1 trials, 1 to run");
  }

  @Test
  void passwordsStandInNoOutputOfLibrariesEither() throws Exception {
    for (String[] words :
        List.of(
            new String[] {"sweep", "mine.yaml", "--output", "s3a://key:PassW0rd@b/x"},
            new String[] {"sweep", "mine.yaml", "--dry-run", "--mlflow", "http://u:PassW0rd@"},
            new String[] {"query", "SELECT 1", "--nosuch", "http://u:PassW0rd@h"})) {
      List<String> command = new ArrayList<>(List.of(script(words[0])));
      command.addAll(List.of(words).subList(1, words.length));
      Answer answer = run(command.toArray(String[]::new));
      assertThat(answer.exitCode()).as(answer.err()).isEqualTo(2);
      assertThat(answer.out() + answer.err()).doesNotContain("PassW0rd");
    }
  }

  private static String printed(String text, String label) {
    return text.lines()
        .filter(line -> line.startsWith(label))
        .map(line -> line.substring(label.length()).strip())
        .findFirst()
        .orElseThrow();
  }

  private String script(String name) {
    return installation.resolve("jobs/" + name + ".sh").toString();
  }

  private Answer run(String... command) throws Exception {
    Path out = Files.createTempFile(folder, "out", "");
    Path err = Files.createTempFile(folder, "err", "");
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .directory(here.toFile())
            .redirectOutput(out.toFile())
            .redirectError(err.toFile());
    builder.environment().keySet().removeAll(List.of("SPARK_HOME", "MASTER", "SUBMIT_OPTIONS"));
    int code = builder.start().waitFor();
    return new Answer(
        code,
        Files.readString(out, StandardCharsets.UTF_8),
        Files.readString(err, StandardCharsets.UTF_8));
  }
}
