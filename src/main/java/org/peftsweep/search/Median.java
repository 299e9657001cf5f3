package org.peftsweep.search;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.apache.commons.math3.stat.StatUtils;

/**
 * Stops an entrant whose best score so far is below the median of what others that came to their
 * end had on average by then.
 *
 * <p>Golovin et al., 2017, Vizier, §3.2.2. Differs from the paper: see {@link Batches}.
 *
 * @param startup entrants that run to their end before anybody is judged, at least 1
 * @param batch entrants that are judged by the same others, at least 1
 */
public record Median(int startup, int batch) implements StoppingRule {
  @Override
  public List<Verdict> decide(
      Ladder ladder, int total, int coming, List<Track> tracks, List<Verdict> before) {
    List<Verdict> verdicts = new ArrayList<>();
    for (int i = 0; i < tracks.size(); i++) {
      if (i < before.size() && before.get(i).isFinal(ladder)) {
        verdicts.add(before.get(i));
        continue;
      }
      int judges = Batches.judges(i, batch);
      verdicts.add(
          !Batches.areSettled(verdicts, tracks, judges)
              ? Verdict.WAITS
              : verdict(ladder, tracks.get(i), tracks.subList(0, judges)));
    }
    return verdicts;
  }

  private Verdict verdict(Ladder ladder, Track track, List<Track> judges) {
    int end = ladder.rungs();
    List<Track> whole = judges.stream().filter(t -> Double.isFinite(t.best()[end])).toList();
    if (whole.size() < startup) {
      return Verdict.to(end);
    }
    for (int rung = 0; rung < end; rung++) {
      int at = rung;
      if (!track.isKnown(rung)) {
        return Verdict.to(rung);
      }
      double[] others =
          whole.stream().mapToDouble(t -> t.running()[at]).filter(Double::isFinite).toArray();
      double median = others.length == 0 ? Double.NaN : StatUtils.percentile(others, 50);
      if (track.best()[rung] < median || !Double.isFinite(track.best()[rung])) {
        return new Verdict(
            rung,
            String.format(
                Locale.ROOT,
                "median: best %.4f at rung %d (%.0f %% of its steps), below %.4f, the median of %d",
                track.best()[rung],
                rung,
                100 * ladder.fraction(rung),
                median,
                others.length));
      }
    }
    return Verdict.to(end);
  }

  @Override
  public String id() {
    return "median";
  }
}
