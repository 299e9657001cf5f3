package org.peftsweep.sweep;

import java.util.List;
import org.peftsweep.spec.Candidates;
import org.peftsweep.spec.Trial;

/**
 * A recipe that competes on a task.
 *
 * @param entrant all its trials
 * @param trials those that it is compared by
 * @param ids of these
 * @param settings numbers that may tell how it ends
 * @param costs objectives besides the score that are known before, each the higher the better
 * @param forgetting as of an {@link org.peftsweep.search.Entrant}
 */
record Competitor(
    Candidates.Entrant entrant,
    List<Trial> trials,
    List<String> ids,
    double[] settings,
    double[] costs,
    int forgetting) {
  static Competitor of(
      Candidates.Entrant entrant, boolean tunes, Forecast forecast, org.peftsweep.spec.Search s) {
    List<Trial> trials = tunes ? entrant.tuning() : entrant.evaluation();
    Trial first = trials.get(0);
    long parameters = forecast.of(first).trainableParameters();
    double rate = first.rates().learningRate();
    return new Competitor(
        entrant,
        trials,
        trials.stream().map(Trial::id).toList(),
        new double[] {rate > 0 ? Math.log(rate) : 0, Math.log1p(parameters)},
        s.costs(parameters),
        s.forgetting());
  }
}
