package org.peftsweep.report;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.DoubleFunction;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.peftsweep.results.Manifest;
import org.peftsweep.stats.ExpectedMaximum;
import org.peftsweep.stats.Pareto;

/**
 * What scores cost: parameters, memory, time, and the search for settings.
 *
 * <p>Times and memory of different machines or software are never averaged or compared: each
 * {@linkplain Run#fingerprint fingerprint} gets a letter and stands by itself.
 */
final class CostSections {
  private static final String RETENTION = "retention";

  private final Results results;
  private final Comparisons comparisons;
  private final Source source;
  private final Map<String, String> letters = new LinkedHashMap<>();

  /**
   * A recipe's mean score and cost on a task and one kind of machine; NaN for not measured.
   *
   * @param text the score as tables print it
   */
  record Point(
      String task,
      String machine,
      Line line,
      double score,
      String text,
      Map<String, Double> costs,
      int runs) {
    /** Whether no seed of the recipe lacks a score: a mean of those that lived flatters it. */
    boolean isWhole() {
      return line.isWhole(task);
    }
  }

  CostSections(Results results, Comparisons comparisons, Source source) {
    this.results = results;
    this.comparisons = comparisons;
    this.source = source;
    new TreeSet<>(scored().stream().map(Run::fingerprint).toList())
        .forEach(fingerprint -> letters.put(fingerprint, letter(letters.size())));
  }

  private static String letter(int place) {
    return place < 26 ? "" + (char) ('A' + place) : "M" + place;
  }

  private List<Run> scored() {
    return results.runs().stream().filter(Run::isScored).toList();
  }

  /** Returns each kind of machine and software with its letter. */
  Map<String, String> letters() {
    return letters;
  }

  /** Returns every recipe on every task and kind of machine. */
  List<Point> points() {
    List<Point> points = new ArrayList<>();
    for (String task : results.tasks()) {
      for (Line line : results.lines(task)) {
        Map<String, List<Run>> byMachine = new TreeMap<>();
        for (Run run : line.runs(task)) {
          if (run.isScored()) {
            byMachine
                .computeIfAbsent(letters.get(run.fingerprint()), key -> new ArrayList<>())
                .add(run);
          }
        }
        byMachine.forEach(
            (machine, runs) -> {
              Map<String, Double> costs = new LinkedHashMap<>();
              costs.put("parameters", mean(runs, Run::trainable));
              costs.put("bytes", mean(runs, Run::peakBytes));
              costs.put("seconds", mean(runs, Run::trainSeconds));
              if (RetentionSection.isAny(results)) {
                costs.put(RETENTION, mean(runs, Run::forgotten));
              }
              points.add(
                  new Point(
                      task,
                      machine,
                      line,
                      mean(runs, Run::score),
                      text(task, line, runs),
                      costs,
                      runs.size()));
            });
      }
    }
    return points;
  }

  private String text(String task, Line line, List<Run> runs) {
    double[] scores = runs.stream().mapToDouble(Run::score).toArray();
    String lost = line.lostText(task);
    return Figures.score(comparisons.score(task, scores).interval())
        + (lost.isEmpty() ? "" : " (" + lost + ")");
  }

  /**
   * Returns the mean training time of a recipe's scored trials on a task, s; NaN where they ran on
   * different machines or software.
   */
  static double seconds(Line line, String task) {
    List<Run> scored = line.runs(task).stream().filter(Run::isScored).toList();
    return scored.stream().map(Run::fingerprint).distinct().count() > 1
        ? Double.NaN
        : mean(scored, Run::trainSeconds);
  }

  private static double mean(List<Run> runs, Function<Run, ? extends Number> value) {
    return runs.stream()
        .map(value)
        .filter(Objects::nonNull)
        .mapToDouble(Number::doubleValue)
        .average()
        .orElse(Double.NaN);
  }

  /**
   * Returns which of a task's and machine's points are on the front of a cost. A recipe with a seed
   * that has no score is not, nor does it keep another off.
   */
  static boolean[] front(List<Point> points, String cost) {
    double[] costs =
        points.stream()
            .mapToDouble(point -> point.isWhole() ? point.costs().get(cost) : Double.NaN)
            .toArray();
    return Pareto.front(costs, points.stream().mapToDouble(Point::score).toArray());
  }

