package org.peftsweep.results;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.FileNotFoundException;
import java.nio.file.Files;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.peftsweep.data.Metric;
import org.peftsweep.method.Full;
import org.peftsweep.method.HeadOnly;
import org.peftsweep.method.LoRA;
import org.peftsweep.method.Method;
import org.peftsweep.model.Role;
import org.peftsweep.spec.TaskSource;
import org.peftsweep.spec.Trial;
import org.peftsweep.train.Outcome.Prediction;
import org.peftsweep.train.Outcome.Status;

class ViewsTest {
  private static final String SWEEP = "a sweep";
  private static final List<String> NAMES =
      List.of(
          "trials",
          "curves",
          "predictions",
          "layers",
          "events",
          "leaderboard",
          "interactions",
          "proxy_predictions",
          "proxy_scores");

  private final SparkSession spark = LocalSpark.session();

  @TempDir java.nio.file.Path output;
  private ResultFolder folder;

  @BeforeEach
  void makeFolder() {
    folder = new ResultFolder(new Path(output.toString(), SWEEP), new Configuration());
    folder.prepare();
  }

  @Test
  void countTheSameRowsAsTheReport() throws Exception {
    int seed = 0;
    for (Status first : Status.values()) {
      for (Status second : Status.values()) {
        publish(Samples.trial("rte", seed), 1, first);
        publish(Samples.trial("rte", seed), 2, second);
        // A twin of an attempt that was thought lost.
        publish(Samples.trial("rte", 100 + seed), 1, first);
        publish(Samples.trial("rte", 100 + seed), 1, second);
        seed++;
      }
    }
    Files.writeString(output.resolve(SWEEP + "/trials/notes.txt"), "mine");
    Files.writeString(output.resolve(SWEEP + "/trials/.half.parquet.1"), "half");
    Views.create(spark, output.toString());
    ResultTables tables = ResultTables.under(spark, new Path(output.toString()));
    assertThat(tables.trials().count()).isEqualTo(2L * seed);
    assertEqual(view("trials"), tables.trials());
    assertEqual(view("curves"), tables.curves());
    assertEqual(view("predictions"), tables.predictions());
    assertEqual(view("layers"), tables.layers());
    assertEqual(view("events"), tables.events());
  }

  /** One row with what was kept of a text, and one of before it was asked for: one recipe. */
  @Test
  void tellWhatWasKeptAndAverageItByRecipe() throws Exception {
    TaskSource text = Samples.text();
    double[] after = {2.5, 2.75};
    for (int seed = 0; seed < 2; seed++) {
      folder.publish(
          Samples.row(
              SWEEP,
              Samples.trial("rte", seed).withRetention(text),
              1,
              Samples.retained(0.5, 2, after[seed])));
    }
    publish(Samples.trial("rte", 2), 1, Status.FINISHED);
    Views.create(spark, output.toString());
    List<Row> trials =
        spark
            .sql(
                "SELECT retention, retention_hash, retention_loss_before, retention_loss_after,"
                    + " retention_loss_increase FROM trials ORDER BY seed")
            .collectAsList();
    String hash = text.contentHash();
    assertThat(trials)
        .containsExactly(
            RowFactory.create("mini-text", hash, 2.0, 2.5, 0.5),
            RowFactory.create("mini-text", hash, 2.0, 2.75, 0.75),
            RowFactory.create(null, null, null, null, null));
    assertThat(
            spark.sql("SELECT step, retention_loss FROM curves WHERE retention_loss = 2").count())
        .isEqualTo(2);
    assertThat(
            spark
                .sql("SELECT seeds, mean_retention_loss_increase FROM leaderboard")
                .collectAsList())
        .containsExactly(RowFactory.create(3L, 0.625));
    Set<TrialFile> lacking = RetentionRows.without(hash, folder, new Configuration());
    assertThat(lacking)
        .containsExactly(new TrialFile(Samples.trial("rte", 2).id(), 1, Status.FINISHED));
    assertThat(RetentionRows.without("ab", folder, new Configuration())).hasSize(3);
    new Compaction(folder, new Configuration(), 2, Duration.ofHours(1)).run();
    assertThat(RetentionRows.without(hash, folder, new Configuration())).isEqualTo(lacking);
  }

