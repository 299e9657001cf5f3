package org.peftsweep.report;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.functions;
import org.peftsweep.data.Metric;
import org.peftsweep.stats.Bootstrap;
import org.peftsweep.stats.Interval;
import org.peftsweep.stats.McNemar;
import org.peftsweep.stats.PairedBootstrap;
import org.peftsweep.stats.TieGroups;

/**
 * Recipes held against each other by their answers to the same examples, task by task.
 *
 * <p>Answers are those of the last step, over all reported sets of a task together, so scores here
 * may differ from the benchmark's table, where validation chose an earlier step. Only recipes with
 * answers take part.
 */
final class Comparisons {
  private static final int LEAST_REPLICATES = 2000;

  /**
   * A recipe's place on a task.
   *
   * @param group counted from 1, the best
   * @param difference from the leader of group 1; null for the leader
   * @param pValue of no difference from the leader, uncorrected; null for the leader
   */
  record Place(Line line, Interval score, int group, Interval difference, Double pValue) {}

  /** The answers to a task. */
  private record Task(
      Metric metric,
      List<Line> lines,
      Map<Line, double[][]> answers,
      double[] labels,
      PairedBootstrap paired) {}

  private final Map<String, Task> tasks = new TreeMap<>();

  private Comparisons() {}

  /** Reads the answers; recipes of a task whose examples differ in number are left out. */
  static Comparisons of(Results results, Dataset<Row> predictions) {
    Comparisons comparisons = new Comparisons();
    for (String task : results.tasks()) {
      Map<String, double[]> labels = new HashMap<>();
      Metric metric = Metric.ofId(results.metric(task));
      Map<String, double[]> answers =
          answers(results.lines(task), task, metric, predictions, labels);
      if (answers.isEmpty()) {
        continue;
      }
      double[] common = labels.values().iterator().next();
      List<Line> lines = new ArrayList<>();
      Map<Line, double[][]> ofLines = new HashMap<>();
      for (Line line : results.lines(task)) {
        double[][] seeds =
            line.runs(task).stream()
                .filter(run -> !run.isUndefined())
                .map(Run::id)
                .filter(id -> Arrays.equals(common, labels.get(id)))
                .map(answers::get)
                .toArray(double[][]::new);
        if (seeds.length > 0) {
          lines.add(line);
          ofLines.put(line, seeds);
        }
      }
      // So many that the smallest p-value survives the correction for all recipes.
      int replicates = Math.max(LEAST_REPLICATES, 100 * lines.size());
      PairedBootstrap paired =
          new PairedBootstrap(
              metric::of,
              common,
              lines.stream().map(ofLines::get).toList(),
              new Bootstrap(replicates, 0));
      comparisons.tasks.put(task, new Task(metric, lines, ofLines, common, paired));
    }
    return comparisons;
  }

  private static Map<String, double[]> answers(
      List<Line> lines,
      String task,
      Metric metric,
      Dataset<Row> predictions,
      Map<String, double[]> labels) {
    Object[] ids = lines.stream().flatMap(line -> line.runs(task).stream()).map(Run::id).toArray();
    Map<String, double[]> answers = new HashMap<>();
    for (Row row :
        predictions
            .where(functions.col("id").isin(ids))
            .groupBy("id")
            .agg(
                functions
                    .sort_array(
                        functions.collect_list(
                            functions.struct(
                                "evaluation_set", "example", "label", "prediction", "probability")))
                    .as("all"))
            .orderBy("id")
            .collectAsList()) {
      List<Row> all = row.getList(1);
      labels.put(row.getString(0), all.stream().mapToDouble(one -> one.getDouble(2)).toArray());
      answers.put(
          row.getString(0),
          metric.answers(
              all.stream().mapToDouble(one -> one.getDouble(3)).toArray(),
              all.stream().mapToDouble(one -> one.getDouble(4)).toArray()));
    }
    return answers;
  }

  /** Returns the recipes of a task that are allowed, by tie group among themselves, then score. */
  List<Place> places(String name, Predicate<Line> isAllowed) {
    Task task = tasks.get(name);
    if (task == null) {
      return List.of();
    }
    // Places within the task, the best first.
    int[] order =
        IntStream.range(0, task.lines().size())
            .filter(i -> isAllowed.test(task.lines().get(i)))
            .boxed()
            .sorted(
                Comparator.<Integer>comparingDouble(
                        i -> TieGroups.ranked(task.paired().score(i).value()))
                    .reversed())
            .mapToInt(i -> i)
            .toArray();
    double[] values =
        Arrays.stream(order).mapToDouble(i -> task.paired().score(i).value()).toArray();
    int[] groups = TieGroups.of(values, (i, j) -> pValue(task, order[i], order[j]));
    List<Place> places = new ArrayList<>();
    for (int i = 0; i < order.length; i++) {
      places.add(
          new Place(
              task.lines().get(order[i]),
              task.paired().score(order[i]),
              groups[i],
              i == 0 ? null : task.paired().difference(order[i], order[0]),
              i == 0 ? null : pValue(task, order[0], order[i])));
    }
    // A recipe may stand below one of a later group: it differs less surely from the leader.
    places.sort(Comparator.comparingInt(Place::group));
    return places;
  }

  /** McNemar's test for the accuracy of one seed, else the bootstrap's. */
  private static double pValue(Task task, int first, int second) {
    double[][] ours = task.answers().get(task.lines().get(first));
    double[][] theirs = task.answers().get(task.lines().get(second));
    return ours.length == 1 && theirs.length == 1 && task.metric() == Metric.ACCURACY
        ? McNemar.of(right(ours[0], task.labels()), right(theirs[0], task.labels())).pValue()
        : task.paired().pValue(first, second);
  }

  private static boolean[] right(double[] answers, double[] labels) {
    boolean[] right = new boolean[labels.length];
    for (int i = 0; i < right.length; i++) {
      right[i] = answers[i] == labels[i];
    }
    return right;
  }

  /**
   * Returns the mean over tasks of the difference between two recipes, with its interval; empty
   * where they have no task in common. Tasks are resampled independently, each within its examples
   * and seeds; they are not drawn themselves.
   */
  Optional<Interval> difference(Line first, Line second) {
    List<Task> common =
        tasks.values().stream()
            .filter(task -> task.lines().contains(first) && task.lines().contains(second))
            .toList();
    if (common.isEmpty()) {
      return Optional.empty();
    }
    List<PairedBootstrap> paired = common.stream().map(Task::paired).toList();
    int[] ours = common.stream().mapToInt(task -> task.lines().indexOf(first)).toArray();
    int[] theirs = common.stream().mapToInt(task -> task.lines().indexOf(second)).toArray();
    return Optional.of(PairedBootstrap.meanDifference(paired, ours, theirs));
  }

  /**
   * Returns the number of tasks that two recipes have in common, and in how many the first wins.
   */
  int[] wins(Line first, Line second) {
    int common = 0;
    int won = 0;
    for (Task task : tasks.values()) {
      int i = task.lines().indexOf(first);
      int j = task.lines().indexOf(second);
      if (i >= 0 && j >= 0) {
        common++;
        won += task.paired().difference(i, j).value() > 0 ? 1 : 0;
      }
    }
    return new int[] {common, won};
  }
}
