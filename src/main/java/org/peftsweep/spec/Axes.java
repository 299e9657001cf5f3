package org.peftsweep.spec;

import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import org.peftsweep.method.Method;
import org.peftsweep.method.Methods;
import org.peftsweep.model.Layers;
import org.peftsweep.optim.Rates;

/** What trials may differ in besides task and seed, by the keys of sweep files. */
final class Axes {
  static final String METHOD = "method";
  static final String TARGETS = "targets";
  static final String LAYERS = "layers";
  static final String INIT = "init";
  static final String ADAPTER = "adapter";
  static final String WEIGHTS = "weights";
  static final String OPTIMIZER = "optimizer";

  private static final String HEAD_RATE = "head-learning-rate";

  /** What every title says where there is any. */
  private static final Set<String> TITLED = Set.of("rank", "ratio");

  private Axes() {}

  /** Returns every axis of a trial with its value. */
  static SortedMap<String, String> of(Trial trial) {
    SortedMap<String, String> axes = new TreeMap<>();
    for (Object record : List.of(trial.training(), trial.rates(), trial.method())) {
      RecordFields.of(record).forEach((key, value) -> axes.put(key, text(value)));
    }
    axes.put(METHOD, Methods.id(trial.method()));
    axes.put(TARGETS, Targets.name(trial.targets()));
    axes.put(LAYERS, trial.layers().toString());
    axes.put(INIT, trial.model().randomInit() ? "random" : "pretrained");
    axes.put(ADAPTER, trial.model().adapter().location());
    axes.put(WEIGHTS, text(trial.model().weights()));
    return axes;
  }

  /** Returns what a title does not always say; a head at the common rate is left out. */
  static SortedMap<String, Object> untitled(
      Method method, Rates rates, Layers layers, String adapter, ModelSource.Storage weights) {
    SortedMap<String, Object> values = new TreeMap<>(RecordFields.of(method));
    values.putAll(RecordFields.of(rates));
    values.put(LAYERS, layers);
    values.put(ADAPTER, adapter);
    values.put(WEIGHTS, weights);
    values.keySet().removeAll(TITLED);
    if (rates.headLearningRate() == rates.learningRate()) {
      values.remove(HEAD_RATE);
    }
    return values;
  }

  /** Returns a value as sweep files write it. */
  static String text(Object value) {
    return value instanceof Double number
        ? Numbers.text(number)
        : value instanceof Enum<?> constant
            ? constant.name().toLowerCase(Locale.ROOT).replace('_', '-')
            : String.valueOf(value);
  }
}
