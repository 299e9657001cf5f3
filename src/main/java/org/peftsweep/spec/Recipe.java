package org.peftsweep.spec;

import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import org.peftsweep.method.Method;
import org.peftsweep.method.Methods;
import org.peftsweep.model.Role;
import org.peftsweep.optim.Rates;

/**
 * One row of a comparison: what a trial is without its task and seed.
 *
 * @param targets empty for methods without targets
 * @param rates {@link Rates#NONE} for methods that do not learn
 * @param randomInit whether the base is drawn anew instead of read
 * @param adapter location of the adapter that the method starts from, or {@code none}
 */
public record Recipe(
    Method method, Set<Role> targets, Rates rates, boolean randomInit, String adapter) {
  public Recipe {
    Set<Role> ordered = EnumSet.noneOf(Role.class);
    ordered.addAll(targets);
    targets = Collections.unmodifiableSet(ordered);
  }

  /**
   * Returns by key all that may tell two recipes apart: {@code method}, {@code targets}, {@code
   * init}, {@code adapter}, and settings and rates by their keys in sweep files.
   */
  SortedMap<String, String> axes() {
    SortedMap<String, String> axes = new TreeMap<>();
    for (Object record : List.of(method, rates)) {
      RecordFields.of(record).forEach(field -> axes.put(field.name(), text(field.value())));
    }
    axes.put("method", Methods.id(method));
    axes.put("targets", Targets.name(targets));
    axes.put("init", randomInit ? "random" : "pretrained");
    axes.put("adapter", adapter);
    return axes;
  }

  /** Everything that a trial's title leaves out, by key; a head at the common rate is left out. */
  SortedMap<String, String> untitled() {
    SortedMap<String, String> words = new TreeMap<>();
    for (Object record : List.of(method, rates)) {
      RecordFields.of(record).forEach(field -> words.put(field.name(), text(field.value())));
    }
    words.put("adapter", adapter);
    words.keySet().removeAll(List.of("rank", "ratio"));
    if (rates.headLearningRate() == rates.learningRate()) {
      words.remove("head-learning-rate");
    }
    return words;
  }

  private static String text(Object value) {
    return value instanceof Double number
        ? Numbers.text(number)
        : String.valueOf(value).toLowerCase(Locale.ROOT);
  }
}
