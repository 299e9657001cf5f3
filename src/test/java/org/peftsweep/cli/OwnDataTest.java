package org.peftsweep.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.peftsweep.TestFolders;
import org.peftsweep.results.LocalSpark;
import org.peftsweep.sweep.TrainerEngine;

/** Sweeps over files that users bring, as the dry run takes them. */
class OwnDataTest {
  private static final List<String> FOLDERS =
      List.of(
          "06-csv-quotes",
          "07-json-labels",
          "08-spark-folders",
          "09-blank-lines",
          "10-encoding",
          "14-own-tasks");

  /** Exit code and words of each sweep file; nothing more is asked of those that are not here. */
  private static final Map<String, String> EXPECTED =
      new TreeMap<>(
          Map.ofEntries(
              Map.entry("csv", "0 1 trials, 1 to run"),
              Map.entry("qt", "2 /tix/train.tsv:2: 3 fields, not 2; declare quotes: true"),
              Map.entry("jbool", "2 train.jsonl:1: label is \"true\", not one of [bad, good]"),
              Map.entry("jboolw", "0 1 trials, 1 to run"),
              Map.entry("jarr", "0 1 trials, 1 to run"),
              Map.entry("jnan", "2 train.jsonl:1: key score is NaN, which JSON does not have"),
              Map.entry("hfrepo", "0 1 trials, 1 to run"),
              Map.entry("sparkdir", "0 1 trials, 1 to run"),
              Map.entry("jblank", "0 1 trials, 1 to run"),
              Map.entry("latin", "2 : it is not UTF-8, it looks like Latin-1 (ISO-8859-1); save"),
              Map.entry(
                  "utf16", "2 train.tsv:1: it is UTF-16LE, not UTF-8; save the file as UTF-8"),
              Map.entry("floatlab", "2 train.parquet:5: column label holds no label; mend it"),
              Map.entry("macro", "2 it is defined for two labels, choose accuracy, macro-f1,"),
              Map.entry("macro2", "2 /d/macro2 is not there"),
              Map.entry("nodev", "0 tix has no file of dev: 1 of 6 rows of train"),
              Map.entry("three", "0 1 trials, 1 to run"),
              Map.entry("valname", "0 1 trials, 1 to run"),
              Map.entry("yesno", "2 /d/yesno is not there")));

  @TempDir Path folder;

  @TestFactory
  List<DynamicTest> everyCaseOfTheFieldIsReadOrNamed() {
    List<DynamicTest> tests = new ArrayList<>();
    Map<String, String> expected = new TreeMap<>(EXPECTED);
    for (String name : FOLDERS) {
      Path cases = TestFolders.shared("cases/" + name).toAbsolutePath().normalize();
      for (Path file : TestFolders.filesBelow(cases, ".yaml")) {
        String id = file.getFileName().toString().replace(".yaml", "");
        String said = expected.remove(id);
        assertThat(said).as(id + " is expected to give").isNotNull();
        tests.add(DynamicTest.dynamicTest(id, () -> assertSays(cases, file, said)));
      }
    }
    assertThat(expected).isEmpty();
    return tests;
  }

  private void assertSays(Path cases, Path file, String expected) throws IOException {
    Path sweep =
        Files.writeString(
            folder.resolve(file.getFileName()),
            Files.readString(file).replace("@DIR@", cases.toString()));
    String said = dryRun(sweep);
    assertThat(said).startsWith(expected.substring(0, 2)).contains(expected.substring(2));
    if (said.startsWith("2")) {
      assertThat(said.substring(2).strip()).as("one sentence").doesNotContain("\n");
    }
    assertThat(folder.resolve("out")).doesNotExist();
  }

