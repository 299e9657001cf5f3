package org.peftsweep.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.peftsweep.TestFolders;
import org.peftsweep.sweep.TrainerEngine;

/**
 * Dry runs of inputs as people brought them: each is taken, or refused with what to do about it.
 */
class FieldCasesTest {
  @TempDir Path output;

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '|',
      value = {
        "04-cwd/base.yaml                 | 0 | 1 trials, 1 to run",
        "05-glob-output/crlfyaml.yaml     | 0 | 1 trials, 1 to run",
        "06-csv-quotes/csv.yaml           | 0 | 1 trials, 1 to run",
        "06-csv-quotes/qt.yaml            | 2 | quote",
        "07-json-labels/jarr.yaml         | 0 | 1 trials, 1 to run",
        "07-json-labels/jbool.yaml        | 2 | true",
        "07-json-labels/jboolw.yaml       | 0 | 1 trials, 1 to run",
        "07-json-labels/jnan.yaml         | 2 | .jsonl:",
        "08-spark-folders/sparkdir.yaml   | 0 | 1 trials, 1 to run",
        "08-spark-folders/hfrepo.yaml     | 0 | 1 trials, 1 to run",
        "09-blank-lines/jblank.yaml       | 0 | 1 trials, 1 to run",
        "10-encoding/utf16.yaml           | 2 | UTF-8",
        "10-encoding/latin.yaml           | 2 | UTF-8",
        "11-late-faults/deftok.yaml       | 2 | max-tokens",
        "14-own-tasks/floatlab.yaml       | 2 | train.parquet:5: column label holds no label",
        "14-own-tasks/macro.yaml          | 2 | macro-f1",
        "14-own-tasks/nodev.yaml          | 0 | 1 trials, 1 to run",
        "14-own-tasks/three.yaml          | 0 | 1 trials, 1 to run",
        "14-own-tasks/valname.yaml        | 0 | 1 trials, 1 to run",
        "15-axes/alpha2r.yaml             | 0 | 2 trials, 2 to run",
        "15-axes/bs.yaml                  | 0 | 2 trials, 2 to run",
        "15-axes/gridbs.yaml              | 0 | 2 trials, 2 to run",
        "15-axes/gridep.yaml              | 0 | 2 trials, 2 to run",
        "15-axes/layers.yaml              | 0 | 1 trials, 1 to run",
        "16-families/mod-qwen2.yaml       | 2 | supply model.safetensors",
        "17-small/envv.yaml               | 2 | /data",
        "17-small/tilde.yaml              | 2 | /models/roberta",
      })
  void isTakenOrRefusedInOneSentence(String place, int code, String said) throws IOException {
    Path given = TestFolders.shared("cases").resolve(place);
    String text =
        Files.readString(given).replace("@DIR@", given.getParent().toAbsolutePath().toString());
    Path file = Files.writeString(output.resolve(given.getFileName().toString()), text);
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    PrintStream to = new PrintStream(bytes, true, StandardCharsets.UTF_8);
    int actual =
        Main.run(
            new TrainerEngine(),
            to,
            to,
            "sweep",
            file.toString(),
            "--dry-run",
            "--output",
            output.toString());
    String told = bytes.toString(StandardCharsets.UTF_8);
    assertThat(actual).as(told).isEqualTo(code);
    assertThat(told).contains(said);
    if (code != 0) {
      assertThat(told).doesNotContain("Exception", "\tat ", "Jackson", "JsonReadFeature");
      // A file with several faults has a line for each.
      assertThat(told.strip().lines()).allMatch(line -> line.startsWith("Cannot "));
    }
    try (Stream<Path> files = Files.list(output)) {
      assertThat(files).as("a dry run writes nothing").containsExactly(file);
    }
  }
}
