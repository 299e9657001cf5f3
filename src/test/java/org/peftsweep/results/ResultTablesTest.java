package org.peftsweep.results;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.sql.Timestamp;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.peftsweep.method.IST;
import org.peftsweep.method.LoRA;
import org.peftsweep.model.Role;
import org.peftsweep.spec.Trial;
import org.peftsweep.train.Outcome.Status;

class ResultTablesTest {
  private final SparkSession spark = LocalSpark.session();

  @TempDir java.nio.file.Path output;
  private ResultFolder folder;

  @BeforeEach
  void makeFolder() {
    folder = folder("a sweep");
  }

  @Test
  void givesBackWhatWasPublished() {
    Trial trial = Samples.trial("rte", 3);
    folder.publish(Samples.row("a sweep", trial, 1, Samples.finished(0.75, 5)));
    Row row = all().trials().first();
    assertThat(row.<String>getAs("id")).isEqualTo(trial.id());
    assertThat(row.<String>getAs("status")).isEqualTo("finished");
    assertThat(row.<String>getAs("host")).isEqualTo("höst");
    assertThat(row.<Integer>getAs("rank")).isEqualTo(8);
    assertThat(row.<String>getAs("targets")).isEqualTo("qv");
    assertThat(row.<Double>getAs("value_learning_rate")).isEqualTo(4e-4);
    assertThat(row.<Long>getAs("peak_bytes")).isEqualTo(1L << 33);
    assertThat(row.<Double>getAs("steps_per_second")).isEqualTo(5);
    assertThat(row.<Timestamp>getAs("started_at").toInstant()).isEqualTo(Samples.START);
    assertThat(row.getJavaMap(row.fieldIndex("settings")))
        .isEqualTo(Map.of("alpha", "16.0", "dropout", "0.1", "rank", "8"));
    assertThat(row.<String>getAs("trial")).isEqualTo(trial.toJson());
    assertThat(all().curves().count()).isEqualTo(3);
    assertThat(all().predictions().where("prediction = label").count()).isEqualTo(2);
    assertThat(row.getJavaMap(row.fieldIndex("ranks"))).isEqualTo(Map.of("layer.0.query", 3.0));
  }

  @Test
  void keepsScoresOfLayers() {
    folder.publish(Samples.row("a sweep", Samples.trial("rte", 3), 1, Samples.finished(0.75, 5)));
    all().register();
    Row row =
        spark
            .sql("SELECT layers.* FROM layers JOIN trials USING (sweep, id) WHERE step > 0")
            .collectAsList()
            .get(0);
    assertThat(row.<Integer>getAs("step")).isEqualTo(20);
    assertThat(row.<Integer>getAs("layer")).isZero();
    assertThat(row.<Double>getAs("score")).isEqualTo(-1.5);
    assertThat(row.<Integer>getAs("selected")).isEqualTo(7);
  }

  @Test
  void namesThePlugInBesideTheMethod() {
    IST plugged = new IST(new LoRA(8, 16, 0.1), 0.25, 0.5, 0.25, 3, 10, 10, 16);
    Trial trial = Samples.trial("rte", plugged, Set.of(Role.QUERY), 1, 0);
    folder.publish(Samples.row("a sweep", trial, 1, Samples.finished(0.75, 5)));
    Row row = all().trials().first();
    assertThat(row.<String>getAs("method")).isEqualTo("lora+ist");
    assertThat(row.<String>getAs("method_label")).isEqualTo("LoRA + IST");
    assertThat(row.<String>getAs("plug_in")).isEqualTo("ist");
    assertThat(row.<Integer>getAs("rank")).isEqualTo(8);
    assertThat(row.getJavaMap(row.fieldIndex("settings")))
        .containsEntry("rank", "8")
        .containsEntry("update_fraction", "0.25");
  }

  @Test
  void reportsTheStepThatValidationChose() {
    folder.publish(Samples.row("a sweep", Samples.trial("rte", 3), 1, Samples.finished(0.75, 5)));
    Row row = all().trials().first();
    assertThat(row.<Integer>getAs("score_step")).isEqualTo(10);
    assertThat(row.<Double>getAs("score")).isEqualTo(0.75);
    assertThat(row.<Double>getAs("validation_score")).isEqualTo(0.8);
    assertThat(row.<Double>getAs("last_score")).isEqualTo(0.65);
  }

