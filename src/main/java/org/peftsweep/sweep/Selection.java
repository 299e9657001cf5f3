package org.peftsweep.sweep;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.peftsweep.results.Manifest;
import org.peftsweep.spec.Candidates;
import org.peftsweep.spec.Candidates.Entrant;
import org.peftsweep.spec.Trial;

/**
 * The choices of a sweep as far as its rows decide them: of each set of candidates the entrant
 * whose mean validation score over the tuning seeds is highest, the first in the file of equals.
 *
 * <p>A function of the rows alone, so that it comes out the same whenever and wherever it is made.
 * Candidates are decided between when all their tuning trials are done; an entrant with a trial
 * that diverged, or without a defined score, cannot win.
 *
 * @param evaluation all trials that are to be evaluated, by what is decided so far
 * @param choices those that are decided
 * @param undecided the number of sets of candidates that wait for trials
 * @param hopeless names of the candidates of which no entrant can win
 */
public record Selection(
    List<Trial> evaluation, List<Manifest.Choice> choices, int undecided, List<String> hopeless) {
  /** What a row says: whether the trial is done, and its score, null for none. */
  private record Known(boolean isDone, Double validationScore) {}

  /** Makes every choice that can be made. */
  public static Selection of(List<Candidates> candidates, Dataset<Row> trials) {
    return of(candidates, trials, false);
  }

  /**
   * Makes every choice that can be made.
   *
   * @param isSearched whether who has a row at all is decided on: a stopping rule let it go, or it
   *     failed in a contest
   */
  public static Selection of(List<Candidates> candidates, Dataset<Row> trials, boolean isSearched) {
    Map<String, Known> known = new HashMap<>();
    for (Row row : trials.select("id", "status", "validation_score").collectAsList()) {
      boolean isFinished = row.getString(1).equals("finished");
      known.put(
          row.getString(0),
          new Known(
              isSearched || isFinished || row.getString(1).equals("diverged"),
              isFinished && !row.isNullAt(2) ? row.getDouble(2) : null));
    }
    List<Trial> evaluation = new ArrayList<>();
    List<Manifest.Choice> choices = new ArrayList<>();
    List<String> hopeless = new ArrayList<>();
    int undecided = 0;
    for (Candidates group : candidates) {
      if (!group.isOpen()) {
        group.first().forEach(evaluation::add);
      } else if (!group.first().allMatch(trial -> isDone(known.get(trial.id())))) {
        undecided++;
      } else {
        Entrant winner = null;
        double highest = Double.NEGATIVE_INFINITY;
        for (Entrant entrant : group.entrants()) {
          double score = score(entrant, known);
          if (score > highest) {
            winner = entrant;
            highest = score;
          }
        }
        if (winner != null) {
          evaluation.addAll(winner.evaluation());
          choices.add(choice(group, winner, highest));
        } else {
          hopeless.add(group.name());
        }
      }
    }
    return new Selection(
        List.copyOf(evaluation), List.copyOf(choices), undecided, List.copyOf(hopeless));
  }

  /** Says of hopeless candidates what to do. */
  public static String sentence(String group) {
    return "Cannot choose for "
        + group
        + ": no recipe has a defined validation score in all its tuning trials; set a larger part"
        + " of train aside, or see the column reason";
  }

  private static boolean isDone(Known row) {
    return row != null && row.isDone();
  }

  private static double score(Entrant entrant, Map<String, Known> known) {
    double sum = 0;
    for (Trial trial : entrant.tuning()) {
      Double score = known.get(trial.id()).validationScore();
      if (score == null || !Double.isFinite(score)) {
        return Double.NEGATIVE_INFINITY;
      }
      sum += score;
    }
    return sum / entrant.tuning().size();
  }

  private static Manifest.Choice choice(Candidates group, Entrant winner, double score) {
    return new Manifest.Choice(
        group.name(),
        group.entrants().size(),
        ids(group.first()),
        ids(winner.evaluation().stream()),
        score);
  }

  private static List<String> ids(Stream<Trial> trials) {
    return trials.map(Trial::id).toList();
  }
}
