package org.peftsweep.search;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.apache.commons.math3.distribution.NormalDistribution;

/**
 * Stops an entrant that will most likely end below the best so far, as a regression on its curve,
 * its settings and signals of its training tells.
 *
 * <p>Baker et al., 2017, arXiv:1705.10823, §4: stops where P(y_end < y_best) ≥ Δ, the error of the
 * prediction taken as normal with the deviation of leave-one-out residuals.
 *
 * <p>Differs from the paper: ridge regression in place of ν-SVR, because its leave-one-out
 * residuals and penalty are exact with a dozen curves; a curve is summed up by eight features; and
 * see {@link Batches}.
 *
 * @param startup entrants that run to their end before anybody is judged, at least 4
 * @param batch entrants that are judged by the same others, at least 1
 * @param probability Δ, from 0.5 up to 1
 */
public record Predict(int startup, int batch, double probability) implements StoppingRule {
  @Override
  public List<Verdict> decide(
      Ladder ladder, int total, int coming, List<Track> tracks, List<Verdict> before) {
    List<Verdict> verdicts = new ArrayList<>();
    int fitted = -1;
    List<Optional<Ridge>> models = List.of();
    double best = Double.NaN;
    for (int i = 0; i < tracks.size(); i++) {
      if (i < before.size() && before.get(i).isFinal(ladder)) {
        verdicts.add(before.get(i));
        continue;
      }
      int judges = Batches.judges(i, batch);
      if (!Batches.areSettled(verdicts, tracks, judges)) {
        verdicts.add(Verdict.WAITS);
        continue;
      }
      if (judges != fitted) {
        List<Track> whole = whole(ladder, tracks.subList(0, judges));
        best = whole.stream().mapToDouble(t -> t.best()[ladder.rungs()]).max().orElse(Double.NaN);
        models = models(ladder, whole);
        fitted = judges;
      }
      verdicts.add(verdict(ladder, tracks.get(i), models, best));
    }
    return verdicts;
  }

  private static List<Track> whole(Ladder ladder, List<Track> judges) {
    return judges.stream().filter(t -> Double.isFinite(t.best()[ladder.rungs()])).toList();
  }

  private List<Optional<Ridge>> models(Ladder ladder, List<Track> whole) {
    List<Optional<Ridge>> models = new ArrayList<>();
    for (int rung = 0; rung < ladder.rungs(); rung++) {
      int at = rung;
      List<Track> seen = whole.stream().filter(t -> t.features()[at] != null).toList();
      double[] ends = seen.stream().mapToDouble(t -> t.best()[ladder.rungs()]).toArray();
      models.add(
          seen.size() < startup
              ? Optional.empty()
              : Optional.of(Ridge.fit(seen.stream().map(t -> t.features()[at]).toList(), ends)));
    }
    return models;
  }

  private Verdict verdict(Ladder ladder, Track track, List<Optional<Ridge>> models, double best) {
    for (int rung = 0; rung < ladder.rungs(); rung++) {
      if (models.get(rung).isEmpty()) {
        return Verdict.to(ladder.rungs());
      }
      if (!track.isKnown(rung)) {
        return Verdict.to(rung);
      }
      if (track.features()[rung] == null) {
        return new Verdict(rung, "predict: no score at rung " + rung);
      }
      Ridge model = models.get(rung).get();
      double end = Math.max(track.best()[rung], model.predict(track.features()[rung]));
      double below =
          new NormalDistribution(null, 0, 1)
              .cumulativeProbability((best - end) / model.deviation());
      if (below >= probability) {
        return new Verdict(
            rung,
            String.format(
                Locale.ROOT,
                "predict: %.4f at rung %d (%.0f %% of its steps) leads to %.4f ± %.4f, below the"
                    + " best %.4f with probability %.3f",
                track.best()[rung],
                rung,
                100 * ladder.fraction(rung),
                end,
                model.deviation(),
                best,
                below));
      }
    }
    return Verdict.to(ladder.rungs());
  }

  @Override
  public String id() {
    return "predict";
  }
}
