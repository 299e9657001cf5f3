package org.peftsweep.cli;

import java.io.PrintStream;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.functions;
import org.peftsweep.report.FinalRanks;
import org.peftsweep.report.Findings;
import org.peftsweep.results.ResultFolder;
import org.peftsweep.results.ResultTables;
import org.peftsweep.results.TrialFile;
import org.peftsweep.sweep.Plan;
import org.peftsweep.sweep.StaleRows;
import org.peftsweep.train.Outcome.Status;

/** What a run of a sweep says at its end. */
record SweepSummary(ResultFolder folder, OutputFolder output, PrintStream out, PrintStream err) {
  private static final String QUERY =
      "SELECT title, score, train_seconds FROM trials"
          + " WHERE sweep = '%s' ORDER BY task, score DESC";

  /**
   * Prints findings, table and what to do next.
   *
   * @param ids rows of other trials may lie in the folder, from earlier states of the sweep file
   * @return the number of finished trials without a defined score
   */
  long print(ResultTables tables, Set<String> ids) {
    Dataset<Row> rows = tables.trials().where(functions.col("id").isInCollection(ids));
    out.println(Findings.text(folder, tables, ids));
    String ranks = FinalRanks.of(rows).text();
    out.print(ranks.isEmpty() ? "" : ranks + System.lineSeparator());
    String name = folder.sweep();
    out.println("Tables: " + folder.path());
    out.println("Report: " + Installation.script("report") + " " + name + output.option());
    out.println(
        "Ask:    "
            + Installation.script("query")
            + " \""
            + String.format(QUERY, name)
            + "\""
            + output.option());
    long undefined = rows.where(ResultTables.IS_UNDEFINED).count();
    if (undefined > 0) {
      err.println(
          undefined
              + " of the finished trials have no defined score and are not ranked; the column"
              + " reason says why");
    }
    return undefined;
  }

  /**
   * Returns the exit code, and says where a run ended early.
   *
   * @param kept stale rows that stand for trials
   * @param stopped why the run was to end early
   * @param left ids of trials that users asked not to start
   * @param isPartial whether only some trials were to run
   * @param isContest whether those that a rule stopped are done
   */
  int exitCode(
      Plan plan,
      boolean isDecided,
      StaleRows kept,
      Optional<String> stopped,
      Set<String> left,
      boolean isPartial,
      boolean isContest) {
    Map<String, TrialFile> rows = folder.trials();
    List<TrialFile> counted =
        plan.asked().keySet().stream()
            .map(id -> kept.storedIds().getOrDefault(id, id))
            .flatMap(id -> Optional.ofNullable(rows.get(id)).stream())
            .toList();
    boolean areAllThere = counted.size() == plan.asked().size();
    if (stopped.isPresent() || !areAllThere && !isPartial) {
      err.println(
          "Stopped, "
              + stopped.orElse(
                  left.isEmpty()
                      ? "before the end"
                      : left.size() + " trials were asked not to start")
              + ": "
              + counted.size()
              + " of "
              + plan.asked().size()
              + " trials have a row; the same command goes on from here");
      return ExitCode.FAULT;
    }
    return areAllThere
            && isDecided
            && counted.stream()
                .allMatch(
                    row ->
                        row.status() == Status.FINISHED
                            || isContest && row.status() == Status.STOPPED)
        ? 0
        : ExitCode.UNFINISHED;
  }
}