  @Test
  void keepsNullWhereNothingWasMeasured() {
    String reason = "Cannot read  — «naïve» 文字 😀\nsecond line, 'quotes' and \"more\"";
    folder.publish(
        Samples.row("a sweep", Samples.trial("rte", 3), 1, Samples.failed(Status.FAILED, reason)));
    Row row = all().trials().first();
    assertThat(row.<String>getAs("reason")).isEqualTo(reason);
    assertThat(row.<String>getAs("stack_trace")).startsWith("a stack");
    for (String column :
        List.of("score", "metrics", "steps", "peak_bytes", "train_seconds", "steps_per_second")) {
      assertThat(row.isNullAt(row.fieldIndex(column))).as(column).isTrue();
    }
    assertThat(all().curves().isEmpty()).isTrue();
  }

  @Test
  void isEmptyWhereNothingIs() {
    assertThat(all().trials().count()).isZero();
    assertThat(ResultTables.under(spark, new Path(output + "/nowhere")).events().count()).isZero();
    assertThat(folder.trials()).isEmpty();
  }

  @Test
  void countsALaterAttemptOnce() {
    Trial trial = Samples.trial("rte", 3);
    folder.publish(Samples.row("a sweep", trial, 1, Samples.finished(0.5, 2)));
    folder.publish(Samples.row("a sweep", trial, 2, Samples.failed(Status.OOM, "no memory")));
    assertThat(all().trials().collectAsList())
        .singleElement()
        .satisfies(row -> assertThat(row.<Integer>getAs("attempt")).isEqualTo(1));
    folder.publish(Samples.row("a sweep", trial, 3, Samples.finished(0.75, 4)));
    assertThat(all().trials().first().<Double>getAs("score")).isEqualTo(0.75);
    assertThat(all().curves().count()).isEqualTo(3);
    assertThat(all().predictions().count()).isEqualTo(4);
    assertThat(folder.attempts()).isEqualTo(Map.of(trial.id(), 3));
  }

  @Test
  void takesTheSameRowFromTwoWritersOnce() throws Exception {
    TrialRow row = Samples.row("a sweep", Samples.trial("rte", 3), 1, Samples.finished(0.5, 2));
    folder.publish(row);
    folder.publish(row);
    assertThat(all().trials().count()).isEqualTo(1);
    assertThat(all().predictions().count()).isEqualTo(2);
    try (Stream<java.nio.file.Path> files = Files.walk(output)) {
      assertThat(files.filter(file -> file.toString().endsWith(".parquet"))).hasSize(4);
    }
    try (Stream<java.nio.file.Path> files = Files.walk(output)) {
      assertThat(files.map(java.nio.file.Path::getFileName).map(Object::toString))
          .noneMatch(name -> name.matches("\\..*\\.parquet\\.[0-9a-f-]{36}"));
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "out[1]",
        "{a,b}",
        "a*",
        "what?",
        "back\\slash",
        "a#b",
        "50%",
        "%41",
        "with space",
        "a,b",
        "[",
        "]",
        "{",
        "a[!b]{c}*",
        "quote'\"`",
        "$HOME",
        "${x}",
        "ü😀",
        "a=b",
        "a+b",
        "a;b"
      })
  void takesFolderNamesAsTheyAre(String name) throws Exception {
    Path odd = new Path(new Path(output.toUri()), name);
    ResultFolder sweep = new ResultFolder(new Path(odd, "s"), new Configuration());
    sweep.prepare();
    sweep.publish(Samples.row("s", Samples.trial("rte", 3), 1, Samples.finished(0.5, 2)));
    // What a pattern would match instead.
    for (String other : List.of("out1", "a", "b", "ab", "whatx")) {
      ResultFolder near =
          new ResultFolder(
              new Path(output.resolve(other).toUri().getPath(), "s"), new Configuration());
      near.prepare();
      near.publish(Samples.row("s", Samples.trial("rte", 4), 1, Samples.finished(0.5, 2)));
    }
    assertThat(ResultTables.under(spark, odd).trials().count()).isEqualTo(1);
    assertThat(ResultTables.of(spark, sweep).predictions().count()).isEqualTo(2);
    Views.create(spark, odd.toString());
    assertThat(spark.sql("SELECT seed FROM trials").collectAsList())
        .singleElement()
        .satisfies(row -> assertThat(row.getLong(0)).isEqualTo(3));
    assertThat(Inspection.of(sweep, new Configuration()).damages()).isEmpty();
  }

  @Test
  void showsTheSchemaOfTablesWithoutRows() {
    folder.prepare();
    for (Table<?> table : Tables.all()) {
      assertThat(spark.read().parquet(output + "/a sweep/" + table.name()).schema())
          .isEqualTo(table.schema());
    }
    assertThat(all().layers().count()).isZero();
  }