  @Test
  void countRowsOnceThatLieInMergedAndSmallFiles() throws Exception {
    for (int seed = 0; seed < 4; seed++) {
      publish(Samples.trial("rte", seed), 1, Status.FINISHED);
    }
    ResultTables before = ResultTables.under(spark, new Path(output.toString()));
    long predictions = before.predictions().count();
    Duration grace = Duration.ofHours(1);
    assertThat(new Compaction(folder, new Configuration(), 2, grace).run()).isPositive();
    Views.create(spark, output.toString());
    ResultTables tables = ResultTables.under(spark, new Path(output.toString()));
    assertThat(view("predictions").count()).isEqualTo(predictions).isPositive();
    assertEqual(view("trials"), tables.trials());
    assertEqual(view("curves"), tables.curves());
    assertEqual(view("layers"), tables.layers());
    assertEqual(view("events"), tables.events());
  }

  @Test
  void areEmptyBeforeTheFirstTrialEnds() throws Exception {
    Views.create(spark, output.toString());
    for (String name : NAMES) {
      assertThat(view(name).count()).as(name).isZero();
    }
  }

  @Test
  void sayThatNoSweepIsThere() {
    assertThatThrownBy(() -> Views.create(spark, output + "/nowhere"))
        .isInstanceOf(FileNotFoundException.class);
  }

  @Test
  void sayWhatTheirColumnsMean() throws Exception {
    Views.create(spark, output.toString());
    for (String name : NAMES) {
      assertThat(spark.sql("DESCRIBE " + name).collectAsList())
          .as(name)
          .isNotEmpty()
          .noneMatch(column -> column.isNullAt(2) || column.getString(2).isBlank());
    }
  }

  /** What a row is, the program says once; the file's views say the same. */
  @Test
  void sayOfTheirRowsWhatTheTablesDo() throws Exception {
    String sql = Files.readString(java.nio.file.Path.of("conf/views.sql"));
    for (Table<?> table : Tables.all()) {
      assertThat(sql)
          .contains(
              "VIEW "
                  + table.name()
                  + "\nCOMMENT '"
                  + table.comment().replace("'", "\\'")
                  + "' AS\n");
    }
  }

  @Test
  void leaderboardAveragesOverSeedsOnly() throws Exception {
    publish(lora(4, 1, 0), 0.5);
    publish(lora(4, 1, 1), 0.7);
    publish(lora(8, 1, 0), 0.8);
    publish(Samples.trial("rte", new Full(), Set.of(Role.QUERY), 1, 0), 0.1);
    publish(lora(8, 1, 1), 1, Status.DIVERGED);
    Views.create(spark, output.toString());
    List<Row> rows =
        spark
            .sql(
                "SELECT place, method, rank, mean_score, deviation, seeds, unfinished, peak_bytes"
                    + " FROM leaderboard ORDER BY place")
            .collectAsList();
    assertThat(rows).hasSize(3);
    assertThat(rows.get(0).getInt(2)).isEqualTo(4);
    assertThat(rows.get(0).getDouble(3)).isEqualTo(0.6, within(1e-12));
    assertThat(rows.get(0).getDouble(4)).isEqualTo(Math.sqrt(0.02), within(1e-12));
    assertThat(rows.get(0).getLong(5)).isEqualTo(2);
    assertThat(rows.get(0).getLong(7)).isEqualTo(1L << 33);
    assertThat(rows.get(1).getString(1)).isEqualTo("full");
    // The mean of the seeds that lived says too much of a recipe that broke.
    assertThat(rows.get(2).mkString(" ")).startsWith("3 lora 8 0.8 null 1 1");
  }

