package org.peftsweep.spec;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import org.peftsweep.method.Method;
import org.peftsweep.method.Methods;
import org.peftsweep.model.Layers;
import org.peftsweep.optim.Optimizers;
import org.peftsweep.optim.Rates;

/** What trials may differ in besides task and seed, by the keys of sweep files. */
public final class Axes {
  static final String METHOD = "method";
  static final String TARGETS = "targets";
  static final String LAYERS = "layers";
  static final String INIT = "init";
  static final String ADAPTER = "adapter";
  static final String ADAPTER_MERGE = "adapter-merge";
  static final String WEIGHTS = "weights";
  static final String OPTIMIZER = "optimizer";

  /** Axes of every trial, whatever its method and training. */
  static final List<String> ALWAYS = List.of(METHOD, TARGETS, LAYERS, INIT, ADAPTER, WEIGHTS);

  private static final String LEARNING_RATE = "learning-rate";
  private static final String HEAD_RATE = "head-learning-rate";
  private static final String PLUG_IN = "\\+";
  private static final String MAX_STEPS = "max-steps";
  private static final String EPOCHS = "epochs";
  private static final String AUGMENTATION = "augmentation";

  /** Of the head: that its rate is the common one. */
  private static final String SAME = "same";

  /** What every title says where there is any. */
  private static final Set<String> TITLED = Set.of("rank", "ratio");

  private Axes() {}

  /** Returns every axis of a trial with its value as sweep files write it. */
  public static SortedMap<String, String> of(Trial trial) {
    SortedMap<String, String> axes = new TreeMap<>();
    for (Object record :
        List.of(trial.training(), trial.rates(), trial.method(), trial.task().sample())) {
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

  /**
   * Returns the block of a grid that stands for trials of these axes, such as {@code {method: lora,
   * targets: qv, rank: 8}}: all settings of method and rates, and what else is not as a block of
   * that sweep has it that does not say so.
   *
   * @param defaults what such a block has, as {@link Sweep#defaults} has it for the trials' task;
   *     none where it is not known, and then trials are taken to have it
   */
  public static SortedMap<String, String> block(
      SortedMap<String, String> axes, Map<String, String> defaults) {
    String[] method = axes.get(METHOD).split(PLUG_IN);
    boolean learns = !areSame(axes.get(LEARNING_RATE), "0");
    Set<String> keys = new TreeSet<>(RecordFields.names(Methods.all().get(method[0])));
    SortedMap<String, String> block = new TreeMap<>();
    block.put(METHOD, method[0]);
    if (method.length > 1) {
      block.put("plug-in", method[1]);
      keys.addAll(RecordFields.names(Methods.plugIns().get(method[1])));
    }
    if (learns) {
      keys.addAll(RecordFields.names(Rates.class));
    }
    if (!axes.get(TARGETS).isEmpty()) {
      keys.add(TARGETS);
      if (!areSame(axes.get(LAYERS), defaults.getOrDefault(LAYERS, "all"))) {
        keys.add(LAYERS);
      }
    }
    if (!defaults.isEmpty()) {
      besideMethod(axes, learns).stream()
          .filter(axis -> !areSame(axes.get(axis), defaults.get(axis)))
          .forEach(keys::add);
    }
    axes.forEach(
        (axis, value) -> {
          if (keys.contains(axis)) {
            block.put(axis, value);
          }
        });
    if (learns && areSame(axes.get(HEAD_RATE), axes.get(LEARNING_RATE))) {
      block.put(HEAD_RATE, SAME);
      block.remove(HEAD_RATE, defaults.getOrDefault(HEAD_RATE, SAME));
    }
    block.computeIfPresent(TARGETS, (key, name) -> Targets.inBlock(name));
    block.computeIfPresent(LAYERS, (key, layers) -> layersInBlock(layers));
    return block;
  }

  /** What trials of every method have, and how they train, as far as they do. */
  private static Set<String> besideMethod(SortedMap<String, String> axes, boolean learns) {
    Set<String> keys = new TreeSet<>(List.of(INIT, WEIGHTS));
    if (!learns) {
      keys.addAll(TrialJson.EVALUATION);
    } else {
      keys.add(ADAPTER);
      keys.addAll(RecordFields.names(TrainSample.class));
      keys.addAll(RecordFields.names(Training.class));
      keys.addAll(RecordFields.names(Optimizers.all().get(axes.get(OPTIMIZER))));
      if (!areSame(axes.get(MAX_STEPS), "0")) {
        keys.remove(EPOCHS);
      }
      if (areSame(axes.get(AUGMENTATION), "none")) {
        keys.removeAll(List.of("augmentation-rate", "augmentation-copies"));
      }
    }
    return keys;
  }

  /** A list of layers and ranges is one value. */
  private static String layersInBlock(String layers) {
    return layers.contains("+") ? "[" + layers.replace("+", ", ") + "]" : layers;
  }

  /** Whether two values are the same, numbers however they are written. */
  public static boolean areSame(String one, String other) {
    if (one == null || other == null || one.equals(other)) {
      return one != null && one.equals(other);
    }
    return isNumber(one) && isNumber(other) && Double.parseDouble(one) == Double.parseDouble(other);
  }

  /** Whether a value is a number as sweep files have them. */
  public static boolean isNumber(String text) {
    return Scalars.isNumber(text);
  }

  /** Returns what a title does not always say; a head at the common rate is left out. */
  static SortedMap<String, Object> untitled(
      Method method,
      Rates rates,
      Layers layers,
      String adapter,
      ModelSource.Storage weights,
      TrainSample sample) {
    SortedMap<String, Object> values = new TreeMap<>(RecordFields.of(method));
    values.putAll(RecordFields.of(rates));
    values.putAll(sample.byKey());
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
