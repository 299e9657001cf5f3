package org.peftsweep.data;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.peftsweep.results.LocalSpark;

/** The same rows are the same dataset in whatever form they come. */
class DataFormatsTest {
  private static final int ROWS = 40;

  @TempDir Path folder;

  private final DatasetReader reader = new DatasetReader(new Configuration(), false);

  /** What writers do to a text without changing what it says. */
  private static final Map<String, UnaryOperator<String>> MANNERS =
      new TreeMap<>(
          Map.of(
              "as it is", text -> text,
              "with a byte-order mark", text -> "\uFEFF" + text,
              "with CRLF", text -> text.replace("\n", "\r\n"),
              "with blank lines at the end", text -> text + "\n\n",
              "without a last line feed", text -> text.substring(0, text.length() - 1)));

  @TestFactory
  List<DynamicTest> everyFormMannerAndPackingReadsTheSame() {
    List<DynamicTest> tests = new ArrayList<>();
    for (boolean breaks : List.of(false, true)) {
      List<String[]> rows = RowFiles.rows(new SplittableRandom(breaks ? 1 : 2), ROWS, breaks);
      Map<String, String> texts = new TreeMap<>();
      if (!breaks) {
        texts.put("plain.tsv", RowFiles.tsv(rows));
      }
      texts.put("quoted.tsv", RowFiles.quoted(rows, '\t', false));
      texts.put("all quoted.tsv", RowFiles.quoted(rows, '\t', true));
      texts.put("quoted.csv", RowFiles.quoted(rows, ',', false));
      texts.put("all quoted.csv", RowFiles.quoted(rows, ',', true));
      texts.put("lines.jsonl", RowFiles.jsonLines(rows));
      texts.put("lines.json", RowFiles.jsonLines(rows));
      texts.put("lines.ndjson", RowFiles.jsonLines(rows));
      texts.put("pretty array.json", RowFiles.jsonArray(rows, true) + "\n");
      texts.put("array.json", RowFiles.jsonArray(rows, false) + "\n");
      texts.put("array.jsonl", RowFiles.jsonArray(rows, false) + "\n");
      texts.forEach(
          (kind, text) ->
              MANNERS.forEach(
                  (manner, change) -> {
                    for (String packing : List.of("", ".gz", ".bz2", ".deflate")) {
                      tests.add(
                          DynamicTest.dynamicTest(
                              kind + packing + " " + manner + (breaks ? ", line breaks" : ""),
                              () -> assertReads(kind, packing, change.apply(text), rows)));
                    }
                  }));
    }
    assertThat(tests).hasSize(21 * 5 * 4);
    return tests;
  }

  private void assertReads(String kind, String packing, String text, List<String[]> rows)
      throws IOException {
    Path own = Files.createTempDirectory(folder, "x");
    String ending = kind.substring(kind.lastIndexOf('.')) + packing;
    RowFiles.write(own.resolve("train" + ending), text);
    RowFiles.write(own.resolve("validation" + ending), text);
    Task task = kind.contains("quoted.tsv") ? RowFiles.QUOTING : RowFiles.TASK;
    org.peftsweep.data.Dataset read = reader.read(task, own.toString());
    assertThat(read.train()).isEqualTo(RowFiles.examples(rows));
    assertThat(read.dev().get(0).examples()).isEqualTo(read.train());
    assertThat(read.contentHashes().get("train"))
        .isEqualTo(ContentHash.of(RowFiles.examples(rows)));
  }

  /** A line of blanks, tabs among them, is no row of JSON; an array may have any line ends. */
  @ParameterizedTest
  @ValueSource(strings = {"\n", "\t\n", " \t \n", "\t\r\n", "\f\n", "\r"})
  void blanksBetweenRowsOfJsonAreNothing(String blank) throws IOException {
    List<String[]> rows = RowFiles.rows(new SplittableRandom(8), 6, true);
    String text =
        blank.equals("\r")
            ? RowFiles.jsonArray(rows, true).replace("\n", blank)
            : RowFiles.jsonLines(rows).replace("\n", "\n" + blank);
    RowFiles.write(folder.resolve("train.jsonl"), text);
    assertThat(reader.read(RowFiles.TASK, folder.toString(), Split.TRAIN, "").examples())
        .isEqualTo(RowFiles.examples(rows));
  }

