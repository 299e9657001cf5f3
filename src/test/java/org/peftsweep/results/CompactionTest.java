package org.peftsweep.results;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.peftsweep.spec.Trial;
import org.peftsweep.train.Outcome.Status;

class CompactionTest {
  private static final int TRIALS = 12;

  private final SparkSession spark = LocalSpark.session();

  @TempDir java.nio.file.Path output;
  private ResultFolder folder;

  @BeforeEach
  void publishSome() {
    folder = new ResultFolder(new Path(output + "/s"), new Configuration());
    for (int seed = 0; seed < TRIALS; seed++) {
      publish(seed, 1, Status.FINISHED);
    }
    for (int batch = 0; batch < 6; batch++) {
      Event event =
          new Event("s", Instant.EPOCH, Instant.EPOCH, Event.Kind.SKIPPED, null, null, "" + batch);
      folder.publish(List.of(event), batch);
    }
  }

  @Test
  void showsTheSameRowsBeforeAndAfter() throws Exception {
    List<List<Row>> before = rows();
    assertThat(merge(Duration.ofHours(1))).isEqualTo(4 * TRIALS + 6);
    assertThat(rows()).isEqualTo(before);
    assertThat(files("trials")).hasSize(TRIALS + 1);
    assertThat(merge(Duration.ZERO)).isZero();
    assertThat(rows()).isEqualTo(before);
    assertThat(files("trials")).singleElement().asString().startsWith(MergedFiles.PREFIX);
    assertThat(files("events")).hasSize(1);
    assertThat(folder.trials()).hasSize(TRIALS).allSatisfy((id, file) -> file.isDone());
    assertThat(spark.read().parquet(output + "/s/trials").schema())
        .isEqualTo(Tables.TRIALS.schema());
  }

  @Test
  void letsAQueryEndThatBeganBefore() {
    ResultTables early = ResultTables.of(spark, folder);
    long sum = early.predictions().count();
    var trials = early.trials();
    merge(Duration.ofHours(1));
    assertThat(trials.count()).isEqualTo(TRIALS);
    assertThat(early.predictions().count()).isEqualTo(sum);
  }

  @Test
  void letsALaterAttemptCount() {
    merge(Duration.ofHours(1));
    merge(Duration.ZERO);
    publish(3, 2, Status.FINISHED);
    publish(4, 2, Status.FAILED);
    assertThat(trials().count()).isEqualTo(TRIALS);
    assertThat(trials().where("attempt = 2").select("seed").collectAsList())
        .singleElement()
        .satisfies(row -> assertThat(row.getLong(0)).isEqualTo(3));
    assertThat(ResultTables.of(spark, folder).predictions().count()).isEqualTo(2 * TRIALS);
    assertThat(folder.attempts()).containsEntry(Samples.trial("rte", 4).id(), 2);
  }

  @Test
  void leavesFailedTrialsAsTheyAre() throws Exception {
    publish(99, 1, Status.FAILED);
    merge(Duration.ZERO);
    merge(Duration.ZERO);
    assertThat(files("trials")).hasSize(2);
    publish(99, 2, Status.FINISHED);
    assertThat(trials().where("status = 'finished'").count()).isEqualTo(TRIALS + 1);
  }

  @Test
  void countsARowOnceThatTwoMergedFilesHold() throws Exception {
    List<List<Row>> before = rows();
    merge(Duration.ofHours(1));
    java.nio.file.Path first = output.resolve("s/trials").resolve(merged("trials").get(0));
    java.nio.file.Path aside = Files.move(first, output.resolve("aside.parquet"));
    publish(50, 1, Status.FINISHED);
    merge(Duration.ofHours(1));
    Files.move(aside, first);
    assertThat(merged("trials")).hasSize(2);
    assertThat(trials().count()).isEqualTo(TRIALS + 1);
    assertThat(rows().get(0)).containsAll(before.get(0));
  }

