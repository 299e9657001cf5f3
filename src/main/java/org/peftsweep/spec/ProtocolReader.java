package org.peftsweep.spec;

import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.peftsweep.method.Methods;

/** Reads which seeds do what, and what is chosen with them. */
final class ProtocolReader {
  private static final String SEEDS = "seeds";
  private static final String TUNING = "tuning-seeds";
  private static final String EVALUATION = "evaluation-seeds";
  private static final String SELECT = "select";
  private static final String DUPLICATES = "duplicates";

  /** Keys at the top of a sweep file. */
  static final List<String> KEYS = List.of(TUNING, EVALUATION, SELECT, DUPLICATES);

  /** Seeds that are evaluated, and the rest. */
  record Read(List<Long> seeds, Protocol protocol) {}

  private ProtocolReader() {}

  /**
   * Reads the keys.
   *
   * @param recipes whose axes may be selected for; empty where they cannot be read
   * @param tasks the same
   */
  static Read read(Fields top, List<Recipe> recipes, List<TaskPlan> tasks) {
    SpecErrors faults = top.faults();
    List<Long> tuning = seeds(top, TUNING);
    List<Long> evaluation = seeds(top, EVALUATION);
    Optional<List<Long>> plain = faults.attempt(() -> top.list(SEEDS, Scalars::longWhole));
    Optional<List<String>> select = faults.attempt(() -> select(top, recipes));
    Optional<Integer> duplicates =
        faults.attempt(() -> Scalars.whole(DUPLICATES, top.value(DUPLICATES)));
    faults.throwIfAny();
    if (tuning.isEmpty() != evaluation.isEmpty()) {
      String given = tuning.isEmpty() ? EVALUATION : TUNING;
      String missing = tuning.isEmpty() ? TUNING : EVALUATION;
      throw Scalars.cannotUse(given, top.value(given), "give " + missing + " too");
    }
    boolean tunes = !tuning.isEmpty();
    if (tunes) {
      requireTuning(top, tuning, evaluation, tasks);
    }
    List<Long> seeds = tunes ? evaluation : plain.orElseThrow();
    List<String> axes = tunes ? select.orElseThrow() : List.of();
    return top.guarded(() -> new Read(seeds, new Protocol(tuning, axes, duplicates.orElseThrow())));
  }

  private static List<Long> seeds(Fields top, String key) {
    boolean isEmpty = top.value(key) instanceof Value.Items items && items.items().isEmpty();
    return isEmpty
        ? List.of()
        : top.faults().attempt(() -> top.list(key, Scalars::longWhole)).orElse(List.of());
  }

  private static List<String> select(Fields top, List<Recipe> recipes) {
    Set<String> axes = new LinkedHashSet<>();
    Set<Object> met = new HashSet<>();
    for (Recipe recipe : recipes) {
      // Recipes are many, kinds of them few.
      if (met.add(List.of(Methods.id(recipe.method()), recipe.training().keySet()))) {
        axes.addAll(recipe.axes());
      }
    }
    return top.list(
        SELECT,
        (key, value) ->
            axes.isEmpty() ? Scalars.word(key, value) : Scalars.choice(key, value, axes));
  }

  private static void requireTuning(
      Fields top, List<Long> tuning, List<Long> evaluation, List<TaskPlan> tasks) {
    boolean isDefault = top.place(SEEDS).startsWith(top.source().defaults() + ":");
    if (!isDefault) {
      throw new SpecException(
          "Cannot use both seeds and tuning-seeds in " + top.place(TUNING) + ": leave one out");
    }
    for (long seed : evaluation) {
      if (tuning.contains(seed)) {
        throw Scalars.cannotUse(
            EVALUATION,
            top.value(EVALUATION),
            "seed " + seed + " is a tuning seed, give other ones");
      }
    }
    for (TaskPlan task : tasks) {
      if (task.source().validationFraction() == 0) {
        throw Scalars.cannotUse(
            TUNING,
            top.value(TUNING),
            "task "
                + task.source().task().name()
                + " has no validation part to choose on, give validation-fraction above 0");
      }
    }
  }
}
