package org.peftsweep.report;

import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;

/**
 * A statement of arXiv:2410.02247 about one recipe against another that differs in targets and λ
 * alone, for every method and rank that it names.
 *
 * @param text the statement
 * @param methods that it speaks of
 * @param targets and ratio of the one recipe
 * @param otherTargets and otherRatio of the other
 * @param direction 1 if the first is said to score higher, −1 if lower, 0 if as high or higher
 */
record Claim(
    String text,
    List<String> methods,
    String targets,
    double ratio,
    String otherTargets,
    double otherRatio,
    int direction) {
  /** How much lower still counts as equal: one point of a score × 100. */
  static final double MARGIN = 0.01;

  /** All that the ledger asks. */
  static final List<Claim> ALL =
      List.of(
          new Claim("q+v with λ = 4 beats q+k+v", List.of("lora", "dora"), "qv", 4, "qkv", 1, 1),
          new Claim(
              "q+v equals or beats q+k+v already with λ = 2",
              List.of("lora", "dora"),
              "qv",
              2,
              "qkv",
              1,
              0),
          new Claim(
              "a larger rate on value is better: λ = 4 beats λ = 2",
              List.of("lora", "dora"),
              "qv",
              4,
              "qv",
              2,
              1),
          new Claim(
              "full fine-tuning of q+v breaks as λ grows: λ = 8 is worse than λ = 2",
              List.of("full"),
              "qv",
              8,
              "qv",
              2,
              -1),
          new Claim(
              "full fine-tuning of q+v with λ = 2 equals or beats q+k+v",
              List.of("full"),
              "qv",
              2,
              "qkv",
              1,
              0));

  /** The two recipes of each method, rank and other setting for which a sweep has both. */
  Stream<Line[]> pairs(List<Line> lines) {
    return lines.stream()
        .filter(line -> methods.contains(line.method()) && is(line, targets, ratio))
        .flatMap(
            line ->
                lines.stream()
                    .filter(other -> is(other, otherTargets, otherRatio) && isAlike(line, other))
                    .map(other -> new Line[] {line, other}));
  }

  private static boolean is(Line line, String targets, double ratio) {
    return targets.equals(line.targets()) && line.ratio() == ratio;
  }

  private static boolean isAlike(Line line, Line other) {
    return line.settings().keySet().stream()
        .filter(setting -> !List.of("targets", "ratio").contains(setting))
        .allMatch(setting -> Objects.equals(line.of(setting), other.of(setting)));
  }
}
