package org.peftsweep.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import org.apache.commons.math3.stat.StatUtils;
import org.peftsweep.stats.Importance;
import org.peftsweep.stats.Improvement;
import org.peftsweep.stats.Interval;
import org.peftsweep.stats.Looks;
import org.peftsweep.stats.MeanTest;

/** What a sweep's scores say: who is ahead, how surely, and which axis matters. */
final class ScoreSections {
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
    BenchmarkTable table = new BenchmarkTable(results, comparisons, tuning);
    return source.section(
        "benchmark",
        "Scores",
        table.caption(),
        table.table(),
        source.evaluations(results.extras()));
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
                  row.add(comparisons.text(task, line));
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
        "arXiv:2410.02247, Table 2: RoBERTa-base on GLUE, one seed; recipes that both have. Which"
            + " step the paper reports, and on which examples it was chosen, is not published. The"
            + " paper's counts hold the head, LoRA's twice; ours leave it out. Ours ± half of the"
            + " 95 % interval over seeds."
            + (imitates
                ? " Tasks called mini- are built-in imitations: compare directions, not numbers."
                : ""),
        TextTable.of(header, numbers, rows),
        source.scores(results.extras()));
  }

  /** Tie groups of each task. */
  Section ranks() {
    List<List<String>> rows = new ArrayList<>();
    for (String task : results.tasks()) {
      for (Comparisons.Place place : comparisons.places(task, line -> true)) {
        Interval interval = place.score().interval();
        String lost = place.line().lostText(task);
        rows.add(
            List.of(
                task,
                place.group() == null ? Figures.MISSING : "" + place.group(),
                results.label(place.line()),
                Figures.percent(place.score().mean()),
                Figures.ends(interval),
                lost.isEmpty() ? "" + place.score().count() : lost,
                place.difference() == null
                    ? Figures.MISSING
                    : Figures.points(place.difference().mean()),
                place.difference() == null
                    ? Figures.MISSING
                    : Figures.signedEnds(place.difference().interval()),
                Figures.pValue(place.pValue()),
                place.ofExamples() == null || place.difference() == null
                    ? Figures.MISSING
                    : "± " + Figures.percent(place.ofExamples())));
      }
    }
    return source.section(
        "ranks",
        "Tie groups",
        "Group 1 holds the best recipe and all that are not told apart from it ("
            + (comparisons.looks() == Looks.ONCE
                ? "paired t-test over seeds"
                : "paired sequential t-test over seeds, which were added until recipes were told"
                    + " apart")
            + ", Holm-corrected within the group, α = 0.05); group 2 the best of the rest and its"
            + " ties, and so on. Intervals of 95 % are over seeds, on these examples; p is"
            + " uncorrected, against the best. Examples: how far the difference might lie off with"
            + " other examples of the same kind (bootstrap of the predictions), which more seeds do"
            + " not change. Recipes with one seed, or with a seed that has no score, are not"
            + " ranked.",
        TextTable.of(
            List.of(
                "task",
                "group",
                "recipe",
                "score",
                "95 % interval",
                "seeds",
                "to best",
                "interval",
                "p",
                "examples"),
            Set.of("group", "score", "to best", "p", "examples"),
            rows),
        source.predictionRows());
  }

  /**
   * Means over tasks of one metric, with intervals over seeds, and how often recipes are better.
   */
  Section aggregates() {
    List<String> tasks = results.scoredTasks();
    List<Line> complete =
        results.lines().stream()
            .filter(line -> !tasks.isEmpty() && tasks.stream().allMatch(line::isWhole))
            .toList();
    Optional<Line> base =
        complete.stream()
            .filter(line -> !List.of("untrained", "head-only").contains(line.method()))
            .findFirst();
    Map<String, List<String>> byMetric = new TreeMap<>();
    tasks.forEach(
        task -> byMetric.computeIfAbsent(results.metric(task), m -> new ArrayList<>()).add(task));
    List<List<String>> rows = new ArrayList<>();
    for (Line line : complete) {
      byMetric.forEach(
          (metric, of) -> {
            MeanTest mean =
                MeanTest.of(means(line, of), comparisons.resolution(of), comparisons.looks());
            rows.add(
                List.of(
                    results.label(line),
                    metric + " (" + of.size() + (of.size() == 1 ? " task)" : " tasks)"),
                    Figures.percent(mean.mean()),
                    Figures.ends(mean.interval()),
                    Figures.share(
                        Improvement.probability(scores(line, of), scores(base.orElse(line), of)))));
          });
    }
    return source.section(
        "aggregates",
        "Over all tasks",
        "Mean over the tasks of one metric, with its 95 % interval over seeds; different metrics are"
            + " not averaged. P(better): probability of a higher score than "
            + base.map(results::label).orElse("none")
            + " on a task drawn at random, ties counting half. Recipes that lack a task, or the"
            + " score of a seed, are left out.",
        TextTable.of(
            List.of("recipe", "metric", "mean", "95 % interval", "P(better)"),
            Set.of("mean", "P(better)"),
            rows),
        source.scores(results.extras()));
  }

  /** Returns the mean over tasks of each seed that all of them have. */
  private static double[] means(Line line, List<String> tasks) {
    Set<Long> seeds = new TreeSet<>(line.seeds(tasks.get(0)).keySet());
    tasks.forEach(task -> seeds.retainAll(line.seeds(task).keySet()));
    return seeds.isEmpty()
        ? new double[] {tasks.stream().mapToDouble(line::mean).average().orElseThrow()}
        : seeds.stream()
            .mapToDouble(
                seed ->
                    tasks.stream()
                        .mapToDouble(task -> line.seeds(task).get(seed))
                        .average()
                        .orElseThrow())
            .toArray();
  }

  private static List<double[]> scores(Line line, List<String> tasks) {
    return tasks.stream().map(line::scores).toList();
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
          .forEach(
              (axis, share) ->
                  rows.add(
                      List.of(
                          task,
                          axis,
                          Figures.share(share),
                          importance.inseparable().containsKey(axis)
                              ? "not separable in this grid"
                              : "")));
      importance
          .pairs()
          .forEach((pair, share) -> rows.add(List.of(task, pair, Figures.share(share), "")));
      rows.add(
          List.of(
              task,
              "the rest",
              Figures.share(importance.rest()),
              "seeds, and what is ascribed to none"));
    }
    return source.section(
        "importance",
        "Importance of axes",
        "Share of the variance of scores that an axis explains beyond all others, and a pair of"
            + " axes beyond all else: functional analysis of variance, type II sums of squares. Axes"
            + " that this grid does not vary by themselves are not separable and have a share"
            + " together; a pair whose interaction is not separable has none. What several explain"
            + " equally well is in the rest. Scores without a number are left out.",
        TextTable.of(List.of("task", "axis", "share", "remark"), Set.of("share"), rows),
        source.scores(results.extras()));
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

  /** What chance does to scores of one recipe: seeds here or elsewhere, and copies. */
  Section noise(Findings findings) {
    List<List<String>> rows = new ArrayList<>();
    for (String task : results.tasks()) {
      findings
          .noise(task)
          .ifPresent(
              noise ->
                  rows.add(
                      List.of(
                          task,
                          "seeds, in " + String.join(", ", noise.sweeps()),
                          noise.seeds() + " of " + noise.recipes() + " recipes",
                          Figures.percent(noise.deviation()),
                          Figures.percent(noise.floor()))));
      double[] copies =
          Replicates.of(results, task).stream().mapToDouble(Math::abs).sorted().toArray();
      if (copies.length > 0) {
        double deviation = Math.sqrt(StatUtils.sumSq(copies) / (2 * copies.length));
        rows.add(
            List.of(
                task,
                "copies",
                copies.length + " pairs",
                Figures.percent(deviation),
                Figures.percent(copies[copies.length - 1])));
      }
    }
    return source.section(
        "noise",
        "Noise floor",
        "How far scores of one recipe lie apart that differ in nothing but chance. Two single runs"
            + " that differ by less than the floor are not different: for seeds what two of them"
            + " differ by at most in 95 of 100 cases, √2 standard deviations times Student's t of"
            + " the runs less the recipes; for copies (duplicates in the sweep file) the largest"
            + " difference seen."
            + " Where this sweep has one seed, what another one measured on the same data and"
            + " base.",
        TextTable.of(
            List.of("task", "measured by", "runs", "standard deviation", "floor"),
            Set.of("standard deviation", "floor"),
            rows),
        source.copies());
  }
}
