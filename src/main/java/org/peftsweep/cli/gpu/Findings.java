package org.peftsweep.cli.gpu;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;

/** What a check found, printed as it comes, and the time that it has left. */
final class Findings {
  private static final double NANOS = 1e9;

  /**
   * A figure.
   *
   * @param bound that it may not exceed; null where nothing is demanded
   */
  record Finding(String part, String what, double found, String unit, Double bound) {
    boolean isFine() {
      return bound == null || found <= bound;
    }

    private String text() {
      return String.format(
          Locale.ROOT,
          "%-4s %-10s %-52s %10.4g %s%s",
          isFine() ? "ok" : "OFF",
          part,
          what,
          found,
          unit,
          bound == null ? "" : String.format(Locale.ROOT, " (at most %.0e)", bound));
    }
  }

  private final PrintStream out;
  private final long end;
  private final List<Finding> all = new ArrayList<>();
  private final List<String> left = new ArrayList<>();

  /**
   * @param seconds that the check may take from now on
   */
  Findings(PrintStream out, double seconds) {
    this.out = out;
    this.end = System.nanoTime() + (long) (seconds * NANOS);
  }

  double secondsLeft() {
    return (end - System.nanoTime()) / NANOS;
  }

  /**
   * Whether there is time for a part; one for which there is none is named at the end.
   *
   * @param seconds that it is thought to take
   */
  boolean hasTime(String what, double seconds) {
    boolean hasTime = secondsLeft() > seconds;
    if (!hasTime) {
      left.add(what);
    }
    return hasTime;
  }

  /** Says that a part cannot be looked at, and why. */
  void leaveOut(String what, String reason) {
    say("-    " + what + ": " + reason);
    left.add(what + " (" + reason + ")");
  }

  /** Adds a figure of which nothing is demanded. */
  void add(String part, String what, double found, String unit) {
    add(new Finding(part, what, found, unit, null));
  }

  void add(Finding finding) {
    all.add(finding);
    say(finding.text());
  }

  void say(String line) {
    out.println(line);
  }

  /** Returns the figure of a part, the last of that name. */
  OptionalDouble of(String part, String what) {
    return all.stream()
        .filter(each -> each.part.equals(part) && each.what.equals(what))
        .mapToDouble(Finding::found)
        .reduce((first, second) -> second);
  }

  boolean areFine() {
    return all.stream().allMatch(Finding::isFine);
  }

  /** Returns what was not looked at. */
  List<String> left() {
    return List.copyOf(left);
  }

  /**
   * Writes all as JSON.
   *
   * @param machine what is known of it
   * @param goals what became of them
   */
  void write(Path file, Map<String, Object> machine, List<Map<String, Object>> goals)
      throws IOException {
    Map<String, Object> root = new LinkedHashMap<>(machine);
    root.put("found", all.stream().map(Findings::members).toList());
    root.put("goals", goals);
    root.put("left-out", left);
    Files.writeString(
        file, new ObjectMapper().writerWithDefaultPrettyPrinter().writeValueAsString(root));
  }

  private static Map<String, Object> members(Finding finding) {
    Map<String, Object> members = new LinkedHashMap<>();
    members.put("part", finding.part);
    members.put("what", finding.what);
    members.put("found", finding.found);
    members.put("unit", finding.unit);
    members.put("bound", finding.bound);
    return members;
  }
}
