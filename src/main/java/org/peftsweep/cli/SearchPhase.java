package org.peftsweep.cli;

import java.io.PrintStream;
import java.text.DecimalFormat;
import java.text.DecimalFormatSymbols;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;
import org.peftsweep.data.Shown;
import org.peftsweep.results.Amendment;
import org.peftsweep.results.Manifest;
import org.peftsweep.results.Readings;
import org.peftsweep.results.Requests;
import org.peftsweep.results.ResultFolder;
import org.peftsweep.results.ResultTables;
import org.peftsweep.search.Ladder;
import org.peftsweep.search.Proposer;
import org.peftsweep.search.RunToEnd;
import org.peftsweep.spec.Candidates;
import org.peftsweep.spec.Search;
import org.peftsweep.spec.Sweep;
import org.peftsweep.spec.Trial;
import org.peftsweep.sweep.Contests;
import org.peftsweep.sweep.Engine;
import org.peftsweep.sweep.Forecast;
import org.peftsweep.sweep.Pace;
import org.peftsweep.sweep.Plan;
import org.peftsweep.sweep.Stop;
import org.peftsweep.sweep.SweepRunner;
import org.peftsweep.sweep.TrialFilter;
import org.peftsweep.sweep.WarmStart;
import org.peftsweep.train.Outcome;

/** The part of a sweep in which recipes compete: who is tried and who goes on follows from rows. */
record SearchPhase(
    Sweep sweep,
    Sweep.Contents contents,
    List<Candidates> candidates,
    ResultFolder folder,
    OutputFolder output,
    Engine engine,
    Forecast forecast,
    Stop stop,
    PrintStream err) {
  private static final DecimalFormat PERCENT =
      new DecimalFormat("0.##", DecimalFormatSymbols.getInstance(Locale.ROOT));

  /**
   * What came of it.
   *
   * @param trials that competed
   * @param candidates choices that are left to be made
   * @param isOver whether all is decided
   * @param left ids of trials that users asked not to start
   * @param what for reports
   */
  record Found(
      List<Trial> trials,
      List<Candidates> candidates,
      boolean isOver,
      Set<String> left,
      Manifest.Found what) {
    Set<String> ids() {
      return trials.stream().map(Trial::id).collect(Collectors.toSet());
    }
  }

  /** Refuses sweeps to start from that are not there. */
  void requireEarlier(Configuration files) {
    for (String name : sweep.search().warmStart()) {
      ResultFolder earlier = output.sweep(name, files);
      if (earlier.trials().isEmpty()) {
        throw new InputException(
            "Cannot use warm-start = "
                + Shown.of(name)
                + ": there are no trials in "
                + earlier.path()
                + "; give the names of sweeps that ran"
                + output.meant(earlier, files));
      }
    }
  }

  /** Says how the best recipe is sought; empty where all are run to their end. */
  static String text(Search search) {
    if (!search.isContest()) {
      return "";
    }
    List<String> parts = new ArrayList<>();
    if (search.strategy().isAdaptive()) {
      parts.add(
          "recipes are proposed by tpe"
              + (search.trials() == 0 ? "" : ", " + search.trials() + " a task"));
    }
    if (!(search.rule() instanceof RunToEnd)) {
      Ladder ladder = search.ladder();
      parts.add(
          search.rule().id()
              + " looks at them after "
              + ladder.fractions().stream()
                  .map(part -> PERCENT.format(100 * part) + " %")
                  .collect(Collectors.joining(", "))
              + " of their steps and stops some");
    }
    return "Search: " + String.join("; ", parts) + "\n";
  }

  /**
   * Runs until all is decided, or somebody asks for an early end.
   *
   * @param requests what users ask of this run by now
   */
  Found run(SparkSession spark, TrialFilter again, Supplier<Requests> requests)
      throws InterruptedException {
    Configuration files = spark.sparkContext().hadoopConfiguration();
    List<List<Proposer.Earlier>> earlier = new ArrayList<>();
    for (String name : sweep.search().warmStart()) {
      ResultFolder from = output.sweep(name, files);
      earlier.addAll(
          WarmStart.of(
              ResultTables.of(spark, from),
              new Readings(from, files),
              sweep.space().orElseThrow(),
              sweep.search()));
    }
    Contests contests = Contests.of(sweep, contents, candidates, forecast, earlier);
    Plan plan = Plan.of(contests.trials(), sweep.titles(), folder, forecast, Pace.UNKNOWN, again);
    SweepRunner.Decided decided;
    Set<String> left;
    try (ProgressLine progress = new ProgressLine(err, ProgressLine.isTerminal(), folder, files)) {
      SweepRunner runner =
          new SweepRunner(
              new JavaSparkContext(spark.sparkContext()),
              folder,
              engine.task(sweep.execution()),
              progress,
              requests);
      decided =
          runner.run(
              contests,
              plan,
              sweep.titles(),
              forecast,
              again,
              stopped(spark),
              sweep.execution().pack().mostLanes(),
              stop);
      left = runner.left();
    }
    Amendment.write(folder, ResultTables.of(spark, folder), decided.reasons());
    decided.cap().ifPresent(cap -> stop.ask(cap));
    return new Found(
        contests.trials(),
        contests.candidates(candidates),
        decided.isOver(),
        left,
        new Manifest.Found(
            text(sweep.search()).strip(),
            contests.tried(),
            earlier.stream().mapToInt(List::size).sum(),
            sweep.search().objectives().size() > 1,
            sweep.search().objectives()));
  }

  /** Returns ids of trials that users stopped in earlier runs, as their rows say. */
  private Set<String> stopped(SparkSession spark) {
    boolean maySome =
        folder.trials().values().stream().anyMatch(row -> row.status() == Outcome.Status.STOPPED);
    return maySome
        ? ResultTables.of(spark, folder)
            .trials()
            .where("status = 'stopped'")
            .where(functions.col("reason").equalTo(Requests.STOPPED))
            .select("id")
            .collectAsList()
            .stream()
            .map(row -> row.getString(0))
            .collect(Collectors.toSet())
        : Set.of();
  }
}
