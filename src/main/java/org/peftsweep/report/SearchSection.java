package org.peftsweep.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.peftsweep.results.Manifest;
import org.peftsweep.spec.Search;
import org.peftsweep.stats.Pareto;

/** How the best recipes were sought, and what that spared. */
final class SearchSection {
  private final Results results;
  private final Source source;

  SearchSection(Results results, Source source) {
    this.results = results;
    this.source = source;
  }

  /** Whether any trial was stopped early, or the sweep says that it searched. */
  static boolean isAny(Results results, Optional<Manifest> manifest) {
    return results.runs().stream().anyMatch(Run::isStopped)
        || manifest.map(Manifest::search).isPresent();
  }

  Section section(Optional<Manifest> manifest) {
    Optional<Manifest.Found> found = manifest.map(Manifest::search);
    Map<String, List<Run>> byTask = new TreeMap<>();
    results
        .runs()
        .forEach(run -> byTask.computeIfAbsent(run.task(), task -> new ArrayList<>()).add(run));
    boolean tunes = results.runs().stream().anyMatch(Run::isTuning);
    List<List<String>> rows = new ArrayList<>();
    byTask.forEach(
        (task, all) -> {
          List<Run> runs = all.stream().filter(run -> run.isTuning() == tunes).toList();
          List<Run> stopped = runs.stream().filter(Run::isStopped).toList();
          long whole =
              runs.stream().filter(Run::isFinished).mapToLong(SearchSection::steps).max().orElse(0);
          long spent = runs.stream().mapToLong(SearchSection::steps).sum();
          rows.add(
              List.of(
                  task,
                  "" + runs.size(),
                  "" + (runs.size() - stopped.size()),
                  "" + stopped.size(),
                  "" + spent,
                  whole == 0
                      ? Figures.MISSING
                      : String.format(
                          Locale.ROOT, "%.0f %%", 100.0 * spent / (whole * runs.size())),
                  place(found, task, runs),
                  front(found, runs)));
        });
    return source.section(
        "search",
        "Search",
        note(found),
        TextTable.of(
            List.of("task", "trials", "to the end", "stopped", "steps", "of all", "best", "front"),
            Set.of("trials", "to the end", "stopped", "steps", "of all"),
            rows),
        source.search(tunes));
  }

  private static String note(Optional<Manifest.Found> found) {
    String how = found.map(f -> f.how().strip() + ". ").orElse("");
    String warm =
        found
            .filter(f -> f.earlier() > 0)
            .map(
                f ->
                    f.earlier()
                        + " recipes of earlier sweeps told what to try first, in place of recipes"
                        + " drawn evenly. ")
            .orElse("");
    return how
        + warm
        + "Trials that were stopped early count here and as effort; all other sections use trials"
        + " that ran to their end alone. The steps of all are those that every trial would have"
        + " taken.";
  }

  private static long steps(Run run) {
    return run.steps() == null ? 0 : run.steps();
  }

  /** When the best was tried; a warm start is worth what it comes earlier. */
  private static String place(Optional<Manifest.Found> found, String task, List<Run> runs) {
    Optional<Run> best =
        runs.stream()
            .filter(run -> run.isFinished() && Run.isFinite(run.validationScore()))
            .max(java.util.Comparator.comparing(Run::validationScore));
    List<String> tried = found.map(f -> f.tried().getOrDefault(task, List.of())).orElse(List.of());
    int place = best.map(run -> tried.indexOf(run.id())).orElse(-1);
    return best.map(Run::title).orElse(Figures.MISSING)
        + (place < 0 ? "" : " (recipe " + (place + 1) + " of " + tried.size() + ")");
  }

  /** Recipes that nothing beats in all that is sought, where that is several. */
  private static String front(Optional<Manifest.Found> found, List<Run> runs) {
    if (found.filter(Manifest.Found::hasFront).isEmpty()) {
      return Figures.MISSING;
    }
    List<Run> whole =
        runs.stream()
            .filter(run -> run.isFinished() && Run.isFinite(run.validationScore()))
            .toList();
    Map<String, String> sought = found.orElseThrow().objectives();
    boolean[] front = Pareto.front(whole.stream().map(run -> measures(sought, run)).toList());
    List<String> titles = new ArrayList<>();
    for (int i = 0; i < front.length; i++) {
      if (front[i]) {
        titles.add(whole.get(i).title());
      }
    }
    return String.join("; ", titles);
  }

  /** The higher the better; NaN where something was not measured. */
  private static double[] measures(Map<String, String> sought, Run run) {
    return sought.entrySet().stream()
        .mapToDouble(
            objective -> {
              Number value =
                  switch (objective.getKey()) {
                    case Search.PARAMETERS -> run.trainable();
                    case Search.FORGETTING -> run.forgotten();
                    default -> run.validationScore();
                  };
              double number = value == null ? Double.NaN : value.doubleValue();
              return objective.getValue().equals("min") ? -number : number;
            })
        .toArray();
  }
}
