package org.peftsweep.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.apache.hadoop.conf.Configuration;
import org.apache.parquet.example.data.Group;
import org.apache.parquet.example.data.simple.SimpleGroupFactory;
import org.apache.parquet.hadoop.ParquetWriter;
import org.apache.parquet.hadoop.example.ExampleParquetWriter;
import org.apache.parquet.hadoop.metadata.CompressionCodecName;
import org.apache.parquet.schema.MessageType;
import org.apache.parquet.schema.MessageTypeParser;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class DatasetReaderTest {

  private static final Task RTE = Tasks.named("rte");
  private static final Task SST2 = Tasks.named("sst2");

  @TempDir Path folder;

  private final DatasetReader reader = new DatasetReader(new Configuration(), false);
  private final DatasetReader lenient = new DatasetReader(new Configuration(), true);

  @Test
  void aBadLineIsNamedByFileAndNumber() throws IOException {
    write("train.tsv", "sentence\tlabel\ngood film\t1\nbad film\t2\n");
    assertThatThrownBy(() -> reader.read(SST2, folder.toString(), Split.TRAIN, ""))
        .isInstanceOf(DataException.class)
        .hasMessageMatching(
            "Cannot read .*train.tsv:3: label is \"2\", not one of \\[negative, positive] or an id"
                + " from 0 to 1; mend it, or set skip-bad-rows");
  }

  @ParameterizedTest(name = "row ''{0}''")
  @CsvSource({
    "a\\tb\\t1, '3 fields, not 2'",
    "alone, '1 fields, not 2'",
    "text\\t, label is \"\"",
    "text\\t0.5, label is \"0.5\"",
    "text\\t-1, label is \"-1\""
  })
  void malformedRowsAreSkippedAndCountedOnlyOnRequest(String row, String reason)
      throws IOException {
    write("train.tsv", "sentence\tlabel\nx\t1\n" + row.replace("\\t", "\t") + "\ny\t0\n");
    assertThatThrownBy(() -> reader.read(SST2, folder.toString(), Split.TRAIN, ""))
        .hasMessageContaining("train.tsv:3: ");
    Part part = lenient.read(SST2, folder.toString(), Split.TRAIN, "");
    assertThat(part.examples()).extracting(Example::first).containsExactly("x", "y");
    assertThat(part.examples()).extracting(Example::index).containsExactly(0, 2);
    assertThat(part.skippedRows()).isEqualTo(1);
    assertThat(part.firstReasons().get(0)).contains("train.tsv:3: " + reason);
  }

  @Test
  void bytesThatAreNotUtf8AreABadRow() throws IOException {
    Files.write(
        folder.resolve("train.tsv"),
        "sentence\tlabel\ncaf\u00e9\t1\n".getBytes(StandardCharsets.ISO_8859_1));
    assertThatThrownBy(() -> reader.read(SST2, folder.toString(), Split.TRAIN, ""))
        .hasMessageContaining("train.tsv:2: it is not UTF-8");
  }

  @Test
  void quotesCarriageReturnsAndTheByteOrderMarkAreNoPartOfTheFormat() throws IOException {
    write("train.tsv", "\uFEFFsentence\tlabel\r\n\"open \u2028 quote\t1\r\n");
    Part part = reader.read(SST2, folder.toString(), Split.TRAIN, "");
    assertThat(part.examples()).containsExactly(new Example(0, "\"open \u2028 quote", null, 1));
  }

  @Test
  void theHeaderlessColaFileLosesNoRow() throws IOException {
    write("train.tsv", "gj04\t1\t\tHe ran.\ngj04\t0\t*\tHe ran ran.");
    Part part = reader.read(Tasks.named("cola"), folder.toString(), Split.TRAIN, "");
    assertThat(part.examples()).extracting(Example::label).containsExactly(1.0, 0.0);
  }

  @Test
  void rowsOfQqpThatLackFieldsAreLeftOutAsHuggingFaceDoes() throws IOException {
    write(
        "train.tsv",
        "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n"
            + "1\t2\t3\tWhy?\tHow?\t0\n"
            + "4\t5\t6\tbroken off\n"
            + "7\t8\t9\tWho?\t\t1\n");
    Part part = reader.read(Tasks.named("qqp"), folder.toString(), Split.TRAIN, "");
    assertThat(part.examples()).hasSize(2);
    assertThat(part.examples().get(1).second()).isEmpty();
    assertThat(part.skippedRows()).isEqualTo(1);
  }

  @Test
  void mnliHasTwoEvaluationSetsAndItsLabelLast() throws IOException {
    String train = "a\tb\tc\td\te\tf\tg\th\ts1\ts2\tl1\tgold\n";
    String dev = "a\tb\tc\td\te\tf\tg\th\ts1\ts2\tl1\tl2\tl3\tl4\tl5\tgold\n";
    String head = "0\t1\t2\t3\t4\t5\t6\t7\tIt rains.\tIt is wet.\t";
    write("MNLI/train.tsv", train + head + "x\tneutral\n");
    write("MNLI/dev_matched.tsv", dev + head + "x\tx\tx\tx\tx\tentailment\n");
    write("MNLI/dev_mismatched.tsv", dev + head + "x\tx\tx\tx\tx\tcontradiction\n");
    Dataset mnli = reader.read(Tasks.named("mnli"), folder.toString());
    assertThat(mnli.train().get(0).label()).isEqualTo(1);
    assertThat(mnli.dev()).extracting(EvaluationSet::name).containsExactly("matched", "mismatched");
    assertThat(mnli.dev().get(0).examples().get(0).label()).isZero();
    assertThat(mnli.dev().get(1).examples().get(0).label()).isEqualTo(2);
  }

  @Test
  void mrpcIsSplitByTheDevIdsWhereOnlyTheCorpusIsThere() throws IOException {
    write(
        "msr_paraphrase_train.txt",
        "\uFEFFQuality\t#1 ID\t#2 ID\t#1 String\t#2 String\n"
            + "1\t10\t11\ta\tb\n0\t12\t13\tc\td\n1\t14\t15\te\tf\n");
    assertThatThrownBy(() -> reader.read(Tasks.named("mrpc"), folder.toString()))
        .hasMessageContaining("mrpc_dev_ids.tsv");
    write("mrpc_dev_ids.tsv", "12\t13\n");
    Dataset mrpc = reader.read(Tasks.named("mrpc"), folder.toString());
    assertThat(mrpc.train()).extracting(Example::first).containsExactly("a", "e");
    assertThat(mrpc.dev().get(0).examples()).extracting(Example::first).containsExactly("c");
  }

  @Test
  void aDeclaredTaskIsReadByTheNamesInTheHeader() throws IOException {
    Task mine =
        new Task("mine", List.of("body"), "stars", List.of("low", "high"), List.of(Metric.F1));
    write("train.tsv", "stars\tid\tbody\nhigh\t7\tlovely\nlow\t8\tdull\n");
    Part part = reader.read(mine, folder.toString(), Split.TRAIN, "");
    assertThat(part.examples())
        .containsExactly(new Example(0, "lovely", null, 1), new Example(1, "dull", null, 0));
    write("train.tsv", "stars\tid\ttext\nhigh\t7\tlovely\n");
    assertThatThrownBy(() -> reader.read(mine, folder.toString(), Split.TRAIN, ""))
        .hasMessageContaining("must name column body once, and names [stars, id, text]");
  }

  @Test
  void jsonLinesTakeNamesOrIdsAndNameBadLines() throws IOException {
    write(
        "rte/train.jsonl",
        "{\"sentence1\":\"a\",\"sentence2\":\"b\",\"label\":\"not_entailment\"}\n"
            + "{\"label\":0,\"sentence2\":\"d\",\"sentence1\":\"c\\u00e9\",\"idx\":9}\n");
    Part part = reader.read(RTE, folder.toString(), Split.TRAIN, "");
    assertThat(part.examples())
        .containsExactly(new Example(0, "a", "b", 1), new Example(1, "c\u00e9", "d", 0));
    for (String bad :
        List.of(
            "{\"sentence1\":\"a\",\"label\":0}",
            "{\"sentence1\":\"a\",\"sentence1\":\"a\",\"sentence2\":\"b\",\"label\":0}",
            "{\"sentence1\":\"a\",\"sentence2\":\"b\",\"label\":null}",
            "{\"sentence1\":7,\"sentence2\":\"b\",\"label\":0}",
            "[1]",
            "{\"sentence1\":")) {
      write(
          "rte/train.jsonl",
          "{\"sentence1\":\"a\",\"sentence2\":\"b\",\"label\":1}\n" + bad + "\n");
      assertThatThrownBy(() -> reader.read(RTE, folder.toString(), Split.TRAIN, ""))
          .as(bad)
          .isInstanceOf(DataException.class)
          .hasMessageContaining("train.jsonl:2: ");
      assertThat(lenient.read(RTE, folder.toString(), Split.TRAIN, "").skippedRows()).isEqualTo(1);
    }
  }

  @Test
  void huggingFaceParquetShardsAreReadInOrder() throws IOException {
    MessageType schema =
        MessageTypeParser.parseMessageType(
            "message schema { optional binary sentence1 (UTF8); optional binary sentence2 (UTF8);"
                + " optional int64 label; optional int32 idx; }");
    parquet("rte/train-00000-of-00002.parquet", schema, "a", 0);
    parquet("rte/train-00001-of-00002.parquet", schema, "b", 1);
    parquet("rte/validation-00000-of-00001.parquet", schema, "c", 1);
    parquet("rte/test/0000.parquet", schema, "d", -1);
    Dataset rte = reader.read(RTE, "file://" + folder);
    assertThat(rte.train())
        .containsExactly(
            new Example(0, "a one", "two", 0),
            new Example(1, "a three", "f\u00f6ur", 0),
            new Example(2, "b one", "two", 1),
            new Example(3, "b three", "f\u00f6ur", 1));
    assertThat(rte.dev().get(0).examples()).hasSize(2);
    Part test = reader.read(RTE, folder.toString(), Split.TEST, "dev");
    assertThat(test.examples()).hasSize(2).noneMatch(Example::isLabelled);
    assertThatThrownBy(() -> reader.read(Tasks.named("qnli"), folder + "/rte"))
        .hasMessageContaining("it has no column question, only [sentence1, sentence2, label, idx]");
  }

  @Test
  void aFileThatIsNotParquetIsRefusedByName() throws IOException {
    write("rte/train.parquet", "version https://git-lfs.github.com/spec/v1\n");
    assertThatThrownBy(() -> reader.read(RTE, folder.toString(), Split.TRAIN, ""))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("train.parquet");
  }

  @Test
  void twoFormsOfOnePartAreAmbiguous() throws IOException {
    write("train.tsv", "x");
    write("train.jsonl", "{}");
    assertThatThrownBy(() -> reader.read(RTE, folder.toString(), Split.TRAIN, ""))
        .hasMessageContaining("Cannot choose between [train.jsonl, train.tsv]");
  }

  @Test
  void aMissingFolderOrPartSaysWhatToSupply() throws IOException {
    assertThatThrownBy(() -> reader.read(RTE, folder + "/absent"))
        .hasMessageContaining("/absent: supply the folder with the files of rte");
    assertThatThrownBy(() -> reader.read(RTE, folder.toString()))
        .hasMessageEndingWith(
            "supply train.csv, .tsv, .jsonl, .json, .ndjson, .parquet, or a folder of such files;"
                + " there is nothing");
    write("train.tsv", "index\tsentence1\tsentence2\tlabel\n");
    assertThatThrownBy(() -> reader.read(RTE, folder.toString()))
        .hasMessageContaining("it has no rows");
  }

  private void parquet(String name, MessageType schema, String prefix, long label)
      throws IOException {
    Files.createDirectories(folder.resolve(name).getParent());
    var path = new org.apache.hadoop.fs.Path(folder.resolve(name).toString());
    SimpleGroupFactory groups = new SimpleGroupFactory(schema);
    try (ParquetWriter<Group> writer =
        ExampleParquetWriter.builder(path)
            .withType(schema)
            .withCompressionCodec(CompressionCodecName.SNAPPY)
            .build()) {
      writer.write(
          groups
              .newGroup()
              .append("sentence1", prefix + " one")
              .append("sentence2", "two")
              .append("label", label)
              .append("idx", 0));
      writer.write(
          groups
              .newGroup()
              .append("sentence1", prefix + " three")
              .append("sentence2", "f\u00f6ur")
              .append("label", label)
              .append("idx", 1));
    }
  }

  private void write(String name, String text) throws IOException {
    Files.createDirectories(folder.resolve(name).getParent());
    Files.writeString(folder.resolve(name), text);
  }
}