  @ParameterizedTest(name = "{0} {1}")
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          labels: [no, yes], metrics: [f1, auc, precision, recall]        | yes,no
          labels: [true, false], metrics: [accuracy]                      | true,false
          labels: [0, 1], metrics: [auc]                                  | 0,1
          labels: [1.0, 2.0], metrics: [accuracy]                         | 1,2
          labels: [a, b, c], metrics: [macro-f1, weighted-f1, micro-f1]   | a,b,c
          labels: [a, b, c], metrics: [macro-precision, macro-recall]     | a,b,c
          metrics: [pearson, spearman]                                    | 0.5,3
          """)
  void ownTasksOfManyKindsAreTaken(String declared, String labels) throws IOException {
    StringBuilder rows = new StringBuilder("text,label\n");
    for (int i = 0; i < 6; i++) {
      rows.append("\"text, ").append(i).append("\",").append(labels.split(",")[i % 2]).append('\n');
    }
    for (String label : labels.split(",")) {
      rows.append("more,").append(label).append('\n');
    }
    Path data = Files.createDirectories(folder.resolve("data/tix"));
    Files.writeString(data.resolve("train.csv"), rows);
    Files.writeString(data.resolve("dev.csv"), rows);
    assertThat(dryRun(sweep(declared))).startsWith("0 ").contains("1 to run");
  }

  @Test
  void quotesInTsvAreReadWhereTheTaskSaysSo() throws IOException {
    Path data = Files.createDirectories(folder.resolve("data/tix"));
    String rows = "text\tlabel\n\"a\t\"\"tab\"\"\"\tgood\n\"two\nlines\"\tbad\nplain\tbad\n";
    Files.writeString(data.resolve("train.tsv"), rows);
    String declared = "labels: [bad, good], metrics: [accuracy]";
    assertThat(dryRun(sweep(declared))).startsWith("2 ").contains("declare quotes: true");
    assertThat(dryRun(sweep(declared + ", quotes: true")))
        .startsWith("0 tix has no file of dev: 1 of 3 rows of train");
    assertThat(dryRun(sweep(declared + ", quotes: true, dev-fraction: 0")))
        .startsWith("2 ")
        .contains("Cannot find dev of tix", "there are [train.tsv]");
  }

  @Test
  void anOwnTaskIsTrainedScoredAndReported() throws IOException {
    LocalSpark.session();
    StringBuilder rows = new StringBuilder("a,b,c,label\n");
    for (int i = 0; i < 40; i++) {
      rows.append("row ").append(i).append(",\"x, y\",z,").append(i % 3 == 0 ? "yes\n" : "no\n");
    }
    Path data = Files.createDirectories(folder.resolve("data/tix"));
    Files.writeString(data.resolve("train.csv"), rows);
    Path sweep =
        sweep("labels: [no, yes], metrics: [auc, macro-f1, weighted-f1, precision, recall]");
    Files.writeString(
        sweep,
        Files.readString(sweep)
            .replace("text-columns: [text]", "text-columns: [a, b, c]")
            .replace("{method: lora}", "{method: lora, rank: [2, 4]}"));
    String output = folder.resolve("out").toString();
    assertThat(run("sweep", sweep.toString(), "--output", output))
        .startsWith("0 tix has no file of dev: 8 of 40 rows of train")
        .contains("auc");
    assertThat(
            run(
                "query",
                "SELECT count(*) FROM trials WHERE metric = 'auc' AND score BETWEEN 0 AND 1"
                    + " AND metrics['dev/weighted-f1'] BETWEEN 0 AND 1",
                "--format",
                "csv",
                "--output",
                output))
        .contains("\n2\n");
    assertThat(run("report", "own", "--output", output)).startsWith("0 ").contains("auc");
  }

  private Path sweep(String declared) throws IOException {
    return Files.writeString(
        folder.resolve("own.yaml"),
        """
        name: own
        model: builtin:mini
        data: %s
        tasks: [tix]
        declare-tasks: {tix: {text-columns: [text], label-column: label, %s}}
        grid: [{method: lora}]
        training: {max-steps: 3, max-tokens: 16, batch: 2}
        """
            .formatted(folder.resolve("data"), declared));
  }

  private String dryRun(Path sweep) {
    return run(
        "sweep", sweep.toString(), "--dry-run", "--output", folder.resolve("out").toString());
  }

  /** Returns the exit code and, after a space, all that was said. */
  private static String run(String... args) {
    ByteArrayOutputStream said = new ByteArrayOutputStream();
    PrintStream to = new PrintStream(said, true, StandardCharsets.UTF_8);
    int code = Main.run(new TrainerEngine(), to, to, args);
    return code + " " + said.toString(StandardCharsets.UTF_8);
  }
}
