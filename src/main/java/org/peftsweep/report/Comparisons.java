package org.peftsweep.report;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Predicate;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.functions;
import org.peftsweep.data.Metric;
import org.peftsweep.stats.Bootstrap;
import org.peftsweep.stats.Interval;
import org.peftsweep.stats.Looks;
import org.peftsweep.stats.MeanTest;
import org.peftsweep.stats.PairedBootstrap;
import org.peftsweep.stats.TieGroups;

/**
 * Recipes held against each other seed by seed, task by task.
 *
 * <p>Two recipes with one seed met the same batches, so what they have in common cancels in their
 * difference. Only seeds that both have a score of count, and two of them at least. Scores are
 * those of the benchmark's table; how much they turn on the examples of the task is told beside,
 * from the predictions of the same step.
 */
final class Comparisons {
  /**
   * A recipe's place on a task.
   *
   * @param score the mean over seeds
   * @param group counted from 1, the best; null where it cannot be ranked
   * @param difference from the leader of group 1; null for the leader, and without one
   * @param pValue of no difference from the leader, uncorrected; null as the difference
   * @param ofExamples how far the difference might lie off with other examples of the same kind;
   *     null where there are no predictions
   */
  record Place(
      Line line,
      MeanTest score,
      Integer group,
      MeanTest difference,
      Double pValue,
      Double ofExamples) {}

  /** The answers to a task, by recipe. */
  private record Answers(List<Line> lines, PairedBootstrap paired) {}

  private final Results results;
  private final Looks looks;
  private final Map<String, Answers> answers = new HashMap<>();

  /** By task, of how many examples its scores are; those that are not known lack. */
  private final Map<String, Long> examples = new HashMap<>();

  private Comparisons(Results results, Looks looks) {
    this.results = results;
    this.looks = looks;
  }

  /**
   * Reads the predictions.
   *
   * @param looks whether seeds were added until something was decided
   */
  static Comparisons of(Results results, Dataset<Row> predictions, Looks looks) {
    Comparisons comparisons = new Comparisons(results, looks);
    for (String task : results.tasks()) {
      Map<String, double[]> labels = new HashMap<>();
      Map<String, double[]> read = answers(results, task, predictions, labels);
      double[] common = labels.values().stream().findFirst().orElse(new double[0]);
      Map<Line, double[][]> ofLines = new HashMap<>();
      List<Line> lines = new ArrayList<>();
      for (Line line : results.lines(task)) {
        double[][] seeds =
            line.runs(task).stream()
                .filter(Run::isScored)
                .map(Run::id)
                .filter(id -> Arrays.equals(common, labels.get(id)))
                .map(read::get)
                .toArray(double[][]::new);
        if (seeds.length > 0) {
          lines.add(line);
          ofLines.put(line, seeds);
        }
      }
      if (!lines.isEmpty()) {
        PairedBootstrap paired =
            new PairedBootstrap(
                Metric.ofId(results.metric(task))::of,
                common,
                lines.stream().map(ofLines::get).toList(),
                Bootstrap.STANDARD);
        comparisons.answers.put(task, new Answers(lines, paired));
        comparisons.examples.put(task, (long) common.length);
      }
    }
    return comparisons;
  }

  /** The same by scores alone: what other examples would change is not known. */
  static Comparisons ofScores(Results results, Looks looks) {
    return new Comparisons(results, looks);
  }

  /**
   * The same, with the number of examples that scores are of.
   *
   * @param predictions that are counted
   */
  static Comparisons ofScores(Results results, Dataset<Row> predictions, Looks looks) {
    Comparisons comparisons = new Comparisons(results, looks);
    Map<String, String> tasks = new HashMap<>();
    results.runs().stream().filter(Run::isScored).forEach(run -> tasks.put(run.id(), run.task()));
    predictions
        .where(functions.col("id").isInCollection(tasks.keySet()))
        .groupBy("id")
        .count()
        .collectAsList()
        .forEach(
            row ->
                comparisons.examples.merge(tasks.get(row.getString(0)), row.getLong(1), Math::min));
    return comparisons;
  }

  private static Map<String, double[]> answers(
      Results results, String task, Dataset<Row> predictions, Map<String, double[]> labels) {
    Metric metric = results.metric(task).isEmpty() ? null : Metric.ofId(results.metric(task));
    Map<String, Run> runs = new HashMap<>();
    results.lines(task).stream()
        .flatMap(line -> line.runs(task).stream())
        .filter(Run::isScored)
        .forEach(run -> runs.put(run.id(), run));
    Map<String, double[]> answers = new HashMap<>();
    for (Row row :
        predictions
            .where(functions.col("id").isin(runs.keySet().toArray()))
            .groupBy("id")
            .agg(
                functions
                    .sort_array(
                        functions.collect_list(
                            functions.struct(
                                "evaluation_set", "example", "label", "prediction", "probability")))
                    .as("all"),
                functions.max("step"))
            .orderBy("id")
            .collectAsList()) {
      Run run = runs.get(row.getString(0));
      // Rows without a step are of the last one.
      Integer step = row.isNullAt(2) ? run.steps() : (Integer) row.getInt(2);
      if (step == null || step.equals(run.scoreStep())) {
        List<Row> all = row.getList(1);
        labels.put(run.id(), all.stream().mapToDouble(one -> one.getDouble(2)).toArray());
        answers.put(
            run.id(),
            metric.answers(
                all.stream().mapToDouble(one -> one.getDouble(3)).toArray(),
                all.stream().mapToDouble(one -> one.getDouble(4)).toArray()));
      }
    }
    return answers;
  }