  @ParameterizedTest(name = "{0}")
  @ValueSource(
      strings = {
        "train.parquet",
        "TRAIN.parquet",
        "train-00000-of-00001.parquet",
        "train-00000-of-00001-0123456789abcdef.parquet",
        "data/train-00000-of-00001.parquet",
        "data/train.parquet",
        "mine/train.parquet",
        "mine/data/train-00000-of-00001.parquet",
        "train/0000.parquet",
        "train/part-00000-aaaa-c000.snappy.parquet",
        "train.parquet/part-00000-aaaa-c000.snappy.parquet",
        "data/train/0.parquet",
        "train_0.parquet",
        "train.1.parquet"
      })
  void aPartIsFoundInEveryLayout(String name) throws IOException {
    List<String[]> rows = RowFiles.rows(new SplittableRandom(3), ROWS, true);
    RowFiles.parquet(folder.resolve(name), rows);
    assertThat(reader.read(RowFiles.TASK, folder.toString(), Split.TRAIN, "").examples())
        .isEqualTo(RowFiles.examples(rows));
  }

  @ParameterizedTest(name = "{0} and {1}")
  @CsvSource({
    "train-00000-of-00002.jsonl, train-00001-of-00002.jsonl",
    "train-00000-of-00002.csv.gz, train-00001-of-00002.csv",
    "train-0.jsonl, train-1.jsonl",
    "data/train-00000-of-00002.csv, data/train-00001-of-00002.csv",
    "train-1-of-2.csv, train-2-of-2.csv.bz2",
    "train-1.csv, train-3.csv",
    "train/a.csv, train/b.csv",
    "train/x-00000-of-00002-aa.csv, train/x-00001-of-00002-bb.csv.gz",
    "train.csv/part-00000-aaaa-c000.csv, train.csv/part-00000-bbbb-c000.csv",
    "train.csv/part-00000-aaaa-c000.csv, train.csv/part-00001-aaaa-c000.csv.gz",
    "train.json/part-00000-aaaa-c000.json, train.json/part-00003-aaaa-c000.json.gz"
  })
  void shardsAreReadInOrderAndEmptyOnesAndHiddenFilesAreNothing(String first, String second)
      throws IOException {
    List<String[]> rows = RowFiles.rows(new SplittableRandom(4), ROWS, true);
    RowFiles.write(folder.resolve(first), text(first, rows.subList(0, 7)));
    RowFiles.write(folder.resolve(second), text(second, rows.subList(7, ROWS)));
    Path beside = folder.resolve(first).getParent();
    if (!beside.equals(folder) && !beside.endsWith("data")) {
      String ending = first.substring(first.lastIndexOf('.'));
      Files.createFile(beside.resolve("_SUCCESS"));
      Files.createFile(beside.resolve("part-00002-aaaa-c000" + ending));
      Files.write(beside.resolve(".part-00000-aaaa-c000" + ending + ".crc"), new byte[] {1});
      Files.writeString(beside.resolve("README.md"), "of no matter");
    }
    assertThat(reader.read(RowFiles.TASK, folder.toString(), Split.TRAIN, "").examples())
        .isEqualTo(RowFiles.examples(rows));
  }

  private static String text(String name, List<String[]> rows) {
    return name.contains(".json") ? RowFiles.jsonLines(rows) : RowFiles.quoted(rows, ',', false);
  }

  @ParameterizedTest(name = "{0} {1}")
  @CsvSource({
    "csv, none",
    "csv, gzip",
    "csv, bzip2",
    "csv, snappy",
    "csv, lz4",
    "tsv, gzip",
    "json, none",
    "json, gzip",
    "json, deflate",
    "parquet, snappy",
    "parquet, gzip",
    "parquet, zstd",
    "parquet, uncompressed"
  })
  void whatSparkWroteIsRead(String format, String compression) throws IOException {
    List<String[]> rows = RowFiles.rows(new SplittableRandom(5), ROWS, true);
    List<Row> of =
        rows.stream().map(row -> RowFactory.create(row[2], row[0], row[1], 0.5)).toList();
    Dataset<Row> frame =
        LocalSpark.session()
            .createDataFrame(
                of,
                new StructType()
                    .add("y", DataTypes.StringType)
                    .add("a", DataTypes.StringType)
                    .add("b", DataTypes.StringType)
                    .add("more", DataTypes.DoubleType))
            .coalesce(1)
            .repartitionByRange(3, org.apache.spark.sql.functions.col("y"));
    frame
        .write()
        .format(format.equals("tsv") ? "csv" : format)
        .option("header", true)
        .option("sep", format.equals("tsv") ? "\t" : ",")
        .option("compression", compression)
        .option("ignoreLeadingWhiteSpace", false)
        .option("ignoreTrailingWhiteSpace", false)
        .save(folder.resolve("train." + format).toString());
    Part part = reader.read(RowFiles.TASK, folder.toString(), Split.TRAIN, "");
    assertThat(part.examples())
        .extracting(Example::first, Example::second, Example::label)
        .containsExactlyInAnyOrderElementsOf(
            RowFiles.examples(rows).stream()
                .map(e -> org.assertj.core.groups.Tuple.tuple(e.first(), e.second(), e.label()))
                .toList());
  }

