package org.peftsweep.report;

import java.util.Locale;
import java.util.Set;
import org.peftsweep.model.Role;
import org.peftsweep.spec.Targets;
import org.peftsweep.stats.Interval;

/** Numbers and settings as all reports write them. */
final class Figures {
  /** What stands where there is nothing. */
  static final String MISSING = "—";

  /** What stands where a trial is finished and its score is not defined. */
  static final String UNDEFINED = "undefined";

  private Figures() {}

  /** A score, × 100. */
  static String percent(double score) {
    return Double.isNaN(score) ? MISSING : String.format(Locale.ROOT, "%.2f", 100 * score);
  }

  /** A mean score, × 100, with half of its interval where that is known. */
  static String score(Interval interval) {
    return percent(interval.value())
        + (interval.isBounded() ? " ± " + percent(interval.half()) : "");
  }

  /** A difference of scores, × 100, with its sign. */
  static String points(double difference) {
    return Double.isNaN(difference)
        ? MISSING
        : String.format(Locale.ROOT, "%+.2f", 100 * difference);
  }

  /** A share, in percent. */
  static String share(double share) {
    return String.format(Locale.ROOT, "%.1f %%", 100 * share);
  }

  /** The ends of an interval of scores. */
  static String ends(Interval interval) {
    return percent(interval.low()) + " … " + percent(interval.high());
  }

  /** The ends of an interval of differences. */
  static String signedEnds(Interval interval) {
    return points(interval.low()) + " … " + points(interval.high());
  }

  /** A number of scalars: {@code 6144}, {@code 12.3K}, {@code 1.48M}. */
  static String scalars(long count) {
    if (count < 10_000) {
      return Long.toString(count);
    }
    return count < 1_000_000
        ? String.format(Locale.ROOT, "%.1fK", count / 1e3)
        : String.format(Locale.ROOT, "%.2fM", count / 1e6);
  }

  static String pValue(Double p) {
    if (p == null) {
      return MISSING;
    }
    return p < 1e-4 ? "< 0.0001" : String.format(Locale.ROOT, "%.4f", p);
  }

  static String seconds(double seconds) {
    return String.format(Locale.ROOT, seconds < 10 ? "%.2f" : "%.1f", seconds);
  }

  static String megabytes(double bytes) {
    return String.format(Locale.ROOT, "%.1f", bytes / 1e6);
  }

  /** Any other value; whole numbers without a point. */
  static String text(Object value) {
    if (value == null) {
      return MISSING;
    }
    if (value instanceof Double number && number == Math.rint(number) && Math.abs(number) < 1e9) {
      return Long.toString(number.longValue());
    }
    return value.toString();
  }

  /** Targets as the paper writes them: {@code QKV}; sets without a short name stay as they are. */
  static String targets(String targets) {
    if (targets == null) {
      return MISSING;
    }
    Set<Role> named = Targets.shortNames().get(targets);
    return named == null ? targets : Targets.label(named);
  }
}
