package org.peftsweep.spec;

import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import org.peftsweep.method.Method;
import org.peftsweep.model.Layers;
import org.peftsweep.model.Role;
import org.peftsweep.optim.Optimizer;
import org.peftsweep.optim.Optimizers;
import org.peftsweep.optim.Rates;

/**
 * One row of a comparison: what a trial is without its task and seed.
 *
 * @param targets empty for methods without targets
 * @param layers that are adapted; all for methods without targets
 * @param rates {@link Rates#NONE} for methods that do not learn
 * @param training what the recipe itself says of {@link Training}, by the names in sweep files; the
 *     rest is the task's; the optimizer is one of them, with its settings
 * @param randomInit whether the base is drawn anew instead of read
 * @param adapter location of the adapter that the method starts from, or {@code none}
 * @param weights how frozen matrices of the base are stored
 * @param sample of train; all of it for methods that do not learn
 */
public record Recipe(
    Method method,
    Set<Role> targets,
    Layers layers,
    Rates rates,
    SortedMap<String, Object> training,
    boolean randomInit,
    String adapter,
    ModelSource.Storage weights,
    TrainSample sample) {
  public Recipe {
    Set<Role> ordered = EnumSet.noneOf(Role.class);
    ordered.addAll(targets);
    targets = Collections.unmodifiableSet(ordered);
    training = Collections.unmodifiableSortedMap(new TreeMap<>(training));
  }

  /** Returns the names of all that may tell two recipes apart, as {@link Axes} has them. */
  SortedSet<String> axes() {
    SortedSet<String> axes = new TreeSet<>(List.of(Axes.METHOD, Axes.TARGETS, Axes.INIT));
    axes.addAll(List.of(Axes.LAYERS, Axes.ADAPTER, Axes.WEIGHTS));
    axes.addAll(RecordFields.of(method).keySet());
    axes.addAll(RecordFields.of(rates).keySet());
    axes.addAll(sample.byKey().keySet());
    axes.addAll(trainingValues().keySet());
    return axes;
  }

  /** Returns by axis what a trial's title does not always say. */
  SortedMap<String, Object> untitled() {
    SortedMap<String, Object> values =
        Axes.untitled(method, rates, layers, adapter, weights, sample);
    values.putAll(trainingValues());
    return values;
  }

  /** What the recipe says of the training, with the settings of an optimizer one by one. */
  private SortedMap<String, Object> trainingValues() {
    SortedMap<String, Object> values = new TreeMap<>(training);
    if (values.remove(Axes.OPTIMIZER) instanceof Optimizer optimizer) {
      values.put(Axes.OPTIMIZER, Optimizers.id(optimizer.getClass()));
      values.putAll(RecordFields.of(optimizer));
    }
    return values;
  }
}