  Section costs() {
    Map<List<String>, List<Point>> groups =
        points().stream()
            .collect(
                Collectors.groupingBy(
                    point -> List.of(point.task(), point.machine()),
                    LinkedHashMap::new,
                    Collectors.toList()));
    boolean retains = RetentionSection.isAny(results);
    List<List<String>> rows = new ArrayList<>();
    groups
        .values()
        .forEach(
            group -> {
              Map<String, boolean[]> fronts = new LinkedHashMap<>();
              group.get(0).costs().keySet().forEach(cost -> fronts.put(cost, front(group, cost)));
              for (int i = 0; i < group.size(); i++) {
                Point point = group.get(i);
                int at = i;
                List<String> row =
                    new ArrayList<>(
                        List.of(
                            point.task(),
                            point.machine(),
                            results.label(point.line()),
                            point.text(),
                            known(point, "parameters", value -> Figures.scalars(Math.round(value))),
                            known(point, "bytes", Figures::megabytes),
                            known(point, "seconds", Figures::seconds)));
                if (retains) {
                  row.add(known(point, RETENTION, RetentionSection::rise));
                }
                row.add("" + point.runs());
                row.add(
                    fronts.entrySet().stream()
                        .filter(front -> front.getValue()[at])
                        .map(Map.Entry::getKey)
                        .collect(Collectors.joining(", ")));
                rows.add(row);
              }
            });
    List<String> header =
        new ArrayList<>(
            List.of("task", "on", "recipe", "score", "trainable", "peak MB", "train s"));
    if (retains) {
      header.add("loss rise");
    }
    header.addAll(List.of("runs", "on the front of"));
    return source.section(
        "costs",
        "Costs and Pareto fronts",
        "Score: mean ± half of its 95 % interval over the seeds of that machine. Front, of recipes"
            + " whose seeds all have a score: no other of the same task and machine has a mean as"
            + " high at as little of it; a lead within the intervals is none. "
            + (retains ? "Loss rise: of the texts of retention, nats a token. " : "")
            + machines(),
        TextTable.of(
            header, Set.of("score", "trainable", "peak MB", "train s", "loss rise", "runs"), rows),
        source.costs());
  }

  private static String known(Point point, String cost, DoubleFunction<String> text) {
    double value = point.costs().get(cost);
    return Double.isNaN(value) ? Figures.MISSING : text.apply(value);
  }

  /** Says what was kept apart. */
  String machines() {
    if (letters.size() <= 1) {
      return "All ran on the same kind of machine with the same software: "
          + letters.keySet().stream().findFirst().orElse("none")
          + ".";
    }
    return "Times and memory of "
        + letters.size()
        + " kinds of machine or software are kept apart, neither averaged nor compared: "
        + letters.entrySet().stream()
            .map(entry -> entry.getValue() + " is " + entry.getKey())
            .collect(Collectors.joining("; "))
        + ".";
  }

  /** Returns trials and slot seconds of a choice, by the ids of the evaluations it led to. */
  Map<String, String> tuning(Optional<Manifest> manifest) {
    Map<String, Run> runs = byId();
    Map<String, String> tuning = new TreeMap<>();
    for (Manifest.Choice choice : manifest.map(Manifest::choices).orElse(List.of())) {
      String cost = choice.tuning().size() + " trials, " + seconds(known(runs, choice)) + " s";
      choice.evaluation().forEach(id -> tuning.put(id, cost));
    }
    return tuning;
  }

  private Map<String, Run> byId() {
    Map<String, Run> runs = new TreeMap<>();
    results.runs().forEach(run -> runs.put(run.id(), run));
    return runs;
  }

  private static List<Run> known(Map<String, Run> runs, Manifest.Choice choice) {
    return choice.tuning().stream().map(runs::get).filter(Objects::nonNull).toList();
  }

  /** The ledger of choices, beside what came of them. */
  Section effort(Optional<Manifest> manifest) {
    Map<String, Run> runs = byId();
    List<List<String>> rows = new ArrayList<>();
    for (Manifest.Choice choice : manifest.map(Manifest::choices).orElse(List.of())) {
      List<Run> tuning = known(runs, choice);
      List<Run> evaluated =
          choice.evaluation().stream()
              .map(runs::get)
              .filter(run -> run != null && run.isScored())
              .toList();
      rows.add(
          List.of(
              choice.name(),
              "" + choice.candidates(),
              "" + choice.tuning().size(),
              seconds(tuning),
              Figures.percent(choice.validationScore()),
              evaluated.isEmpty() ? "not evaluated yet" : recipe(evaluated.get(0)),
              evaluated.isEmpty() ? Figures.MISSING : score(evaluated, choice.evaluation().size()),
              seconds(evaluated)));
    }
    String protocol =
        manifest
            .filter(known -> !known.tuningSeeds().isEmpty())
            .map(
                known ->
                    "Chosen for each of "
                        + String.join(" × ", known.select())
                        + " × task by the mean score on the validation part over tuning seeds "
                        + known.tuningSeeds()
                        + "; evaluated with seeds "
                        + known.seeds()
                        + ". Tuning trials never looked at the reported sets. Device seconds are"
                        + " the time that trials held a slot, kept apart by kind of machine.")
            .orElse(
                "Nothing was tuned: every recipe was evaluated. Who picks the best of them"
                    + " afterwards picks on the reported sets.");
    List<Run> stopped = results.runs().stream().filter(Run::isStopped).toList();
    String early =
        stopped.isEmpty()
            ? ""
            : " "
                + stopped.size()
                + " trials were stopped early, after "
                + stopped.stream().mapToLong(run -> run.steps() == null ? 0 : run.steps()).sum()
                + " steps in all; they count as effort.";
    return source.section(
        "effort",
        "Tuning effort",
        protocol + early,
        TextTable.of(
            List.of(
                "choice",
                "candidates",
                "tuning trials",
                "tuning s",
                "validation",
                "chosen",
                "score",
                "evaluation s"),
            Set.of("candidates", "tuning trials", "validation", "score"),
            rows),
        source.effort());
  }

