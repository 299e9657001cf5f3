package org.peftsweep.report;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.peftsweep.stats.MeanTest;

/** Scores by method, targets and rank against λ. */
final class InteractionSection {
  private static final String ALL_TASKS = "mean of tasks";

  private final Results results;
  private final Comparisons comparisons;
  private final Source source;

  InteractionSection(Results results, Comparisons comparisons, Source source) {
    this.results = results;
    this.comparisons = comparisons;
    this.source = source;
  }

  Section section() {
    TreeSet<Double> ratios = new TreeSet<>();
    results.lines().stream()
        .filter(line -> line.targets() != null)
        .map(Line::ratio)
        .forEach(ratios::add);
    Map<List<String>, Map<Double, List<Line>>> cells = new LinkedHashMap<>();
    List<String> tasks = new ArrayList<>(results.scoredTasks());
    if (tasks.size() > 1 && tasks.stream().map(results::metric).distinct().count() == 1) {
      tasks.add(ALL_TASKS);
    }
    for (String task : tasks) {
      for (Line line : results.lines()) {
        boolean hasScore = tasks(task).stream().noneMatch(one -> line.scores(one).length == 0);
        if (line.targets() != null && hasScore) {
          cells
              .computeIfAbsent(
                  List.of(
                      task,
                      (String) line.of("method_label"),
                      Figures.targets(line.targets()),
                      Figures.text(line.rank())),
                  key -> new TreeMap<>())
              .computeIfAbsent(line.ratio(), key -> new ArrayList<>())
              .add(line);
        }
      }
    }
    List<String> header = new ArrayList<>(List.of("task", "method", "targets", "rank"));
    ratios.forEach(ratio -> header.add("λ=" + Figures.text(ratio)));
    List<List<String>> rows = new ArrayList<>();
    cells.forEach(
        (key, scores) -> {
          List<String> row = new ArrayList<>(key);
          ratios.forEach(
              ratio -> row.add(cell(tasks(key.get(0)), scores.getOrDefault(ratio, List.of()))));
          rows.add(row);
        });
    return source.section(
        "interactions",
        "Method × targets × rank × λ",
        "Mean score × 100 over seeds, and over whatever else the sweep varies, ± half of its 95 %"
            + " interval over seeds; without it where there is one seed, where recipes have"
            + " different seeds, and where seeds have no score, which is told. A mean of tasks only"
            + " where all have one metric.",
        TextTable.of(header, new LinkedHashSet<>(header.subList(3, header.size())), rows),
        source.scores(results.extras()));
  }

  private List<String> tasks(String task) {
    return task.equals(ALL_TASKS) ? results.scoredTasks() : List.of(task);
  }

  /** The mean over recipes and tasks, with its interval where each has the same whole seeds. */
  private String cell(List<String> tasks, List<Line> lines) {
    if (lines.isEmpty()) {
      return Figures.MISSING;
    }
    long all = 0;
    long lost = 0;
    Set<Set<Long>> seeds = new HashSet<>();
    double sum = 0;
    for (Line line : lines) {
      for (String task : tasks) {
        all += line.runs(task).size();
        lost += line.runs(task).stream().filter(run -> !run.isScored()).count();
        seeds.add(line.seeds(task).keySet());
        sum += line.mean(task);
      }
    }
    if (lost > 0) {
      return Figures.percent(sum / (lines.size() * tasks.size()))
          + " ("
          + (all - lost)
          + " of "
          + all
          + " trials)";
    }
    if (seeds.size() > 1) {
      return Figures.percent(sum / (lines.size() * tasks.size()));
    }
    double[] means =
        seeds.iterator().next().stream()
            .mapToDouble(
                seed ->
                    lines.stream()
                        .flatMap(line -> tasks.stream().map(task -> line.seeds(task).get(seed)))
                        .mapToDouble(Double::doubleValue)
                        .average()
                        .orElseThrow())
            .toArray();
    return Figures.score(
        (tasks.size() == 1
                ? comparisons.score(tasks.get(0), means)
                : MeanTest.of(means, 0, comparisons.looks()))
            .interval());
  }
}