  /**
   * Returns the recipes of a task that are allowed and have a score: those that can be ranked by
   * tie group among themselves, then score, and after them those that cannot, having one seed or
   * seeds without a score. Where no two can be ranked none is, and all stand as in the table.
   */
  List<Place> places(String task, Predicate<Line> isAllowed) {
    List<Line> allowed = results.lines(task).stream().filter(isAllowed).toList();
    List<Line> ranked =
        allowed.stream()
            .filter(line -> line.isWhole(task) && line.seeds(task).size() > 1)
            .sorted(
                Comparator.<Line>comparingDouble(line -> TieGroups.ranked(line.mean(task)))
                    .reversed())
            .toList();
    List<Place> places = new ArrayList<>();
    boolean isRanked = ranked.size() > 1 || ranked.size() == 1 && allowed.size() == 1;
    if (isRanked) {
      double[] values = ranked.stream().mapToDouble(line -> line.mean(task)).toArray();
      int[] groups =
          TieGroups.of(
              values,
              (i, j) ->
                  difference(task, ranked.get(i), ranked.get(j)).map(MeanTest::pValue).orElse(1.0));
      for (int i = 0; i < ranked.size(); i++) {
        places.add(place(task, ranked.get(i), i == 0 ? null : ranked.get(0), groups[i]));
      }
      // A recipe may stand below one of a later group: it differs less surely from the leader.
      places.sort(Comparator.comparingInt(Place::group));
    }
    allowed.stream()
        .filter(line -> !isRanked || !ranked.contains(line))
        .forEach(line -> places.add(place(task, line, null, null)));
    return places;
  }

  private Place place(String task, Line line, Line leader, Integer group) {
    Optional<MeanTest> difference =
        Optional.ofNullable(leader).flatMap(other -> difference(task, line, other));
    return new Place(
        line,
        score(task, line),
        group,
        difference.orElse(null),
        difference.map(MeanTest::pValue).orElse(null),
        leader == null ? null : ofExamples(task, line, leader));
  }

  /** Returns the mean of a recipe's scores on a task, of which it has one. */
  MeanTest score(String task, Line line) {
    return score(task, line.scores(task));
  }

  /** Returns the mean of some scores on a task, of which there is one. */
  MeanTest score(String task, double[] scores) {
    return MeanTest.of(scores, resolution(List.of(task)), looks);
  }

  /**
   * Returns a recipe's mean score on a task as all tables print it: with half of its interval, and
   * how many seeds it is of where some have none.
   */
  String text(String task, Line line) {
    String lost = line.lostText(task);
    return line.scores(task).length == 0
        ? Figures.MISSING
        : Figures.score(score(task, line).interval()) + (lost.isEmpty() ? "" : " (" + lost + ")");
  }

  /** Returns the mean difference of two recipes on a task; empty with fewer than two seeds. */
  Optional<MeanTest> difference(String task, Line first, Line second) {
    SortedMap<Long, Double> ours = new TreeMap<>(first.seeds(task));
    SortedMap<Long, Double> theirs = second.seeds(task);
    ours.keySet().retainAll(theirs.keySet());
    return test(
        task,
        ours.entrySet().stream()
            .mapToDouble(seed -> seed.getValue() - theirs.get(seed.getKey()))
            .toArray());
  }

  /** Returns the mean of differences of a task, one a seed; empty with fewer than two. */
  Optional<MeanTest> test(String task, double[] differences) {
    return differences.length < 2
        ? Optional.empty()
        : Optional.of(MeanTest.of(differences, resolution(List.of(task)), looks));
  }

  Looks looks() {
    return looks;
  }

  /**
   * Returns the smallest step between two mean scores of tasks. Where it is not known of how many
   * examples a task's scores are, it is the smallest that any two of them are apart: a score that
   * lies nearer was not seen.
   */
  double resolution(List<String> tasks) {
    double squares = 0;
    for (String task : tasks) {
      double step =
          examples.containsKey(task) ? 1.0 / examples.get(task) : smallestStep(results, task);
      squares += step * step;
    }
    return Math.sqrt(squares) / tasks.size();
  }

  private static double smallestStep(Results results, String task) {
    double[] scores =
        results.lines(task).stream()
            .flatMapToDouble(line -> Arrays.stream(line.scores(task)))
            .sorted()
            .distinct()
            .toArray();
    double smallest = Double.POSITIVE_INFINITY;
    for (int i = 1; i < scores.length; i++) {
      smallest = Math.min(smallest, scores[i] - scores[i - 1]);
    }
    return Double.isInfinite(smallest) ? 0 : smallest;
  }

  /** Returns half the 95 % interval of a difference over examples; null without predictions. */
  Double ofExamples(String task, Line first, Line second) {
    Answers known = answers.get(task);
    int i = known == null ? -1 : known.lines().indexOf(first);
    int j = known == null ? -1 : known.lines().indexOf(second);
    Interval interval = i < 0 || j < 0 ? null : known.paired().difference(i, j);
    return interval == null || !interval.isBounded() ? null : interval.half();
  }

  /** Returns the interval of a recipe's score over examples alone; empty without predictions. */
  Optional<Interval> overExamples(String task, Line line) {
    Answers known = answers.get(task);
    int place = known == null ? -1 : known.lines().indexOf(line);
    return place < 0
        ? Optional.empty()
        : Optional.of(known.paired().score(place)).filter(Interval::isBounded);
  }

  /** Whether two or more recipes of a task can be ranked. */
  boolean ranks(String task) {
    return results.lines(task).stream()
            .filter(line -> line.isWhole(task) && line.seeds(task).size() > 1)
            .count()
        > 1;
  }

  /** Returns the recipes of a task's first tie group; none where none can be ranked. */
  List<Line> best(String task) {
    return places(task, line -> true).stream()
        .filter(place -> place.group() != null && place.group() == 1)
        .map(Place::line)
        .toList();
  }
}
