package org.peftsweep.model;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import java.util.BitSet;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Which layers of a model are adapted, counted from 0: all, or some. Equal sets are equal, however
 * they were written.
 */
public final class Layers {
  /** Every layer, however many there are. */
  public static final Layers ALL = new Layers(null);

  /** The highest layer that can be named. */
  public static final int HIGHEST = 9_999;

  private static final String ALL_WORD = "all";
  private static final String JOIN = "+";
  private static final Pattern RANGE = Pattern.compile("(\\d{1,4})(?:-(\\d{1,4}))?");

  private final BitSet chosen;

  private Layers(BitSet chosen) {
    this.chosen = chosen;
  }

  /**
   * Reads what {@link #toString} writes.
   *
   * @throws IllegalArgumentException for anything else
   */
  @JsonCreator
  public static Layers of(String text) {
    if (text.equals(ALL_WORD)) {
      return ALL;
    }
    BitSet chosen = new BitSet();
    for (String part : text.split(Pattern.quote(JOIN), -1)) {
      Matcher range = RANGE.matcher(part);
      int first = range.matches() ? Integer.parseInt(range.group(1)) : -1;
      int last = first < 0 || range.group(2) == null ? first : Integer.parseInt(range.group(2));
      if (first < 0 || last < first) {
        throw new IllegalArgumentException(
            "Cannot use layers = "
                + text
                + ": give all, a layer such as 3, or a range such as 0-5");
      }
      chosen.set(first, last + 1);
    }
    return new Layers(chosen);
  }

  /** Returns the layers of both. */
  public Layers and(Layers more) {
    if (isAll() || more.isAll()) {
      return ALL;
    }
    BitSet both = (BitSet) chosen.clone();
    both.or(more.chosen);
    return new Layers(both);
  }

  /** Whether every layer is meant. */
  public boolean isAll() {
    return chosen == null;
  }

  /** Whether a layer is among them. */
  public boolean contains(int layer) {
    return chosen == null || layer >= 0 && chosen.get(layer);
  }

  /** Returns the highest layer that is named; −1 for all. */
  public int highest() {
    return chosen == null ? -1 : chosen.length() - 1;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Layers layers && Objects.equals(chosen, layers.chosen);
  }

  @Override
  public int hashCode() {
    return Objects.hashCode(chosen);
  }

  /** Returns {@code all}, or ranges from the lowest up: {@code 0-2+6}. */
  @JsonValue
  @Override
  public String toString() {
    if (isAll()) {
      return ALL_WORD;
    }
    StringBuilder text = new StringBuilder();
    for (int first = chosen.nextSetBit(0); first >= 0; ) {
      int last = chosen.nextClearBit(first) - 1;
      text.append(text.isEmpty() ? "" : JOIN).append(first);
      text.append(last == first ? "" : "-" + last);
      first = chosen.nextSetBit(last + 1);
    }
    return text.toString();
  }
}
