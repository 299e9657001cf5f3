package org.peftsweep.results;

import java.util.Comparator;
import java.util.EnumSet;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.peftsweep.train.Outcome.Status;

/**
 * What the name of a trial's file in {@code trials} says: {@code <id>-<attempt>-<status>.parquet}.
 *
 * <p>Listing the folder therefore tells which trials are done, without opening a file. The greatest
 * of a trial's files in natural order is the one that counts: a done one, of these the latest
 * attempt.
 */
public record TrialFile(String id, int attempt, Status status) implements Comparable<TrialFile> {
  /** Statuses after which another run would tell nothing more: divergence is a result too. */
  static final Set<Status> DONE = EnumSet.of(Status.FINISHED, Status.DIVERGED);

  private static final Pattern NAME =
      Pattern.compile("([0-9A-Za-z_]+)-([0-9]{1,9})-([a-z]+)\\.parquet");
  private static final Pattern PART = Pattern.compile("([0-9A-Za-z_]+)-([0-9]{1,9})\\.parquet");
  private static final Comparator<TrialFile> ORDER =
      Comparator.comparing(TrialFile::isDone)
          .thenComparing(TrialFile::attempt)
          .thenComparing(TrialFile::status);

  /** Reads a file name; empty for files of another kind, such as temporary ones. */
  static Optional<TrialFile> parse(String name) {
    Matcher matcher = NAME.matcher(name);
    if (!matcher.matches()) {
      return Optional.empty();
    }
    for (Status status : Status.values()) {
      if (word(status).equals(matcher.group(3))) {
        return Optional.of(
            new TrialFile(matcher.group(1), Integer.parseInt(matcher.group(2)), status));
      }
    }
    return Optional.empty();
  }

  /** Names the attempt whose rows a small file of another table holds. */
  static Optional<String> attemptOfPart(String name) {
    return Optional.of(PART.matcher(name))
        .filter(Matcher::matches)
        .map(part -> part.group(1) + "-" + part.group(2));
  }

  /** Returns what stands for an attempt of which something was damaged. */
  static Optional<TrialFile> lost(String attemptName) {
    return Optional.of(PART.matcher(attemptName + ".parquet"))
        .filter(Matcher::matches)
        .map(part -> new TrialFile(part.group(1), Integer.parseInt(part.group(2)), Status.FAILED));
  }

  /** Returns the attempt's name: {@code <id>-<attempt>}. */
  String attemptName() {
    return id + "-" + attempt;
  }

  /** Returns the name in {@code trials}. */
  String name() {
    return id + "-" + attempt + "-" + word(status) + ".parquet";
  }

  /** Returns the name in {@code curves} and {@code predictions}. */
  String partName() {
    return id + "-" + attempt + ".parquet";
  }

  /** Returns the name in {@code adapters}. */
  static String tensorsName(String id, int attempt) {
    return id + "-" + attempt + ".safetensors";
  }

  /** Whether another run would tell nothing more. */
  public boolean isDone() {
    return DONE.contains(status);
  }

  /** Returns the status as tables spell it. */
  public static String word(Status status) {
    return status.name().toLowerCase(Locale.ROOT);
  }

  @Override
  public int compareTo(TrialFile other) {
    return ORDER.compare(this, other);
  }
}
