package org.peftsweep.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.apache.commons.math3.stat.descriptive.rank.Median;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.peftsweep.results.LocalSpark;
import org.peftsweep.results.ResultTables;
import org.peftsweep.results.Views;

/** The page's statements, over a real sweep's rows; answers are held to those rows. */
class QuestionsTest {
  private static final Path PAGE = Path.of("src/site/markdown/questions.md");
  private static final Pattern QUESTION =
      Pattern.compile(
          "^## (\\d+)\\. [^\n]*\n\n```sql\n(.*?)```", Pattern.MULTILINE | Pattern.DOTALL);

  private static final SparkSession SPARK = LocalSpark.session();
  private static final SortedMap<Integer, String> SQL = new TreeMap<>();
  private static List<Row> trials;
  private static List<Row> finished;

  @BeforeAll
  static void readPageAndSweep() throws Exception {
    QUESTION
        .matcher(Files.readString(PAGE))
        .results()
        .forEach(found -> SQL.put(Integer.valueOf(found.group(1)), found.group(2)));
    Path output = TinySweep.output();
    Views.create(SPARK, output.toString());
    trials =
        ResultTables.under(SPARK, new org.apache.hadoop.fs.Path(output.toUri()))
            .trials()
            .collectAsList();
    finished = trials.stream().filter(row -> text(row, "status").equals("finished")).toList();
  }

  @Test
  void pageAsksElevenQuestionsWithOneStatementEach() throws IOException {
    assertThat(SQL.keySet()).containsExactly(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11);
    assertThat(Files.readString(PAGE).split("```sql")).hasSize(12);
    for (Path page : List.of(PAGE, Path.of("README.md"), PAGE.resolveSibling("tables.md"))) {
      assertThat(
              Pattern.compile("(?i)\\b(nine|ten|eleven|twelve|\\d+) questions")
                  .matcher(Files.readString(page))
                  .results())
          .as(page.toString())
          .isNotEmpty()
          .allMatch(found -> found.group(1).equalsIgnoreCase("eleven"));
    }
  }

  @Test
  void bestRecipesHaveTheHighestMeanOfTheirTask() {
    SortedMap<String, Double> best = new TreeMap<>();
    finished.stream()
        .collect(
            Collectors.groupingBy(
                row -> text(row, "task") + " " + recipe(row),
                Collectors.averagingDouble(row -> row.<Double>getAs("score"))))
        .forEach((key, mean) -> best.merge(key.split(" ")[0], mean, Math::max));
    List<Row> answer = ask(1);
    assertThat(answer.stream().map(row -> text(row, "task")).collect(Collectors.toSet()))
        .isEqualTo(best.keySet());
    for (Row row : answer) {
      assertThat(row.<Double>getAs("mean_score"))
          .isEqualTo(best.get(text(row, "task")), within(1e-12));
      assertThat(row.<Long>getAs("seeds")).isEqualTo(2);
    }
  }

  @Test
  void recipesWithinABudgetAreWithinItAndBestFirst() {
    List<Row> answer = ask(2);
    assertThat(answer).isNotEmpty().noneMatch(row -> text(row, "method_label").contains("Full"));
    double before = 1;
    for (Row row : answer) {
      assertThat(row.<Long>getAs("adapter_bytes")).isLessThanOrEqualTo(20000);
      assertThat(row.<Double>getAs("mean_score")).isLessThanOrEqualTo(before);
      assertThat(row.<Double>getAs("deviation")).isNotNegative();
      assertThat(row.<Long>getAs("seeds")).isEqualTo(2);
      before = row.getAs("mean_score");
    }
    // LoRA of rank 8 on three matrices has 12288 scalars.
    assertThat(answer).noneMatch(row -> Objects.equals(row.getAs("rank"), 8));
  }

  @Test
  void noiseIsThatOfPairsOfSeeds() {
    for (Row row : ask(3)) {
      var pairs =
          finished.stream()
              .filter(trial -> text(trial, "task").equals(text(row, "task")))
              .collect(
                  Collectors.groupingBy(
                      QuestionsTest::recipe,
                      Collectors.mapping(t -> t.<Double>getAs("score"), Collectors.toList())));
      double variance =
          pairs.values().stream()
              .mapToDouble(pair -> Math.pow(pair.get(0) - pair.get(1), 2) / 2)
              .average()
              .orElseThrow();
      assertThat(row.<Double>getAs("noise")).isEqualTo(Math.sqrt(variance), within(1e-12));
      assertThat(row.<Long>getAs("recipes")).isEqualTo(pairs.size()).isEqualTo(10);
    }
  }

  @Test
  void ratiosAreCompared() {
    for (Row row : ask(4)) {
      double mean =
          finished.stream()
              .filter(
                  t ->
                      Set.of("task", "method", "targets", "ratio").stream()
                          .allMatch(c -> Objects.equals(t.getAs(c), row.getAs(c))))
              .mapToDouble(t -> t.<Double>getAs("score"))
              .average()
              .orElseThrow();
      assertThat(row.<Double>getAs("mean_score")).isEqualTo(mean, within(1e-12));
    }
    assertThat(ask(4)).hasSize(2 * 6).noneMatch(row -> text(row, "method").equals("full"));
  }

