package org.peftsweep.report;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import org.apache.commons.math3.stat.StatUtils;
import org.peftsweep.stats.Bootstrap;
import org.peftsweep.stats.Importance;
import org.peftsweep.stats.Interval;
import org.peftsweep.stats.Statistic;

/** What a sweep's scores say: who is ahead, how surely, and which axis matters. */
final class ScoreSections {
  private static final String ALL_TASKS = "mean of tasks";

  private final Results results;
  private final Comparisons comparisons;
  private final Source source;

  ScoreSections(Results results, Comparisons comparisons, Source source) {
    this.results = results;
    this.comparisons = comparisons;
    this.source = source;
  }

  /** The benchmark's table, with what tuning cost by the id of a run with the chosen settings. */
  Section benchmark(Map<String, String> tuning) {
    BenchmarkTable table = new BenchmarkTable(results, tuning);
    return source.section(
        "benchmark",
        "Scores",
        table.caption() + " Best bold or *, second underlined or '.",
        table.table(),
        source.scores());
  }

  /** The paper's numbers beside ours, for recipes that both have. */
  Section besidePaper() {
    List<String> tasks =
        results.tasks().stream().filter(task -> PaperTable.task(task).isPresent()).toList();
    List<String> header =
        new ArrayList<>(
            List.of("method", "targets", "rank", "λ", "trainable", "paper: trainable M"));
    Set<String> numbers = new TreeSet<>(List.of("rank", "λ", "trainable", "paper: trainable M"));
    for (String task : tasks) {
      String paper = "paper: " + PaperTable.task(task).orElseThrow();
      header.addAll(List.of(task, paper));
      numbers.addAll(List.of(task, paper));
    }
    List<List<String>> rows = new ArrayList<>();
    for (Line line : results.lines()) {
      PaperTable.TABLE2
          .entry(line.method(), line.targets(), line.rank(), line.ratio())
          .ifPresent(
              entry -> {
                List<String> row =
                    new ArrayList<>(
                        List.of(
                            entry.method(),
                            entry.targets().isEmpty() ? Figures.MISSING : entry.targets(),
                            Figures.text(entry.rank()),
                            line.ratioText(),
                            line.trainableText(),
                            entry.trainable()));
                for (String task : tasks) {
                  row.add(score(line.mean(task)));
                  double printed = entry.scores().get(PaperTable.task(task).orElseThrow());
                  row.add(Figures.percent(printed / 100));
                }
                rows.add(row);
              });
    }
    boolean imitates = tasks.stream().anyMatch(task -> task.startsWith("mini-"));
    return source.section(
        "paper",
        "Beside the paper",
        "arXiv:2410.02247, Table 2: RoBERTa-base on GLUE, one seed, best step on dev; recipes that"
            + " both have. The paper's counts hold the head, LoRA's twice; ours leave it out."
            + (imitates
                ? " Tasks called mini- are built-in imitations: compare directions, not numbers."
                : ""),
        TextTable.of(header, numbers, rows),
        source.scores());
  }

  /** Tie groups of each task. */
  Section ranks() {
    List<List<String>> rows = new ArrayList<>();
    for (String task : results.tasks()) {
      for (Comparisons.Place place : comparisons.places(task, line -> true)) {
        rows.add(
            List.of(
                task,
                "" + place.group(),
                results.label(place.line()),
                score(place.score().value()),
                Figures.ends(place.score()),
                place.difference() == null
                    ? Figures.MISSING
                    : Figures.points(place.difference().value()),
                place.difference() == null
                    ? Figures.MISSING
                    : Figures.signedEnds(place.difference()),
                Figures.pValue(place.pValue())));
      }
    }
    return source.section(
        "ranks",
        "Tie groups",
        "Group 1 holds the best recipe and all that are not told apart from it (paired comparison"
            + " over the same examples at the last step, McNemar for the accuracy of one seed, else"
            + " bootstrap; Holm-corrected within the group, α = 0.05); group 2 the best of the rest"
            + " and its ties, and so on. Intervals of 95 % resample examples, and seeds where there"
            + " are several; p is uncorrected, against the best.",
        TextTable.of(
            List.of(
                "task", "group", "recipe", "score", "95 % interval", "to best", "interval", "p"),
            Set.of("group", "score", "to best", "p"),
            rows),
        source.predictionRows());
  }

  /** Means over tasks, with intervals over seeds. */
  Section aggregates() {
    List<Line> complete =
        results.lines().stream()
            .filter(line -> !results.scoredTasks().isEmpty())
            .filter(
                line ->
                    results.scoredTasks().stream().allMatch(task -> line.scores(task).length > 0))
            .toList();
    Optional<Line> base =
        complete.stream()
            .filter(line -> !List.of("untrained", "head-only").contains(line.method()))
            .findFirst();
    List<List<String>> rows = new ArrayList<>();
    for (Line line : complete) {
      List<double[]> scores = scores(line);
      boolean varies = scores.stream().anyMatch(of -> of.length > 1);
      Interval mean = Bootstrap.STANDARD.stratified(Statistic.MEAN, scores);
      Interval iqm = Bootstrap.STANDARD.stratified(Statistic.IQM, scores);
      Interval better = Bootstrap.STANDARD.improvement(scores, scores(base.orElse(line)));
      rows.add(
          List.of(
              results.label(line),
              Figures.percent(mean.value()),
              varies ? Figures.ends(mean) : Figures.MISSING,
              Figures.percent(iqm.value()),
              varies ? Figures.ends(iqm) : Figures.MISSING,
              Figures.share(better.value()),
              varies ? Figures.ends(better) : Figures.MISSING));
    }
    return source.section(
        "aggregates",
        "Over all tasks",
        "Mean and interquartile mean of all scores (tasks × seeds), with 95 % intervals that redraw"
            + " seeds within each task; none where there is one seed. P(better): probability of a"
            + " higher score than "
            + base.map(results::label).orElse("none")
            + " on a task drawn at random, ties counting half. Recipes that lack a task are left"
            + " out.",
        TextTable.of(
            List.of(
                "recipe", "mean", "95 % of mean", "IQM", "95 % of IQM", "P(better)", "95 % of P"),
            Set.of("mean", "IQM", "P(better)"),
            rows),
        source.scores());
  }

