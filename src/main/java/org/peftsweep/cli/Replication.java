package org.peftsweep.cli;

import java.io.PrintStream;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;
import org.peftsweep.data.Shown;
import org.peftsweep.report.Undecided;
import org.peftsweep.results.Manifest;
import org.peftsweep.results.ResultFolder;
import org.peftsweep.results.ResultTables;
import org.peftsweep.spec.Sweep;
import org.peftsweep.spec.Trial;
import org.peftsweep.sweep.Forecast;
import org.peftsweep.sweep.Pace;
import org.peftsweep.sweep.Plan;
import org.peftsweep.sweep.Stop;
import org.peftsweep.sweep.TrialFilter;

/**
 * Adds seeds to recipes that cannot be told apart, round by round, until the best are or are as
 * good as equal, the time is up, or each has a hundred.
 */
record Replication(
    Sweep sweep,
    ResultFolder folder,
    Phases phases,
    Manifest.Source source,
    Forecast forecast,
    Stop stop,
    PrintStream err) {
  /** Beyond so many seeds a difference is of no use. */
  private static final int MOST_SEEDS = 100;

  private static final Pattern DURATION = Pattern.compile("([0-9]{1,6})([smhd])");

  /** Runs the trials of these ids. */
  @FunctionalInterface
  interface Runner {
    void run(Set<String> ids) throws InterruptedException;
  }

  /** Returns when a budget that begins now is used up. */
  static Instant end(String budget, boolean isUntilDecided) {
    if (budget != null && !isUntilDecided) {
      throw new InputException(
          "Cannot use --budget " + Shown.of(budget) + " alone: give --until-decided too");
    }
    return budget == null ? Instant.MAX : Instant.now().plus(duration("--budget", budget));
  }

  /** Reads a duration such as {@code 90m} or {@code 2h}. */
  static Duration duration(String option, String text) {
    Matcher duration = DURATION.matcher(text);
    if (!duration.matches() || duration.group(1).matches("0+")) {
      throw new InputException(
          "Cannot use "
              + option
              + " "
              + Shown.of(text)
              + ": give a whole number and a unit, such as 30m, 2h or 1d");
    }
    long number = Long.parseLong(duration.group(1));
    return switch (duration.group(2)) {
      case "s" -> Duration.ofSeconds(number);
      case "m" -> Duration.ofMinutes(number);
      case "h" -> Duration.ofHours(number);
      default -> Duration.ofDays(number);
    };
  }

  /** Runs, and returns the plan of all trials. */
  Plan run(SparkSession spark, Instant end, Runner runner) throws InterruptedException {
    phases.add(before(spark));
    int slots = spark.sparkContext().defaultParallelism();
    List<String> tasks = sweep.tasks().stream().map(task -> task.source().task().name()).toList();
    while (true) {
      ResultTables tables = ResultTables.of(spark, folder);
      Pace pace = Pace.of(tables, phases.trials(), forecast);
      Plan plan = plan(phases.trials(), pace, Set.of());
      Undecided undecided =
          Undecided.of(
              tables.trials().where(functions.col("id").isInCollection(plan.asked().keySet())),
              tables.predictions(),
              tasks);
      List<Trial> next = next(undecided, plan.asked(), slots);
      List<Trial> all = new ArrayList<>(phases.trials());
      all.addAll(next);
      Set<String> ids = next.stream().map(Trial::id).collect(Collectors.toSet());
      double seconds = plan(all, pace, ids).seconds(slots);
      boolean isLate = Instant.now().plusMillis(Math.round(1000 * seconds)).isAfter(end);
      if (next.isEmpty() || isLate || stop.reason().isPresent()) {
        err.println(ending(undecided, !next.isEmpty() && isLate));
        return plan;
      }
      err.println(
          undecided.count()
              + " recipes cannot be told apart: "
              + next.size()
              + " trials with further seeds");
      phases.add(next);
      phases.publish(folder, source);
      runner.run(ids);
    }
  }

  private static String ending(Undecided undecided, boolean isLate) {
    return (undecided.isDecided()
            ? "Decided"
            : "Not decided"
                + (isLate ? " within the budget" : "")
                + ", "
                + undecided.count()
                + " recipes cannot be told apart")
        + ". "
        + undecided.text();
  }

  /** Returns what earlier runs added. */
  private List<Trial> before(SparkSession spark) {
    return ResultTables.of(spark, folder)
        .trials()
        .where(functions.col("id").isInCollection(phases.before()))
        .select("trial")
        .collectAsList()
        .stream()
        .map(row -> Trial.fromJson(row.getString(0)))
        .toList();
  }

  private Plan plan(List<Trial> trials, Pace pace, Set<String> ids) {
    return Plan.of(
        trials, sweep.titles(), folder, forecast, pace, TrialFilter.again(Set.of(), ids));
  }

  /**
   * Returns for each open recipe its trials with the next seeds: one seed, or where that leaves
   * slots empty as many as fill them. None where all have as many as are of use.
   */
  private List<Trial> next(Undecided undecided, Map<String, Trial> asked, int slots) {
    Map<Trial, Set<Long>> seeds = new HashMap<>();
    asked.values().stream()
        .filter(trial -> trial.copy() == 0)
        .forEach(
            trial ->
                seeds
                    .computeIfAbsent(trial.withSeed(0), recipe -> new TreeSet<>())
                    .add(trial.seed()));
    List<Trial> recipes =
        undecided.open().values().stream()
            .flatMap(List::stream)
            .map(ids -> ids.stream().map(asked::get).filter(Objects::nonNull).findFirst())
            .flatMap(Optional::stream)
            .map(trial -> trial.withSeed(0))
            .distinct()
            .toList();
    int each = recipes.isEmpty() ? 0 : Math.max(1, slots / recipes.size());
    List<Trial> next = new ArrayList<>();
    for (Trial recipe : recipes) {
      Set<Long> known = seeds.get(recipe);
      LongStream.range(0, Long.MAX_VALUE)
          .filter(seed -> !known.contains(seed))
          .filter(seed -> !sweep.protocol().tuningSeeds().contains(seed))
          .limit(Math.min(each, Math.max(0, MOST_SEEDS - known.size())))
          .forEach(seed -> next.add(recipe.withSeed(seed)));
    }
    return next;
  }
}
