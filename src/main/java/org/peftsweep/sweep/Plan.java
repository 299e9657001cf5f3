package org.peftsweep.sweep;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.peftsweep.results.ResultFolder;
import org.peftsweep.results.TrialFile;
import org.peftsweep.spec.Trial;

/**
 * What a run of a sweep has to do.
 *
 * @param asked id to trial, in the order of the sweep file, each trial once
 * @param titles id to title within the sweep
 * @param done ids of those that do not run and have a row that is done
 * @param pending those that run, longest first; equals in the order of the sweep file
 */
public record Plan(
    Map<String, Trial> asked,
    Map<String, String> titles,
    List<String> done,
    List<PlannedTrial> pending) {

  /** Takes what has no row that is done; opens no file but where {@code pace} did. */
  public static Plan of(
      List<Trial> trials,
      Function<Trial, String> title,
      ResultFolder folder,
      Forecast forecast,
      Pace pace) {
    return of(trials, title, folder, forecast, pace, TrialFilter.UNDONE);
  }

  /** Compares trials with the rows of a sweep and takes those that are selected. */
  public static Plan of(
      List<Trial> trials,
      Function<Trial, String> title,
      ResultFolder folder,
      Forecast forecast,
      Pace pace,
      TrialFilter filter) {
    List<TrialFile> files = folder.trialFiles();
    Map<String, TrialFile> rows = ResultFolder.trials(files);
    Map<String, Integer> attempts = ResultFolder.attempts(files);
    Map<String, Trial> asked = new LinkedHashMap<>();
    // Hashing is most of the work of a large plan.
    List<String> ids = trials.parallelStream().map(Trial::id).toList();
    for (int i = 0; i < ids.size(); i++) {
      asked.putIfAbsent(ids.get(i), trials.get(i));
    }
    Map<String, String> titles = new LinkedHashMap<>();
    asked.forEach((id, trial) -> titles.put(id, title.apply(trial)));
    List<String> done = new ArrayList<>();
    List<PlannedTrial> pending = new ArrayList<>();
    asked.forEach(
        (id, trial) -> {
          TrialFile row = rows.get(id);
          if (filter.takes(id, row)) {
            double seconds = pace.seconds(trial, forecast.of(trial).seconds());
            int attempt = 1 + attempts.getOrDefault(id, 0);
            pending.add(new PlannedTrial(trial, id, titles.get(id), attempt, seconds));
          } else if (row != null && row.isDone()) {
            done.add(id);
          }
        });
    pending.sort(Comparator.comparingDouble(PlannedTrial::seconds).reversed());
    return new Plan(asked, titles, done, pending);
  }

  /**
   * Says what there is to do.
   *
   * @param isAgain whether trials that ended are to run again
   */
  public String opening(String sweep, boolean isAgain) {
    String text = sweep + ": " + asked.size() + " trials, ";
    if (isAgain) {
      return text + pending.size() + " of them to run again";
    }
    if (pending.isEmpty()) {
      return text + "all of them done before; nothing to train";
    }
    return text
        + (done.isEmpty() ? "none of them done before" : done.size() + " of them done before");
  }

  /** Returns the estimated wall clock of all pending trials on so many slots, in seconds. */
  public double seconds(int slots) {
    double all = pending.stream().mapToDouble(PlannedTrial::seconds).sum();
    double longest = pending.stream().mapToDouble(PlannedTrial::seconds).max().orElse(0);
    return Math.max(longest, all / slots);
  }
}