  @Test
  void interactionsOfAPairOfAxesAddUpToZero() {
    assertThat(ask(5)).hasSize(10);
    for (Row row :
        SPARK
            .sql(
                "SELECT sum(trials * interaction) FROM interactions"
                    + " GROUP BY sweep, model, task, axis_1, axis_2")
            .collectAsList()) {
      assertThat(row.getDouble(0)).isEqualTo(0, within(1e-9));
    }
  }

  @Test
  void examplesThatNobodyGetsRightAreWrongInEveryTrial() {
    List<Row> answer = ask(6);
    assertThat(answer)
        .allMatch(row -> row.<Long>getAs("trials") == 2 * 10)
        .hasSize(
            SPARK
                .sql(
                    "SELECT task, example FROM trials JOIN predictions USING (sweep, id)"
                        + " GROUP BY ALL HAVING max(int(prediction = label)) = 0")
                .collectAsList()
                .size());
  }

  @Test
  void disagreementsExplainTheDifferenceOfAccuracies() {
    List<Row> answer = ask(7);
    assertThat(answer).hasSize(2);
    for (Row row : answer) {
      String task = text(row, "task");
      long difference = row.<Long>getAs("only_qv") - row.<Long>getAs("only_qkv");
      double accuracies = accuracy(task, "qv", 8) - accuracy(task, "qkv", 1);
      assertThat(difference / (double) row.<Long>getAs("examples"))
          .isEqualTo(accuracies, within(1e-12));
    }
  }

  /** What trains nothing has no steps that its best could be a part of. */
  @Test
  void bestStepLiesWithinTheRun() {
    List<Row> answer = ask(8);
    assertThat(answer).hasSize(2 * 9).noneMatch(row -> text(row, "method").equals("untrained"));
    for (Row row : answer) {
      assertThat(row.<Double>getAs("best_at")).isBetween(0.0, 1.0);
      assertThat(row.<Double>getAs("lost_after")).isNotNegative();
    }
  }

  @Test
  void whatDidNotFinishIsCounted() {
    long unfinished = trials.size() - finished.size();
    assertThat(unfinished).isEqualTo(4);
    assertThat(ask(9).stream().mapToLong(row -> row.<Long>getAs("trials")).sum())
        .isEqualTo(unfinished);
    assertThat(ask(9))
        .allMatch(row -> text(row, "status").equals("diverged"))
        .allMatch(row -> text(row, "for_example").contains("full"));
  }

  @Test
  void costOfAStepIsTheMedianOfTrials() {
    Row row = ask(10).get(0);
    double[] seconds =
        finished.stream()
            .filter(
                t ->
                    Set.of("task", "method", "targets", "rank").stream()
                        .allMatch(c -> Objects.equals(t.getAs(c), row.getAs(c))))
            .mapToDouble(t -> t.<Double>getAs("train_seconds") / t.<Integer>getAs("steps"))
            .toArray();
    assertThat(row.<Double>getAs("seconds_a_step"))
        .isEqualTo(new Median().evaluate(seconds), within(1e-9));
  }

  @Test
  void proxyTuningIsJudgedBesideTheThreeThatItIsMadeOf(@TempDir Path folder) throws Exception {
    try {
      Views.create(SPARK, TinySweep.withOtherBase(folder).toString());
      List<Row> answer = ask(11);
      assertThat(answer)
          .hasSize(2 * 2 * 4)
          .allMatch(row -> text(row, "large_model").equals("builtin:mini-causal"))
          .allMatch(row -> text(row, "small_model").equals("builtin:mini"))
          .allMatch(row -> row.<Long>getAs("seeds") == 2);
      for (Row row : answer) {
        assertThat(row.<Double>getAs("accuracy")).isBetween(0.0, 1.0);
        String who = text(row, "answers");
        if (!who.equals("proxy")) {
          String method = who.equals("tuned") ? text(row, "tuned_by") : "untrained";
          String model = text(row, who.equals("large") ? "large_model" : "small_model");
          assertThat(row.<Double>getAs("accuracy"))
              .as(row.toString())
              .isEqualTo(
                  SPARK
                      .sql(
                          String.format(
                              "SELECT avg(int(prediction = label)) FROM predictions JOIN trials"
                                  + " USING (sweep, id) WHERE task = '%s' AND method = '%s'"
                                  + " AND model = '%s'",
                              text(row, "task"), method, model))
                      .first()
                      .getDouble(0),
                  within(1e-12));
        }
      }
      assertThat(answer.stream().map(row -> text(row, "tuned_by")).distinct())
          .containsExactlyInAnyOrder("lora", "lora+ist");
    } finally {
      Views.create(SPARK, TinySweep.output().toString());
    }
  }

  private static List<Row> ask(int question) {
    return SPARK.sql(SQL.get(question)).collectAsList();
  }

  /** Over both seeds, whatever the main metric of the task. */
  private static double accuracy(String task, String targets, double ratio) {
    return SPARK
        .sql(
            String.format(
                Locale.ROOT,
                "SELECT avg(int(prediction = label)) FROM predictions JOIN trials USING (sweep, id)"
                    + " WHERE task = '%s' AND targets = '%s' AND ratio = %f AND rank = 4"
                    + " AND method = 'lora'",
                task,
                targets,
                ratio))
        .first()
        .getDouble(0);
  }

  private static String recipe(Row row) {
    return text(row, "method")
        + row.getAs("targets")
        + row.getAs("rank")
        + row.getAs("ratio")
        + row.getAs("learning_rate");
  }

  private static String text(Row row, String column) {
    return row.getAs(column);
  }
}
