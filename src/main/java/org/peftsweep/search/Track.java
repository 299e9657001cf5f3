package org.peftsweep.search;

import java.util.List;

/**
 * What is known of an entrant at the rungs of a ladder: the mean over its trials, which are those
 * of one recipe with several seeds. One that failed makes the entrant fail from there on.
 *
 * @param best by rung and at the end, the best validation score so far; NaN while a trial is not
 *     there, −∞ where one failed before or has no defined score
 * @param running by rung, the mean of all scores so far
 * @param features by rung, what tells of the end; null while a trial is not there
 * @param costs objectives besides the score that are known before, each the higher the better
 * @param kept by rung, the mean of what was not forgotten, the higher the better; null where that
 *     does not count
 */
public record Track(
    double[] best, double[] running, double[][] features, double[] costs, double[] kept) {
  private static final double FAILED = Double.NEGATIVE_INFINITY;

  /** Looks at an entrant's trials. */
  static Track of(Ladder ladder, Entrant entrant) {
    int rungs = ladder.rungs();
    double[] best = new double[rungs + 1];
    double[] running = new double[rungs + 1];
    double[][] features = new double[rungs + 1][];
    double[] kept = entrant.forgetting() == 0 ? null : new double[rungs + 1];
    for (int rung = 0; rung <= rungs; rung++) {
      int count = entrant.trials().size();
      double[][] parts = new double[count][];
      for (int i = 0; i < count; i++) {
        Trace trace = entrant.trials().get(i);
        List<Trace.Reading> seen = seen(ladder, rung, trace);
        double score = seen == null ? missing(trace) : highest(seen);
        best[rung] = sum(best[rung], score);
        running[rung] += seen == null ? Double.NaN : average(seen);
        parts[i] = seen == null ? null : features(seen);
        if (kept != null) {
          kept[rung] += seen == null ? Double.NaN : entrant.forgetting() * Trace.rise(seen) / count;
        }
      }
      best[rung] /= count;
      running[rung] /= count;
      features[rung] = Double.isFinite(best[rung]) ? mean(parts, entrant.settings()) : null;
    }
    return new Track(best, running, features, entrant.costs(), kept);
  }

  /** All objectives at a rung. */
  double[] values(int rung) {
    double[] values = new double[1 + costs.length + (kept == null ? 0 : 1)];
    values[0] = best[rung];
    System.arraycopy(costs, 0, values, 1, costs.length);
    if (kept != null) {
      values[values.length - 1] = kept[rung];
    }
    return values;
  }

  /** Whether it is known how the entrant stands at a rung. */
  boolean isKnown(int rung) {
    return !Double.isNaN(best[rung]);
  }

  private static double sum(double sum, double score) {
    return sum == FAILED || score == FAILED ? FAILED : sum + score;
  }

  private static double missing(Trace trace) {
    return trace.state() == Trace.State.FAILED ? FAILED : Double.NaN;
  }

  /** Returns the readings up to a rung; null where the trial has not reached it. */
  private static List<Trace.Reading> seen(Ladder ladder, int rung, Trace trace) {
    if (rung == ladder.rungs()) {
      return trace.state() == Trace.State.FINISHED ? trace.readings() : null;
    }
    int step = ladder.step(rung, trace.steps());
    for (int i = 0; i < trace.readings().size(); i++) {
      if (trace.readings().get(i).step() >= step) {
        return trace.readings().subList(0, i + 1);
      }
    }
    return trace.state() == Trace.State.FINISHED ? trace.readings() : null;
  }

  private static double highest(List<Trace.Reading> seen) {
    return seen.stream()
        .mapToDouble(Trace.Reading::score)
        .filter(Double::isFinite)
        .max()
        .orElse(FAILED);
  }

  private static double average(List<Trace.Reading> seen) {
    return seen.stream()
        .mapToDouble(Trace.Reading::score)
        .filter(Double::isFinite)
        .average()
        .orElse(Double.NaN);
  }

  /**
   * The last score and the best, their differences, mean and deviation, loss and gradient norm:
   * features of Baker et al., 2017, arXiv:1705.10823, §3, with cheap signals of the training added.
   */
  private static double[] features(List<Trace.Reading> seen) {
    double[] scores =
        seen.stream().mapToDouble(Trace.Reading::score).filter(Double::isFinite).toArray();
    int n = scores.length;
    if (n == 0) {
      return new double[8];
    }
    double mean = 0;
    for (double score : scores) {
      mean += score / n;
    }
    double squares = 0;
    for (double score : scores) {
      squares += (score - mean) * (score - mean) / n;
    }
    double last = scores[n - 1];
    double before = scores[Math.max(0, n - 2)];
    double first = scores[Math.max(0, n - 3)];
    Trace.Reading newest = seen.get(seen.size() - 1);
    return new double[] {
      last,
      highest(seen),
      last - before,
      last - 2 * before + first,
      mean,
      Math.sqrt(squares),
      logarithm(newest.loss()),
      logarithm(newest.norm())
    };
  }

  private static double logarithm(double value) {
    return value > 0 && Double.isFinite(value) ? Math.log(value) : 0;
  }

  private static double[] mean(double[][] parts, double[] settings) {
    double[] mean = new double[parts[0].length + settings.length];
    for (double[] part : parts) {
      for (int i = 0; i < part.length; i++) {
        mean[i] += part[i] / parts.length;
      }
    }
    System.arraycopy(settings, 0, mean, parts[0].length, settings.length);
    return mean;
  }
}