  @Test
  void tellsSweepsApart() {
    Trial trial = Samples.trial("rte", 3);
    folder.publish(Samples.row("a sweep", trial, 1, Samples.finished(0.5, 2)));
    folder("another").publish(Samples.row("another", trial, 1, Samples.finished(0.6, 2)));
    all().register();
    assertThat(
            spark.sql("SELECT sweep, score FROM trials ORDER BY sweep").collectAsList().stream()
                .map(row -> row.getString(0) + " " + row.getDouble(1)))
        .containsExactly("a sweep 0.5", "another 0.6");
    assertThat(spark.sql("SELECT count(*) FROM predictions JOIN trials USING (sweep, id)").first())
        .satisfies(row -> assertThat(row.getLong(0)).isEqualTo(4));
  }

  @Test
  void hidesCurvesWhoseTrialIsNotThere() throws Exception {
    folder.publish(Samples.row("a sweep", Samples.trial("rte", 3), 1, Samples.finished(0.5, 2)));
    try (Stream<java.nio.file.Path> files = Files.list(output.resolve("a sweep/trials"))) {
      for (java.nio.file.Path file : files.toList()) {
        Files.delete(file);
      }
    }
    assertThat(all().curves().count()).isZero();
    assertThat(all().predictions().count()).isZero();
  }

  @Test
  void ignoresWhatItDidNotWrite() throws Exception {
    folder.publish(Samples.row("a sweep", Samples.trial("rte", 3), 1, Samples.finished(0.5, 2)));
    Files.writeString(output.resolve("a sweep/trials/.half.parquet.1"), "half");
    Files.writeString(output.resolve("a sweep/trials/notes.txt"), "mine");
    Files.writeString(output.resolve("README.md"), "what is here");
    assertThat(all().trials().count()).isEqualTo(1);
  }

  @Test
  void showsWholeTrialsOnlyWhileTheyAreWritten() throws Exception {
    int trials = 50;
    ExecutorService writer = Executors.newSingleThreadExecutor();
    Future<?> written =
        writer.submit(
            () -> {
              for (int seed = 0; seed < trials; seed++) {
                folder.publish(
                    Samples.row(
                        "a sweep", Samples.trial("rte", seed), 1, Samples.finished(0.5, 100)));
              }
            });
    writer.shutdown();
    int looks = 0;
    boolean isLast;
    do {
      isLast = written.isDone();
      ResultTables now = all();
      long rows = now.trials().count();
      assertThat(now.predictions().count()).isEqualTo(100 * rows);
      assertThat(now.curves().count()).isEqualTo(3 * rows);
      looks++;
    } while (!isLast);
    written.get();
    assertThat(all().trials().count()).isEqualTo(trials);
    assertThat(looks).isGreaterThan(1);
  }

  @Test
  void readsItsFilesWithoutBeingToldTheSchema() {
    folder.publish(Samples.row("a sweep", Samples.trial("rte", 3), 1, Samples.finished(0.5, 2)));
    Dataset<Row> plain = spark.read().parquet(output + "/a sweep/trials");
    assertThat(plain.schema()).isEqualTo(Tables.TRIALS.schema());
    assertThat(plain.schema().apply("train_seconds").getComment().get())
        .isEqualTo("wall clock of all steps, s");
  }

  @Test
  void saysWhichFileItCannotWrite() throws Exception {
    Files.writeString(output.resolve("a sweep"), "a file where a folder should be");
    assertThatThrownBy(
            () ->
                folder.publish(
                    Samples.row("a sweep", Samples.trial("rte", 3), 1, Samples.finished(0.5, 2))))
        .isInstanceOf(UncheckedIOException.class)
        .hasMessageContaining("Cannot write")
        .hasMessageContaining("a sweep/curves");
  }

  @Test
  void namesTheColumnThatMustNotBeNull() {
    assertThatThrownBy(
            () ->
                folder.publish(
                    Samples.row(null, Samples.trial("rte", 3), 1, Samples.failed(Status.OOM, "x"))))
        .hasMessageContaining("Cannot write a row of trials: sweep is null");
    assertThat(folder.trials()).isEmpty();
  }

  private ResultFolder folder(String sweep) {
    return new ResultFolder(new Path(output.toString(), sweep), new Configuration());
  }

  private ResultTables all() {
    return ResultTables.under(spark, new Path(output.toString()));
  }
}
