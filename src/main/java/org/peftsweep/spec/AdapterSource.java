package org.peftsweep.spec;

import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The adapter that training starts from.
 *
 * @param location a folder in PEFT's layout on any Hadoop file system, {@code none}, or several
 *     folders with the rule by which they are merged, {@code mean(a, b)}
 * @param contentHash SHA-256 over its settings and tensors; empty for none
 */
public record AdapterSource(String location, String contentHash) {
  /** How several adapters become one start, tensor by tensor. */
  public enum Merge {
    MEAN,
    /**
     * The mean of those values that have the sign of the sum of all: TIES (Yadav et al.,
     * arXiv:2306.01708) without its trimming.
     */
    CONSENSUS
  }

  /** Training starts as the method says. */
  public static final AdapterSource NONE = new AdapterSource("none", "");

  private static final String SEPARATOR = ", ";
  private static final Pattern MERGED =
      Pattern.compile(
          Stream.of(Merge.values())
              .map(AdapterSource::id)
              .collect(Collectors.joining("|", "(", ")\\((.*)\\)")),
          Pattern.DOTALL);

  public AdapterSource {
    Objects.requireNonNull(location, "location");
    Objects.requireNonNull(contentHash, "contentHash");
  }

  /** Whether a location names no adapter. */
  static boolean isNone(String location) {
    return location.equals(NONE.location);
  }

  /** Whether there is none. */
  public boolean isNone() {
    return isNone(location);
  }

  /**
   * Returns the location of a start that is merged from others.
   *
   * @throws IllegalArgumentException for a place that cannot be told from the others
   */
  static String merged(Merge merge, List<String> locations) {
    for (String location : locations) {
      if (location.contains(SEPARATOR) || isNone(location)) {
        throw new IllegalArgumentException(
            "Cannot merge adapter "
                + location
                + " with others: name folders whose paths have no comma before a blank");
      }
    }
    return id(merge) + "(" + String.join(SEPARATOR, locations) + ")";
  }

  /** Returns the folders that a start is made of. */
  public static List<String> folders(String location) {
    Matcher merged = MERGED.matcher(location);
    return merged.matches() ? List.of(merged.group(2).split(SEPARATOR, -1)) : List.of(location);
  }

  /** Returns how these are merged. */
  public Merge merge() {
    Matcher merged = MERGED.matcher(location);
    return merged.matches() ? Merge.valueOf(merged.group(1).toUpperCase(Locale.ROOT)) : Merge.MEAN;
  }

  private static String id(Merge merge) {
    return merge.name().toLowerCase(Locale.ROOT);
  }
}
