package org.peftsweep.report;

import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.apache.commons.lang3.StringUtils;

/**
 * The answer to "which method should I use for this task within so many bytes of adapter?".
 *
 * @param advice the answer in a sentence or two
 * @param table all recipes of that size, the best first
 */
public record Recommendation(String advice, TextTable table) {
  /** Weights are stored in single precision. */
  private static final int BYTES_PER_SCALAR = 4;

  /**
   * Answers.
   *
   * @throws IllegalArgumentException if no recipe was evaluated on the task, or none is so small
   */
  static Recommendation of(
      Results results, Comparisons comparisons, Findings findings, String task, long bytes) {
    if (!results.tasks().contains(task)) {
      throw new IllegalArgumentException(
          "Cannot choose for task "
              + task
              + ": choose one of "
              + String.join(", ", results.tasks()));
    }
    if (results.lines(task).isEmpty()) {
      throw new IllegalArgumentException(
          "Cannot choose for task " + task + ": no recipe has a defined score on it");
    }
    List<Comparisons.Place> places = comparisons.places(task, line -> bytes(line) <= bytes);
    if (places.isEmpty()) {
      throw new IllegalArgumentException(
          "Cannot find a recipe within "
              + bytes
              + " bytes: the smallest takes "
              + results.lines(task).stream().mapToLong(Recommendation::bytes).min().orElse(0));
    }
    List<List<String>> rows =
        places.stream()
            .map(
                place ->
                    List.of(
                        place.group() == null ? Figures.MISSING : "" + place.group(),
                        results.label(place.line()),
                        Figures.percent(place.score().mean()),
                        Figures.ends(place.score().interval()),
                        place.line().isWhole(task)
                            ? "" + place.score().count()
                            : place.line().lostText(task),
                        size(place.line())))
            .toList();
    return new Recommendation(
        advice(results, findings, places, task, bytes),
        TextTable.of(
            List.of("group", "recipe", "score", "95 % interval", "seeds", "adapter"),
            Set.of("group", "score", "adapter"),
            rows));
  }

  private static String advice(
      Results results, Findings findings, List<Comparisons.Place> places, String task, long bytes) {
    List<Comparisons.Place> first =
        places.stream().filter(place -> place.group() != null && place.group() == 1).toList();
    String within = "For " + task + " within " + size(bytes);
    if (first.isEmpty()) {
      return within
          + " no recipe can be recommended: "
          + (results.seeds(task) < 2
              ? StringUtils.uncapitalize(findings.oneSeed(List.of(task)))
              : "fewer than two have two seeds or more, all with a score.");
    }
    Comparisons.Place best = first.get(0);
    Comparisons.Place smallest =
        first.stream().min(Comparator.comparingLong(place -> bytes(place.line()))).orElseThrow();
    String advice =
        within
            + " use "
            + results.label(best.line())
            + ": "
            + Figures.percent(best.score().mean())
            + " ("
            + Figures.ends(best.score().interval())
            + ", "
            + best.score().count()
            + " seeds) with "
            + size(best.line())
            + ".";
    if (first.size() > 1) {
      advice +=
          " "
              + (first.size() - 1)
              + (first.size() == 2 ? " other" : " others")
              + " cannot be told apart from it"
              + (smallest.equals(best)
                  ? "; none of them is smaller."
                  : "; the smallest of them, "
                      + results.label(smallest.line())
                      + ", scores "
                      + Figures.percent(smallest.score().mean())
                      + " with "
                      + size(smallest.line())
                      + ".");
    }
    return advice;
  }

  private static long bytes(Line line) {
    return line.trainable().isEmpty() ? 0 : BYTES_PER_SCALAR * line.trainable().last();
  }

  private static String size(Line line) {
    return size(bytes(line));
  }

  private static String size(long bytes) {
    return bytes < 1_000_000
        ? String.format(Locale.ROOT, "%.1f KB", bytes / 1e3)
        : Figures.megabytes(bytes) + " MB";
  }
}
