package org.peftsweep.search;

/**
 * One thing that tries differ in, as a unit interval.
 *
 * @param name key of sweep files
 * @param kind what lies between two values
 * @param cells number of values of a list; 0 for a range
 * @param from lowest value of a range
 * @param to highest value of a range
 * @param isLog whether a range is even in the logarithm
 * @param isWhole whether a range holds whole numbers only
 */
public record Dimension(
    String name, Kind kind, int cells, double from, double to, boolean isLog, boolean isWhole) {
  /** What lies between two values. */
  public enum Kind {
    /** Words: no value is near another. */
    CHOICE,
    /** A list of numbers in rising order. */
    ORDERED,
    /** All numbers between two. */
    RANGE
  }

  /** Makes the dimension of a list. */
  public static Dimension list(String name, boolean isOrdered, int size) {
    return new Dimension(
        name, isOrdered ? Kind.ORDERED : Kind.CHOICE, size, 0, size - 1, false, true);
  }

  /** Makes the dimension of a range. */
  public static Dimension range(
      String name, double from, double to, boolean isLog, boolean isWhole) {
    return new Dimension(name, Kind.RANGE, 0, from, to, isLog, isWhole);
  }

  /** Whether the values are those of a list. */
  boolean isList() {
    return kind != Kind.RANGE;
  }

  /**
   * Returns the number of values, that of a range of whole numbers among them; {@link
   * Long#MAX_VALUE} for any other range.
   */
  long size() {
    if (isList()) {
      return cells;
    }
    return isWhole ? Math.max(1, (long) (Math.floor(to) - Math.ceil(from)) + 1) : Long.MAX_VALUE;
  }

  /**
   * Returns the place that stands for a value.
   *
   * @param value which of the finitely many, from 0
   */
  double place(int value) {
    return isList() ? (value + 0.5) / cells : place(Math.ceil(from) + value);
  }

  /** Returns which value of a list a place in [0, 1) stands for. */
  public int index(double unit) {
    return Math.min(cells - 1, (int) (unit * cells));
  }

  /** Returns the value of a range that a place in [0, 1) stands for. */
  public double value(double unit) {
    // Whole numbers have an interval each, also the outermost.
    double low = isWhole ? from - 0.5 : from;
    double high = isWhole ? to + 0.5 : to;
    if (isLog && isWhole) {
      low = Math.max(low, from * 0.75);
    }
    double value =
        isLog
            ? Math.exp(Math.log(low) + unit * (Math.log(high) - Math.log(low)))
            : low + unit * (high - low);
    return Math.max(from, Math.min(to, isWhole ? Math.rint(value) : significant(value)));
  }

  /** Returns the place that stands for all that give the same value. */
  public double canonical(double unit) {
    if (isList()) {
      return (index(unit) + 0.5) / cells;
    }
    return place(value(unit));
  }

  /** Returns the place of a value of a range. */
  public double place(double value) {
    if (from == to) {
      return 0.5;
    }
    double low = isWhole ? from - 0.5 : from;
    double high = isWhole ? to + 0.5 : to;
    if (isLog && isWhole) {
      low = Math.max(low, from * 0.75);
    }
    double place =
        isLog
            ? (Math.log(value) - Math.log(low)) / (Math.log(high) - Math.log(low))
            : (value - low) / (high - low);
    return Math.max(0, Math.min(Math.nextDown(1.0), place));
  }

  /** Three digits tell all that a try can: the value is what people read and write. */
  private static double significant(double value) {
    return value == 0
        ? 0
        : new java.math.BigDecimal(value)
            .round(new java.math.MathContext(3, java.math.RoundingMode.HALF_EVEN))
            .doubleValue();
  }
}