  /** The title tells every setting in which the sweep's recipes differ. */
  private static String recipe(Run run) {
    return run.title().replaceFirst(" · seed -?[0-9]+$", "");
  }

  /** The mean over seeds with its interval, and how many it is of where some have no score. */
  private String score(List<Run> evaluated, int asked) {
    double[] scores = evaluated.stream().mapToDouble(Run::score).toArray();
    return Figures.score(comparisons.score(evaluated.get(0).task(), scores).interval())
        + (scores.length == asked ? "" : " (" + scores.length + " of " + asked + " seeds)");
  }

  /** Slot seconds, those of each kind of machine for themselves. */
  private static String seconds(List<Run> runs) {
    if (runs.isEmpty()) {
      return Figures.MISSING;
    }
    Map<String, Double> sums = new TreeMap<>();
    runs.forEach(run -> sums.merge(run.fingerprint(), run.slotSeconds(), Double::sum));
    return sums.values().stream().map(Figures::seconds).collect(Collectors.joining(" + "));
  }

  /** What the best of n random settings can be expected to score. */
  Section budget() {
    boolean tuned = results.runs().stream().anyMatch(run -> run.isTuning() && run.isFinished());
    Map<List<String>, Map<String, List<Double>>> pools = new LinkedHashMap<>();
    for (Run run : results.runs()) {
      boolean counts = tuned ? run.isTuning() && run.isFinished() : run.isScored();
      Double score = run.validationScore();
      if (counts && Run.isFinite(score) && run.trainable() != null && run.trainable() > 0) {
        pools
            .computeIfAbsent(
                Arrays.asList(run.task(), (String) run.settings().get("method_label")),
                key -> new TreeMap<>())
            .computeIfAbsent(run.settings().toString(), key -> new ArrayList<>())
            .add(score);
      }
    }
    List<Integer> budgets = List.of(1, 2, 4, 8, 16, 32);
    List<List<String>> rows = new ArrayList<>();
    pools.forEach(
        (key, recipes) -> {
          double[] means =
              recipes.values().stream()
                  .mapToDouble(
                      seeds ->
                          seeds.stream().mapToDouble(Double::doubleValue).average().orElseThrow())
                  .toArray();
          double[] expected = ExpectedMaximum.of(means);
          List<String> row = new ArrayList<>(key);
          row.add("" + means.length);
          for (int budget : budgets) {
            row.add(
                budget <= means.length ? Figures.percent(expected[budget - 1]) : Figures.MISSING);
          }
          row.add(Figures.percent(expected[means.length - 1]));
          rows.add(row);
        });
    List<String> header = new ArrayList<>(List.of("task", "method", "settings tried"));
    budgets.forEach(budget -> header.add("n=" + budget));
    header.add("all");
    return source.section(
        "budget",
        "Expected validation score by budget",
        "Mean validation score × 100 of the best of n settings drawn at random from those tried,"
            + " without replacement (unbiased; arXiv:1909.03004, arXiv:2004.13705): what tuning a"
            + " method with so many settings is worth. Empty without a validation part.",
        TextTable.of(header, Set.copyOf(header.subList(2, header.size())), rows),
        source.budget(tuned));
  }

  /** What did not finish. */
  Section failures() {
    List<List<String>> rows = new ArrayList<>();
    for (Run run : results.runs()) {
      if (!run.isFinished() && !run.isStopped() || run.isUndefined()) {
        String status = run.status() + (run.isUndefined() ? ", score undefined" : "");
        rows.add(List.of(run.id(), run.title(), status, Objects.toString(run.reason(), "")));
      }
    }
    return source.section(
        "failures",
        "Trials without a score",
        rows.isEmpty() ? "None." : rows.size() + " of " + results.runs().size() + " trials.",
        TextTable.of(List.of("id", "trial", "status", "reason"), Set.of(), rows),
        source.failures());
  }
}
