package org.peftsweep.data;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.peftsweep.TestFolders;

/** Real files of the original distribution. */
class GlueFilesTest {

  private final DatasetReader reader = new DatasetReader(new Configuration(), false);

  @ParameterizedTest(name = "{0} {1} has {2} rows")
  @CsvSource({
    "cola, TRAIN, 8551",
    "cola, DEV, 1043",
    "cola, TEST, 1063",
    "sst2, TRAIN, 67349",
    "sst2, DEV, 872",
    "sst2, TEST, 1821",
    "mrpc, TRAIN, 3668",
    "mrpc, DEV, 408",
    "mrpc, TEST, 1725",
    "stsb, TRAIN, 5749",
    "stsb, DEV, 1500",
    "stsb, TEST, 1379",
    "qnli, DEV, 5463",
    "qnli, TEST, 5463",
    "rte, TRAIN, 2490",
    "rte, DEV, 277",
    "rte, TEST, 3000"
  })
  void realFilesHaveThePublishedRowCounts(String name, Split split, int rows) {
    Part part = reader.read(Tasks.named(name), TestFolders.shared("glue").toString(), split, "dev");
    assertThat(part.examples()).hasSize(rows);
    assertThat(part.skippedRows()).isZero();
    boolean labelled = split != Split.TEST;
    assertThat(part.examples()).allMatch(example -> example.isLabelled() == labelled);
    assertThat(part.examples().get(rows - 1).index()).isEqualTo(rows - 1);
  }

  @Test
  void theRowCountsAreThoseOfTheFactsTable() throws Exception {
    String table = Files.readString(TestFolders.shared("paper/glue_tasks.csv"));
    assertThat(table)
        .contains("cola,8551,1043,1063,", "sst2,67349,872,1821,", "mrpc,3668,408,1725,")
        .contains("stsb,5749,1500,1379,", ",5463,5463,question", "rte,2490,277,3000,");
  }

  @Test
  void theFirstDevRowOfRteIsNotEntailedByHuggingFaceIds() {
    Dataset rte = reader.read(Tasks.named("rte"), TestFolders.shared("glue/RTE").toString());
    Example first = rte.dev().get(0).examples().get(0);
    assertThat(first.first()).startsWith("Dana Reeve, the widow of the actor");
    assertThat(first.second()).isEqualTo("Christopher Reeve had an accident.");
    assertThat(first.label()).isEqualTo(1);
  }

  @Test
  void theByteOrderMarkAndUnbalancedQuotesOfMrpcAreNoTrouble() {
    Dataset mrpc = reader.read(Tasks.named("mrpc"), TestFolders.shared("glue").toString());
    Example first = mrpc.dev().get(0).examples().get(0);
    assertThat(first.second())
        .isEqualTo("\" The foodservice pie business does not fit our long-term growth strategy .");
    assertThat(first.label()).isEqualTo(1);
  }

  @Test
  void theOriginalParaphraseTestFileHasLabels(@TempDir Path folder) throws Exception {
    Path source = TestFolders.shared("glue/MRPC/msr_paraphrase_test.txt");
    Files.copy(source, folder.resolve("msr_paraphrase_test.txt"));
    Part test = reader.read(Tasks.named("mrpc"), folder.toString(), Split.TEST, "dev");
    assertThat(test.examples()).hasSize(1725).allMatch(Example::isLabelled);
  }

  @Test
  void theParaphraseCorpusSplitByDevIdsHoldsTheRowsOfTrainAndDev(@TempDir Path folder)
      throws Exception {
    Path source = TestFolders.shared("glue/MRPC");
    String name = "msr_paraphrase_train.txt";
    Files.copy(source.resolve(name), folder.resolve(name));
    List<String> ids =
        Files.readAllLines(source.resolve("dev.tsv")).stream()
            .skip(1)
            .map(line -> line.split("\t")[1] + "\t" + line.split("\t")[2])
            .toList();
    Files.write(folder.resolve("mrpc_dev_ids.tsv"), ids);
    Dataset split = reader.read(Tasks.named("mrpc"), folder.toString());
    Dataset published = reader.read(Tasks.named("mrpc"), source.toString());
    assertThat(contents(split.train())).isEqualTo(contents(published.train()));
    assertThat(contents(split.dev().get(0).examples()))
        .isEqualTo(contents(published.dev().get(0).examples()));
  }

  private static List<String> contents(List<Example> examples) {
    return examples.stream()
        .map(example -> example.first() + "|" + example.second() + "|" + example.label())
        .sorted()
        .toList();
  }

  @Test
  void similarityScoresAreNotScaled() {
    Dataset stsb = reader.read(Tasks.named("stsb"), TestFolders.shared("glue").toString());
    assertThat(stsb.train()).extracting(Example::label).contains(5.0, 0.0, 3.8);
  }
}