  @ParameterizedTest(name = "{0}")
  @ValueSource(strings = {"dev", "validation", "valid", "val", "eval"})
  void devHasManyNames(String name) throws IOException {
    List<String[]> rows = RowFiles.rows(new SplittableRandom(6), 3, false);
    RowFiles.write(folder.resolve(name + ".csv"), RowFiles.quoted(rows, ',', true));
    assertThat(reader.read(RowFiles.TASK, folder.toString(), Split.DEV, "dev").examples())
        .isEqualTo(RowFiles.examples(rows));
    RowFiles.write(folder.resolve(name + "_matched.csv"), RowFiles.quoted(rows, ',', true));
    assertThat(reader.read(RowFiles.TASK, folder.toString(), Split.DEV, "matched").examples())
        .hasSize(3);
  }

  @ParameterizedTest(name = "{0} as {1}")
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          {"t":"x","y":true}            | false,true   | 1
          {"t":"x","y":false}           | false,true   | 0
          {"t":"x","y":1}               | bad,good     | 1
          {"t":"x","y":1.0}             | bad,good     | 1
          {"t":"x","y":"1"}             | bad,good     | 1
          {"t":"x","y":1}               | 1,2          | 0
          {"t":"x","y":2.0}             | 1,2          | 1
          {"t":"x","y":"2"}             | 1,2          | 1
          {"t":"x","y":0}               | 0,1          | 0
          {"t":"x","y":1}               | 0.0,1.0      | 1
          {"t":"x","y":-1}              | -1,1         | 0
          {"t":"x","y":"yes"}           | no,yes       | 1
          {"t":"x","y":4}               | 5,4,3        | 1
          """)
  void labelsAreNamesOrIdsWhateverTheirType(String line, String names, double label)
      throws IOException {
    Task task =
        new Task("mine", List.of("t"), "y", List.of(names.split(",")), List.of(Metric.ACCURACY));
    RowFiles.write(folder.resolve("train.jsonl"), line + "\n");
    assertThat(reader.read(task, folder.toString(), Split.TRAIN, "").examples().get(0).label())
        .isEqualTo(label);
  }

  @Test
  void threeTextsAreTwoOfWhichTheSecondIsJoined() throws IOException {
    Task task =
        new Task(
            "mine", List.of("a", "b", "c"), "y", List.of("bad", "good"), List.of(Metric.ACCURACY));
    RowFiles.write(folder.resolve("train.csv"), "c,y,a,b\nthree,good,one,two\n");
    assertThat(reader.read(task, folder.toString(), Split.TRAIN, "").examples())
        .containsExactly(new Example(0, "one", "two three", 1));
  }

  @Test
  void latinTextInAnUnusedColumnIsStillNamed() throws IOException {
    byte[] bytes =
        "y,a,b,c\ngood,x,y,z\ngood,x,y,caf\u00e9 au lait\n".getBytes(StandardCharsets.ISO_8859_1);
    RowFiles.write(folder.resolve("train.csv"), bytes);
    org.assertj.core.api.Assertions.assertThatThrownBy(
            () -> reader.read(RowFiles.TASK, folder.toString(), Split.TRAIN, ""))
        .hasMessageContaining(
            "train.csv:3: it is not UTF-8, it looks like Latin-1 (ISO-8859-1); save");
    Part rest =
        new DatasetReader(new Configuration(), true)
            .read(RowFiles.TASK, folder.toString(), Split.TRAIN, "");
    assertThat(rest.examples()).hasSize(1);
    assertThat(rest.skippedRows()).isEqualTo(1);
  }
}