  @Test
  void losesNothingWhenItIsKilled() throws Exception {
    List<List<Row>> before = rows();
    // Killed while it wrote: a hidden half of a file stays.
    Files.writeString(output.resolve("s/trials/.merged-0123.parquet.half"), "PAR1");
    assertThat(rows()).isEqualTo(before);
    merge(Duration.ofHours(1));
    // Killed while it removed: some small files are gone.
    for (String name : files("predictions").subList(0, 5)) {
      if (!MergedFiles.isMerged(name)) {
        Files.delete(output.resolve("s/predictions").resolve(name));
      }
    }
    assertThat(rows()).isEqualTo(before);
    merge(Duration.ZERO);
    assertThat(rows()).isEqualTo(before);
  }

  @Test
  void leavesSmallSweepsAlone() throws Exception {
    assertThat(new Compaction(folder, new Configuration(), 100, Duration.ZERO).run()).isZero();
    assertThat(files("trials")).hasSize(TRIALS);
  }

  @Test
  void saysWhichMergedFileItCannotRead() throws Exception {
    Files.copy(
        output.resolve("s/trials").resolve(files("trials").get(0)),
        output.resolve("s/trials/merged-foreign.parquet"));
    assertThat(folder.trials()).hasSize(TRIALS);
    assertThat(Inspection.of(folder, new Configuration()).notices("left out"))
        .singleElement()
        .asString()
        .contains("merged-foreign.parquet", "which files it holds");
  }

  @Test
  void losesOnlyTheTrialsWhoseMergedRowsAreDamaged() throws Exception {
    merge(Duration.ofHours(1));
    merge(Duration.ZERO);
    publish(77, 1, Status.FINISHED);
    java.nio.file.Path merged =
        output.resolve("s/predictions").resolve(merged("predictions").get(0));
    Files.write(merged, Arrays.copyOf(Files.readAllBytes(merged), 500));
    Inspection inspection = Inspection.of(folder, new Configuration());
    assertThat(inspection.damages()).hasSize(1);
    assertThat(inspection.without().trials().values().stream().filter(TrialFile::isDone))
        .hasSize(1);
    inspection.setAside();
    assertThat(Inspection.of(folder, new Configuration()).damages()).isEmpty();
    assertThat(folder.trials().values().stream().filter(TrialFile::isDone)).hasSize(1);
    for (int seed = 0; seed < TRIALS; seed++) {
      publish(seed, folder.attempts().get(Samples.trial("rte", seed).id()) + 1, Status.FINISHED);
    }
    assertThat(folder.trials().values()).hasSize(TRIALS + 1).allMatch(TrialFile::isDone);
    assertThat(ResultTables.of(spark, folder).predictions().count()).isEqualTo(2 * (TRIALS + 1));
  }

  private int merge(Duration grace) {
    return new Compaction(folder, new Configuration(), 5, grace).run();
  }

  private void publish(long seed, int attempt, Status status) {
    Trial trial = Samples.trial("rte", seed);
    folder.publish(
        Samples.row(
            "s",
            trial,
            attempt,
            status == Status.FINISHED
                ? Samples.finished(0.5 + seed / 100.0, 2)
                : Samples.failed(status, "no")));
  }

  private org.apache.spark.sql.Dataset<Row> trials() {
    return ResultTables.of(spark, folder).trials();
  }

  /** All rows of all tables, in an order of their own. */
  private List<List<Row>> rows() {
    ResultTables tables = ResultTables.of(spark, folder);
    List<List<Row>> all = new ArrayList<>();
    all.add(tables.trials().orderBy("id").collectAsList());
    all.add(tables.curves().orderBy("id", "step").collectAsList());
    all.add(tables.predictions().orderBy("id", "example").collectAsList());
    all.add(tables.layers().orderBy("id", "step").collectAsList());
    all.add(tables.events().orderBy("detail").collectAsList());
    return all;
  }

  private List<String> merged(String table) throws IOException {
    return files(table).stream().filter(MergedFiles::isMerged).toList();
  }

  private List<String> files(String table) throws IOException {
    try (Stream<java.nio.file.Path> files = Files.list(output.resolve("s/" + table))) {
      return files
          .map(file -> file.getFileName().toString())
          .filter(name -> name.endsWith(".parquet") && !name.startsWith("."))
          .sorted()
          .toList();
    }
  }
}
