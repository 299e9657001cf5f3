package org.peftsweep.cli;

import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;
import org.peftsweep.data.Shown;
import org.peftsweep.results.ResultFolder;
import org.peftsweep.results.ResultTables;
import org.peftsweep.results.TrialFile;
import org.peftsweep.spec.Trial;
import org.peftsweep.sweep.TrialFilter;
import org.peftsweep.train.Outcome.Status;

/**
 * Which trials that have a row are to run.
 *
 * @param rerun statuses and ids of those that run again
 * @param continued ids of those that were stopped early and go on
 */
record Reruns(List<String> rerun, List<String> continued) {
  /** Whether only some trials are to run. */
  boolean isSome() {
    return !rerun.isEmpty() || !continued.isEmpty();
  }

  /** Returns the trials that are to go on, as their rows have them. */
  List<Trial> stopped(SparkSession spark, ResultFolder folder) {
    return ResultTables.of(spark, folder)
        .trials()
        .where(functions.col("id").isInCollection(continued))
        .select("trial")
        .collectAsList()
        .stream()
        .map(row -> Trial.fromJson(row.getString(0)))
        .toList();
  }

  /** Reads {@code --rerun} and {@code --continue}. */
  TrialFilter filter(List<Trial> trials, ResultFolder folder) {
    if (!continued.isEmpty()) {
      Map<String, TrialFile> rows = folder.trials();
      for (String id : continued) {
        if (!rows.containsKey(id) || rows.get(id).status() != Status.STOPPED) {
          throw new InputException(
              "Cannot continue "
                  + Shown.of(id)
                  + ": give ids of trials whose status is stopped, as the table trials has them");
        }
      }
      return TrialFilter.again(Set.of(), Set.copyOf(continued));
    }
    if (rerun.isEmpty()) {
      return TrialFilter.UNDONE;
    }
    Set<Status> statuses = EnumSet.noneOf(Status.class);
    Set<String> ids = new TreeSet<>();
    Set<String> asked = trials.stream().map(Trial::id).collect(Collectors.toSet());
    // What tuning chose is known by its rows only.
    asked.addAll(folder.trials().keySet());
    for (String word : rerun) {
      Optional<Status> status =
          Arrays.stream(Status.values())
              .filter(s -> s != Status.FINISHED && s != Status.STOPPED)
              .filter(s -> TrialFile.word(s).equals(word))
              .findFirst();
      if (status.isPresent()) {
        statuses.add(status.get());
      } else if (asked.contains(word)) {
        ids.add(word);
      } else {
        throw new InputException(
            "Cannot run "
                + word
                + " again: give failed, oom, diverged, timeout, invalid or an id that --dry-run"
                + " lists");
      }
    }
    return TrialFilter.again(statuses, ids);
  }
}
