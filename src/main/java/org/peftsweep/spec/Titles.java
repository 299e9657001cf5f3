package org.peftsweep.spec;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;
import org.peftsweep.method.Methods;

/**
 * Titles of a sweep's trials, with every setting in which recipes of their method differ: {@code
 * qqp · lora r=8 qkv λ=4 η=2e-5 · seed 0}. No two trials of a sweep have the same.
 */
public final class Titles implements Function<Trial, String> {
  private static final String RATE = "learning-rate";

  /** By id of a method, the axes in which its recipes differ. */
  private final Map<String, Set<String>> differing = new HashMap<>();

  Titles(Collection<Recipe> recipes) {
    Map<String, Map<String, Object>> first = new HashMap<>();
    for (Recipe recipe : recipes) {
      String method = Methods.id(recipe.method());
      SortedMap<String, Object> mine = recipe.untitled();
      Map<String, Object> known = first.computeIfAbsent(method, id -> mine);
      Set<String> axes = differing.computeIfAbsent(method, id -> new TreeSet<>());
      mine.forEach(
          (axis, value) -> {
            if (!value.equals(known.get(axis))) {
              axes.add(axis);
            }
          });
      known.keySet().stream().filter(axis -> !mine.containsKey(axis)).forEach(axes::add);
    }
  }

  @Override
  public String apply(Trial trial) {
    Set<String> axes = differing.getOrDefault(trial.methodId(), Set.of());
    List<String> words = new ArrayList<>();
    if (!axes.isEmpty()) {
      SortedMap<String, Object> values = new TreeMap<>(RecordFields.of(trial.training()));
      values.putAll(
          Axes.untitled(
              trial.method(),
              trial.rates(),
              trial.layers(),
              trial.model().adapter().location(),
              trial.model().weights(),
              trial.task().sample()));
      values.keySet().retainAll(axes);
      values.forEach(
          (axis, value) -> words.add((axis.equals(RATE) ? "η" : axis) + "=" + Axes.text(value)));
    }
    return trial.title(words);
  }
}