  private List<double[]> scores(Line line) {
    return results.scoredTasks().stream().map(line::scores).toList();
  }

  /** Method × targets × rank against λ. */
  Section interactions() {
    TreeSet<Double> ratios = new TreeSet<>();
    results.lines().stream()
        .filter(line -> line.targets() != null)
        .map(Line::ratio)
        .forEach(ratios::add);
    Map<List<String>, Map<Double, List<Double>>> cells = new LinkedHashMap<>();
    List<String> tasks = new ArrayList<>(results.scoredTasks());
    if (tasks.size() > 1) {
      tasks.add(ALL_TASKS);
    }
    for (String task : tasks) {
      for (Line line : results.lines()) {
        double mean =
            task.equals(ALL_TASKS)
                ? results.scoredTasks().stream()
                    .mapToDouble(line::mean)
                    .average()
                    .orElse(Double.NaN)
                : line.mean(task);
        if (line.targets() != null && !Double.isNaN(mean)) {
          cells
              .computeIfAbsent(
                  List.of(
                      task,
                      (String) line.of("method_label"),
                      Figures.targets(line.targets()),
                      Figures.text(line.rank())),
                  key -> new TreeMap<>())
              .computeIfAbsent(line.ratio(), key -> new ArrayList<>())
              .add(mean);
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
              ratio ->
                  row.add(
                      score(
                          scores.getOrDefault(ratio, List.of()).stream()
                              .mapToDouble(Double::doubleValue)
                              .average()
                              .orElse(Double.NaN))));
          rows.add(row);
        });
    return source.section(
        "interactions",
        "Method × targets × rank × λ",
        "Mean score × 100 over seeds, and over whatever else the sweep varies.",
        TextTable.of(header, new LinkedHashSet<>(header.subList(3, header.size())), rows),
        source.scores());
  }

  /** Shares of variance. */
  Section importance() {
    List<List<String>> rows = new ArrayList<>();
    for (String task : results.tasks()) {
      List<SortedMap<String, String>> settings = new ArrayList<>();
      List<Double> scores = new ArrayList<>();
      for (Line line : results.lines(task)) {
        for (double score : line.scores(task)) {
          settings.add(axes(line));
          scores.add(score);
        }
      }
      if (scores.isEmpty()) {
        continue;
      }
      Importance importance =
          Importance.of(settings, scores.stream().mapToDouble(Double::doubleValue).toArray());
      importance
          .axes()
          .forEach((axis, share) -> rows.add(List.of(task, axis, Figures.share(share))));
      importance
          .pairs()
          .forEach((pair, share) -> rows.add(List.of(task, pair, Figures.share(share))));
      rows.add(List.of(task, "the rest, seeds included", Figures.share(importance.rest())));
    }
    return source.section(
        "importance",
        "Importance of axes",
        "Share of the variance of scores that an axis explains beyond all others, and a pair of"
            + " axes beyond both: functional analysis of variance, type II sums of squares. In a"
            + " grid with holes shares need not sum up to 100 %: what two axes explain equally well"
            + " is ascribed to neither, and what two pairs explain equally well to both.",
        TextTable.of(List.of("task", "axis", "share"), Set.of("share"), rows),
        source.scores());
  }

  private SortedMap<String, String> axes(Line line) {
    SortedMap<String, String> axes = new TreeMap<>();
    axes.put("method", line.method());
    axes.put("targets", Figures.text(line.targets()));
    axes.put("rank", Figures.text(line.rank()));
    axes.put("λ", Figures.text(line.ratio()));
    results.extras().forEach(extra -> axes.put(extra, Figures.text(line.of(extra))));
    return axes;
  }

  /** What copies of the same cell differ by. */
  Section noise() {
    List<List<String>> rows = new ArrayList<>();
    for (String task : results.tasks()) {
      double[] differences =
          Replicates.of(results, task).stream().mapToDouble(Math::abs).sorted().toArray();
      if (differences.length > 0) {
        rows.add(
            List.of(
                task,
                "" + differences.length,
                Figures.percent(StatUtils.mean(differences)),
                Figures.percent(StatUtils.percentile(differences, 50)),
                Figures.percent(differences[differences.length - 1])));
      }
    }
    return source.section(
        "noise",
        "Noise floor",
        "How far copies of one cell lie apart that differ in nothing but chance: a difference"
            + " between recipes below this means nothing. Replicates are asked for with duplicates in"
            + " the sweep file.",
        TextTable.of(
            List.of("task", "pairs of copies", "mean |difference|", "median", "largest"),
            Set.of("pairs of copies", "mean |difference|", "median", "largest"),
            rows),
        source.copies());
  }

  private static String score(double score) {
    return Double.isNaN(score) ? Figures.MISSING : Figures.percent(score);
  }
}
