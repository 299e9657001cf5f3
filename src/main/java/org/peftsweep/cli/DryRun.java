package org.peftsweep.cli;

import java.text.NumberFormat;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.peftsweep.optim.Optimizers;
import org.peftsweep.report.TextTable;
import org.peftsweep.report.TextTable.Cell;
import org.peftsweep.spec.Trial;
import org.peftsweep.sweep.Forecast;
import org.peftsweep.sweep.PackPlan;
import org.peftsweep.sweep.Plan;
import org.peftsweep.sweep.PlannedTrial;

/** What a sweep would run, for reading: its trials, their sizes and an estimate of time. */
final class DryRun {
  private static final double DAY = 86_400;

  private final Plan plan;
  private final Forecast forecast;
  private final OptionalInt mostLanes;
  private final int slots;
  private final double warmUp;
  private final Set<String> withoutRatio;
  private final NumberFormat numbers = NumberFormat.getIntegerInstance(Locale.ROOT);

  /**
   * @param slots that run trials side by side; 1 where that is not known
   * @param withoutRatio methods with which ratios do not count
   */
  DryRun(Plan plan, Forecast forecast, OptionalInt mostLanes, int slots, Set<String> withoutRatio) {
    this.withoutRatio = withoutRatio;
    this.plan = plan;
    this.slots = slots;
    this.warmUp = plan.pending().isEmpty() ? 0 : forecast.warmUpSeconds();
    // Sizes are asked for again and again.
    Map<Trial, Forecast.Size> sizes = new IdentityHashMap<>();
    this.forecast = trial -> sizes.computeIfAbsent(trial, forecast::of);
    this.mostLanes = mostLanes;
  }

  String text() {
    Map<String, PlannedTrial> pending =
        plan.pending().stream().collect(Collectors.toMap(PlannedTrial::id, Function.identity()));
    List<List<Cell>> rows = new ArrayList<>();
    plan.asked()
        .forEach(
            (id, trial) -> {
              Forecast.Size size = forecast.of(trial);
              rows.add(
                  cells(
                      id,
                      plan.titles().get(id),
                      number(size.trainableParameters()),
                      number(size.headParameters()),
                      number(size.steps()),
                      pending.containsKey(id) ? clock(pending.get(id).seconds()) : "done"));
            });
    TextTable table =
        new TextTable(
            List.of("id", "trial", "trainable", "head", "steps", "time"),
            List.of(false, false, true, true, true, true),
            rows);
    return table.text()
        + "\n"
        + String.format(
            Locale.ROOT,
            "%d trials, %d to run: about %s. Trainable: scalars that learn besides the head.%n",
            plan.asked().size(),
            plan.pending().size(),
            time())
        + ownRates()
        + ownRatios()
        + packs();
  }

  /** Tells which optimizers leave learning rates out. */
  private String ownRates() {
    Set<String> ids = new TreeSet<>();
    for (Trial trial : plan.asked().values()) {
      if (trial.method().learns() && trial.training().optimizer().findsRate()) {
        ids.add(Optimizers.id(trial.training().optimizer().getClass()));
      }
    }
    return ids.isEmpty()
        ? ""
        : String.format(
            Locale.ROOT,
            "Learning rates do not count where an optimizer finds its own (%s): trials that differ"
                + " in nothing else are one.%n",
            String.join(", ", ids));
  }

  /** Tells with which methods ratios change nothing. */
  private String ownRatios() {
    return withoutRatio.isEmpty()
        ? ""
        : String.format(
            Locale.ROOT,
            "Ratios do not count with %s, of which nothing belongs to W_v alone: trials that differ"
                + " in nothing else are one.%n",
            String.join(", ", withoutRatio));
  }

  private String time() {
    String all = clock(warmUp + plan.pending().stream().mapToDouble(PlannedTrial::seconds).sum());
    return slots < 2 || plan.pending().size() < 2
        ? all + " one after another"
        : clock(warmUp + plan.seconds(slots))
            + " on "
            + slots
            + " slots, "
            + all
            + " one after another";
  }

  /** Tells which trials train together on one slot, and which cannot. */
  private String packs() {
    if (mostLanes.orElse(2) == 1) {
      return "";
    }
    Set<String> alone = new TreeSet<>();
    int single = 0;
    for (PlannedTrial trial : plan.pending()) {
      if (forecast.of(trial.trial()).base() == null) {
        alone.add(trial.trial().method().id());
        single++;
      }
    }
    List<List<PlannedTrial>> packs = PackPlan.of(plan.pending(), forecast, mostLanes, 1);
    int most = packs.stream().mapToInt(List::size).max().orElse(0);
    if (most < 2) {
      return "";
    }
    return String.format(
        Locale.ROOT,
        "Packs: up to %d trials train together, as many at once as there is memory for%s.%n",
        most,
        single == 0 ? "" : "; %d train alone: %s".formatted(single, String.join(", ", alone)));
  }

  /**
   * Returns minutes and seconds, with hours where there are any: {@code 1:02:03}; from two days on
   * days.
   */
  static String clock(double seconds) {
    if (seconds >= 2 * DAY) {
      return String.format(
          Locale.ROOT, seconds < 10 * DAY ? "%.1f days" : "%.0f days", seconds / DAY);
    }
    long whole = Math.round(seconds);
    long hours = whole / 3600;
    return hours > 0
        ? String.format(Locale.ROOT, "%d:%02d:%02d", hours, whole / 60 % 60, whole % 60)
        : String.format(Locale.ROOT, "%d:%02d", whole / 60, whole % 60);
  }

  private static List<Cell> cells(String... texts) {
    return List.of(texts).stream().map(Cell::of).toList();
  }

  private String number(long value) {
    return numbers.format(value);
  }
}
