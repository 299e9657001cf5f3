package org.peftsweep.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Set;
import java.util.function.Function;
import org.peftsweep.stats.Looks;
import org.peftsweep.stats.MeanTest;
import org.peftsweep.stats.Pareto;

/** What recipes learned beside what they forgot: the loss of texts that they were not taught. */
final class RetentionSection {
  private static final String PLUS_MINUS = " ± ";

  private final Results results;
  private final Comparisons comparisons;
  private final Source source;

  RetentionSection(Results results, Comparisons comparisons, Source source) {
    this.results = results;
    this.comparisons = comparisons;
    this.source = source;
  }

  /** Whether any evaluation measured it. */
  static boolean isAny(Results results) {
    return results.runs().stream().anyMatch(run -> run.isScored() && run.forgotten() != null);
  }

  /** A difference of losses with its sign, nats a token. */
  static String rise(double difference) {
    return String.format(Locale.ROOT, "%+.3f", difference);
  }

  Section section() {
    List<List<String>> rows = new ArrayList<>();
    for (String task : results.tasks()) {
      List<Line> lines =
          results.lines(task).stream().filter(line -> !measured(line, task).isEmpty()).toList();
      boolean[] front =
          Pareto.front(
              lines.stream()
                  .mapToDouble(line -> line.isWhole(task) ? rises(line, task).mean() : Double.NaN)
                  .toArray(),
              lines.stream().mapToDouble(line -> line.mean(task)).toArray());
      for (int i = 0; i < front.length; i++) {
        rows.add(row(task, lines.get(i), front[i]));
      }
    }
    return source.section(
        "retention",
        "Scores beside retention",
        "Loss of the texts of retention, nats a token, before the first step and at the step of the"
            + " score; rise: the latter less the former, below 0 where the texts were learned. Mean"
            + " ± half of its 95 % interval over seeds (Student's t). Front, of recipes whose seeds"
            + " all have a score: no other of the task scores as high at as small a rise.",
        TextTable.of(
            List.of("task", "recipe", "score", "before", "after", "rise", "seeds", "front"),
            Set.of("score", "before", "after", "rise", "seeds"),
            rows),
        source.retention());
  }

  private List<String> row(String task, Line line, boolean isOnFront) {
    MeanTest rises = rises(line, task);
    return List.of(
        task,
        results.label(line),
        comparisons.text(task, line),
        mean(line, task, Run::lossBefore),
        mean(line, task, Run::lossAfter),
        rise(rises.mean())
            + (rises.interval().isBounded()
                ? String.format(Locale.ROOT, PLUS_MINUS + "%.3f", rises.interval().half())
                : ""),
        "" + rises.count(),
        isOnFront ? "yes" : "");
  }

  private static List<Run> measured(Line line, String task) {
    return line.runs(task).stream()
        .filter(run -> run.isScored() && run.forgotten() != null)
        .toList();
  }

  /** Seeds that were added until scores were told apart were not chosen by their losses. */
  private static MeanTest rises(Line line, String task) {
    double[] rises = measured(line, task).stream().mapToDouble(Run::forgotten).toArray();
    return MeanTest.of(rises, 0, Looks.ONCE);
  }

  private static String mean(Line line, String task, Function<Run, Double> loss) {
    return String.format(
        Locale.ROOT,
        "%.3f",
        measured(line, task).stream()
            .map(loss)
            .filter(Objects::nonNull)
            .mapToDouble(Double::doubleValue)
            .average()
            .orElse(Double.NaN));
  }
}