  @Test
  void interactionIsWhatTwoValuesAddToEachOther() throws Exception {
    // Means: rank 4 0.3, rank 8 0.6; λ 1 0.4, λ 4 0.5; all 0.45. 0.7 is 0.05 above 0.6 + 0.5 −
    // 0.45.
    publish(lora(4, 1, 0), 0.3);
    publish(lora(4, 4, 0), 0.3);
    publish(lora(8, 1, 0), 0.5);
    publish(lora(8, 4, 0), 0.7);
    Views.create(spark, output.toString());
    Row row =
        spark
            .sql(
                "SELECT trials, mean_score, interaction FROM interactions WHERE axis_1 = 'rank'"
                    + " AND level_1 = '8' AND axis_2 = 'ratio' AND level_2 = '4.0'")
            .first();
    assertThat(row.getLong(0)).isEqualTo(1);
    assertThat(row.getDouble(1)).isEqualTo(0.7);
    assertThat(row.getDouble(2)).isEqualTo(0.05, within(1e-12));
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void proxyTuningAddsWhatTuningChangedInTheLogits(int classes) throws Exception {
    SplittableRandom random = new SplittableRandom(classes);
    double[] labels =
        random.doubles(60).map(x -> classes == 1 ? x : Math.floor(classes * x)).toArray();
    double[][] large = publish(random, labels, classes, model("large", new HeadOnly(), 0));
    double[][] tuned = publish(random, labels, classes, model("small", new LoRA(8, 16, 0), 0));
    double[][] untuned = publish(random, labels, classes, model("small", new HeadOnly(), 0));
    publish(random, labels, classes, model("small", new HeadOnly(), 1));
    publish(random, labels, classes, model("large", new LoRA(8, 16, 0), 0));
    publish(random, labels, classes, model("large", new HeadOnly(), 1));
    Views.create(spark, output.toString());
    double[] wanted = new double[labels.length];
    for (int i = 0; i < wanted.length; i++) {
      double[] sum = new double[classes];
      for (int k = 0; k < classes; k++) {
        sum[k] = large[i][k] + tuned[i][k] - untuned[i][k];
      }
      wanted[i] = answer(sum);
    }
    String ours = " WHERE large = '" + model("large", new HeadOnly(), 0).id() + "'";
    assertThat(
            spark
                .sql("SELECT prediction FROM proxy_predictions" + ours + " ORDER BY example")
                .collectAsList())
        .extracting(row -> row.getDouble(0))
        .containsExactlyElementsOf(Arrays.stream(wanted).boxed().toList());
    List<Row> scores =
        spark
            .sql(
                "SELECT accuracy, f1, matthews, pearson, examples FROM proxy_scores"
                    + ours
                    + " AND answers = 'proxy'")
            .collectAsList();
    assertThat(scores).hasSize(1);
    List<Metric> metrics = List.of(Metric.ACCURACY, Metric.F1, Metric.MATTHEWS, Metric.PEARSON);
    List<List<Metric>> told =
        List.of(List.of(Metric.PEARSON), List.of(Metric.ACCURACY, Metric.F1, Metric.MATTHEWS));
    for (int i = 0; i < metrics.size(); i++) {
      if (told.get(classes - 1).contains(metrics.get(i))) {
        assertThat(scores.get(0).getDouble(i))
            .as(metrics.get(i).id())
            .isEqualTo(metrics.get(i).of(wanted, wanted, labels), within(1e-9));
      } else {
        assertThat(scores.get(0).isNullAt(i)).as(metrics.get(i).id()).isTrue();
      }
    }
    assertThat(scores.get(0).getLong(4)).isEqualTo(labels.length);
    // Either may learn from the other; with the second seed nobody was tuned.
    assertThat(spark.sql("SELECT DISTINCT large, tuned, untuned FROM proxy_scores").count())
        .isEqualTo(2);
  }

  /**
   * Each of the three, and the labels too, may say the same of every example, as a head does that
   * was not trained.
   */
  @Test
  void proxyScoresAnswerWhereAnswersOrLabelsAreAllAlike() throws Exception {
    List<Metric> metrics = List.of(Metric.ACCURACY, Metric.F1, Metric.MATTHEWS, Metric.PEARSON);
    Map<String, Double> wanted = new HashMap<>();
    for (int classes = 1; classes <= 3; classes++) {
      for (int alike = 0; alike < 16; alike++) {
        String task = "c" + classes + "a" + alike;
        SplittableRandom random = new SplittableRandom(16 * classes + alike);
        double[] drawn = alike < 8 ? random.doubles(20).toArray() : new double[20];
        double[] labels = new double[20];
        Arrays.setAll(labels, i -> classes(drawn[i], task));
        List<Trial> trials =
            List.of(
                model("large", task, new HeadOnly(), 0),
                model("small", task, new LoRA(8, 16, 0), 0),
                model("small", task, new HeadOnly(), 0));
        List<double[][]> outputs = new ArrayList<>();
        for (int who = 0; who < 3; who++) {
          boolean isAlike = (alike >> who & 1) == 1;
          outputs.add(publish(random, labels, classes, trials.get(who), isAlike));
        }
        double[][] sums = new double[20][classes];
        for (int i = 0; i < 20; i++) {
          for (int k = 0; k < classes; k++) {
            sums[i][k] = outputs.get(0)[i][k] + outputs.get(1)[i][k] - outputs.get(2)[i][k];
          }
        }
        outputs.add(sums);
        for (int who = 0; who < 4; who++) {
          double[] answers =
              Arrays.stream(outputs.get(who)).mapToDouble(ViewsTest::answer).toArray();
          for (Metric metric : metrics) {
            boolean isTold =
                metric == Metric.PEARSON
                    ? classes == 1
                    : metric == Metric.ACCURACY ? classes > 1 : classes == 2;
            double value = isTold ? metric.of(answers, answers, labels) : Double.NaN;
            wanted.put(
                task + List.of("large", "tuned", "untuned", "proxy").get(who) + metric.id(), value);
          }
        }
      }
    }
    Views.create(spark, output.toString());
    Map<String, Double> told = new HashMap<>();
    for (Row row :
        spark
            .sql("SELECT task, answers, accuracy, f1, matthews, pearson FROM proxy_scores")
            .collectAsList()) {
      for (int i = 0; i < metrics.size(); i++) {
        told.put(
            row.getString(0) + row.getString(1) + metrics.get(i).id(),
            row.isNullAt(2 + i) ? Double.NaN : row.getDouble(2 + i));
      }
    }
    assertThat(told.keySet()).isEqualTo(wanted.keySet());
    assertThat(wanted)
        .allSatisfy(
            (key, value) ->
                assertThat(told.get(key))
                    .as(key)
                    .satisfies(
                        got ->
                            assertThat(Double.isNaN(value) ? got.isNaN() : close(got, value))
                                .as(got + " for " + value)
                                .isTrue()));
  }

  private static double classes(double drawn, String task) {
    int classes = task.charAt(1) - '0';
    return classes == 1 ? drawn : Math.floor(classes * drawn);
  }

  private static boolean close(double one, double other) {
    return Math.abs(one - other) < 1e-9;
  }

  /** Publishes a trial with drawn outputs, which it returns. */
  private double[][] publish(SplittableRandom random, double[] labels, int classes, Trial trial) {
    return publish(random, labels, classes, trial, false);
  }

  /** Publishes a trial whose outputs may be the same for every example. */
  private double[][] publish(
      SplittableRandom random, double[] labels, int classes, Trial trial, boolean areAlike) {
    double[][] outputs = new double[labels.length][];
    List<Prediction> predictions = new ArrayList<>();
    for (int i = 0; i < labels.length; i++) {
      outputs[i] = areAlike && i > 0 ? outputs[0] : random.doubles(classes, -2, 2).toArray();
      List<Double> own = Arrays.stream(outputs[i]).boxed().toList();
      predictions.add(new Prediction("dev", i, labels[i], answer(outputs[i]), 0.5, own));
    }
    folder.publish(Samples.row(SWEEP, trial, 1, Samples.finished(0.5, predictions)));
    return outputs;
  }

  private static double answer(double[] outputs) {
    if (outputs.length == 1) {
      return outputs[0];
    }
    int best = 0;
    for (int i = 1; i < outputs.length; i++) {
      best = outputs[i] > outputs[best] ? i : best;
    }
    return best;
  }

  private static Trial model(String model, Method method, long seed) {
    return model(model, "rte", method, seed);
  }

  private static Trial model(String model, String task, Method method, long seed) {
    Set<Role> targets = method.usesTargets() ? Set.of(Role.QUERY) : Set.of();
    return Samples.trial(model, task, method, targets, 1, seed);
  }

  @Test
  void statementsMayHoldSemicolons() {
    assertThat(Views.statements("SELECT ';' -- and; so on\n; ;\nSELECT 2"))
        .hasSize(2)
        .last()
        .isEqualTo("SELECT 2");
  }

  private static Trial lora(int rank, double ratio, long seed) {
    return Samples.trial("rte", new LoRA(rank, 16, 0.1), Set.of(Role.QUERY), ratio, seed);
  }

  private void publish(Trial trial, int attempt, Status status) {
    folder.publish(
        Samples.row(
            SWEEP,
            trial,
            attempt,
            status == Status.FINISHED ? Samples.finished(0.5, 3) : Samples.failed(status, "so")));
  }

  private void publish(Trial trial, double score) {
    folder.publish(Samples.row(SWEEP, trial, 1, Samples.finished(score, 3)));
  }

  private Dataset<Row> view(String name) {
    return spark.sql("SELECT * FROM " + name);
  }

  private static void assertEqual(Dataset<Row> view, Dataset<Row> table) {
    assertThat(view.columns()).containsExactlyInAnyOrder(table.columns());
    assertThat(texts(view, table.columns()))
        .containsExactlyElementsOf(texts(table, table.columns()));
  }

  private static List<String> texts(Dataset<Row> rows, String[] columns) {
    return rows
        .selectExpr(Stream.of(columns).map(c -> "`" + c + "`").toArray(String[]::new))
        .toJSON()
        .collectAsList()
        .stream()
        .sorted()
        .toList();
  }
}
