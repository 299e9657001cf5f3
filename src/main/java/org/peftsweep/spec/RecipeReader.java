package org.peftsweep.spec;

import java.math.BigDecimal;
import java.math.MathContext;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Function;
import org.peftsweep.method.Method;
import org.peftsweep.method.Methods;
import org.peftsweep.method.Settings;
import org.peftsweep.model.Layers;
import org.peftsweep.model.Role;
import org.peftsweep.optim.Rates;

/**
 * Makes recipes: the keys of one combination laid over the defaults of method, plug-in, rates and
 * training.
 */
final class RecipeReader {
  static final String METHOD = Axes.METHOD;
  static final String PLUG_IN = "plug-in";
  static final String NO_PLUG_IN = "none";
  static final String RATIO = "ratio";
  static final String VALUE_RATE = "value-learning-rate";

  private static final String RATE = "learning-rate";
  private static final String HEAD_RATE = "head-learning-rate";
  private static final String GROUPING = "grouping";
  private static final String EPOCHS = "epochs";
  private static final String MAX_STEPS = "max-steps";
  private static final String SAME = "same";
  private static final List<String> INITS = List.of("pretrained", "random");
  private static final List<String> RATES = List.of(RATE, RATIO, HEAD_RATE, GROUPING);
  private static final List<String> ALL_RATES =
      List.of(RATE, RATIO, VALUE_RATE, HEAD_RATE, GROUPING);
  private static final List<String> SAMPLE = RecordFields.names(TrainSample.class);
  private static final List<String> TRAINING = RecordFields.names(Training.class);
  private static final List<String> TRAINING_AND_OPTIMIZER = Training.keys();

  private final Fields top;
  private final SpecErrors faults;
  private final Map<String, Method> defaults = new TreeMap<>();

  /** Whether plug-ins go with methods, by both ids. */
  private final Map<List<String>, Boolean> takers = new HashMap<>();

  /** What was made of the same keys and values before. */
  private final Map<List<Object>, Object> made = new HashMap<>();

  private record Refused(SpecException why) {}

  /** Reads the defaults, and notes what is wrong with them. */
  RecipeReader(Fields top) {
    this.top = top;
    this.faults = top.faults();
    Fields methods = top.fields("methods");
    methods.allowOnly(Methods.all().keySet());
    Methods.all()
        .forEach(
            (id, type) ->
                faults
                    .attempt(() -> methodDefaults(id).record(type))
                    .ifPresent(method -> defaults.put(id, method)));
    readPlugInDefaults();
    faults.attempt(() -> top.fields("rates")).ifPresent(rates -> rates.allowOnly(RATES));
    faults.attempt(() -> rates(top.fields("rates")));
    faults.attempt(() -> init(top.value(Axes.INIT)));
    faults.attempt(() -> adapter(top));
    faults.attempt(() -> weights(top.value(Axes.WEIGHTS)));
    faults.attempt(() -> top.record(TrainSample.class));
    faults.attempt(() -> targets(top.value(Axes.TARGETS)));
    faults.attempt(() -> layers(top.value(Axes.LAYERS)));
    OptimizerReader.check(top);
  }

  private Fields methodDefaults(String id) {
    Fields fields = top.fields("methods").fields(id);
    fields.allowOnly(settings(id), " of method " + id);
    return fields;
  }

  private static List<String> settings(String id) {
    return RecordFields.names(Methods.all().get(id));
  }

  private void readPlugInDefaults() {
    Optional<Fields> plugIns = faults.attempt(() -> top.fields("plug-ins"));
    plugIns.ifPresent(fields -> fields.allowOnly(Methods.plugIns().keySet()));
    Optional<Method> any = defaults.values().stream().filter(Method::adaptsLayers).findFirst();
    if (plugIns.isPresent() && any.isPresent()) {
      Methods.plugIns()
          .forEach(
              (id, type) ->
                  faults.attempt(() -> plugInDefaults(id).record(type, any.orElseThrow())));
    }
  }

  private Fields plugInDefaults(String id) {
    Fields fields = top.fields("plug-ins").fields(id);
    fields.allowOnly(RecordFields.names(Methods.plugIns().get(id)), " of plug-in " + id);
    return fields;
  }

  /**
   * Returns the keys that make sense with each of the methods and plug-ins, those of training last.
   */
  Collection<String> allowed(List<String> ids, List<String> plugIns) {
    Set<String> common = null;
    for (String id : ids) {
      Set<String> keys = keys(id);
      if (common == null) {
        common = keys;
      } else {
        common.retainAll(keys);
      }
    }
    List<String> named = plugIns.stream().filter(id -> !id.equals(NO_PLUG_IN)).toList();
    if (!named.stream().allMatch(plugIn -> ids.stream().allMatch(id -> takes(plugIn, id)))) {
      common.remove(PLUG_IN);
    } else if (common.contains(PLUG_IN) && named.size() == plugIns.size()) {
      for (String id : named) {
        common.addAll(RecordFields.names(Methods.plugIns().get(id)));
      }
    }
    return common;
  }

  /** Whether a plug-in goes with a method, both with their defaults. */
  private boolean takes(String plugIn, String id) {
    Method method = defaults.get(id);
    return method == null
        || takers.computeIfAbsent(
            List.of(plugIn, id),
            key -> {
              try {
                plugInDefaults(plugIn).record(Methods.plugIns().get(plugIn), method);
                return true;
              } catch (SpecException e) {
                return false;
              }
            });
  }

  /** Returns the keys that make sense with one of the methods and plug-ins at least. */
  Collection<String> allowedByAny(List<String> ids, List<String> plugIns) {
    Set<String> any = new LinkedHashSet<>();
    ids.forEach(id -> any.addAll(allowed(List.of(id), List.of())));
    for (String id : plugIns) {
      if (!id.equals(NO_PLUG_IN)) {
        any.addAll(RecordFields.names(Methods.plugIns().get(id)));
      }
    }
    return any;
  }

  /** Whether a key is one of {@link Training}, its optimizer's settings among them. */
  static boolean isOfTraining(String key) {
    return TRAINING_AND_OPTIMIZER.contains(key);
  }

  private Set<String> keys(String id) {
    Set<String> keys = new LinkedHashSet<>(List.of(METHOD));
    Method method = defaults.get(id);
    keys.addAll(settings(id));
    if (method == null || method.usesTargets()) {
      keys.addAll(List.of(Axes.TARGETS, Axes.LAYERS));
    }
    boolean learns = method == null || method.learns();
    if (learns) {
      keys.add(PLUG_IN);
      keys.addAll(ALL_RATES);
      keys.addAll(List.of(Axes.ADAPTER, Axes.ADAPTER_MERGE));
    }
    keys.addAll(List.of(Axes.INIT, Axes.WEIGHTS));
    if (learns) {
      keys.addAll(SAMPLE);
    }
    keys.addAll(learns ? TRAINING : TrialJson.EVALUATION);
    return keys;
  }

  /** Makes the recipe of a combination whose keys were found to make sense. */
  Recipe recipe(Value.Section choice) {
    String id = choice.entries().get(METHOD).value().text();
    Method method = method(id, choice);
    boolean learns = method.learns();
    Fields fields = top.under(choice);
    return new Recipe(
        method,
        method.usesTargets() ? targets(fields.value(Axes.TARGETS)) : Set.of(),
        method.usesTargets() ? layers(fields.value(Axes.LAYERS)) : Layers.ALL,
        learns ? once(ALL_RATES, choice, own -> rates(top.fields("rates").under(own))) : Rates.NONE,
        once(TRAINING_AND_OPTIMIZER, choice, own -> training(own, learns)),
        init(fields.value(Axes.INIT)),
        learns ? adapter(fields) : AdapterSource.NONE.location(),
        weights(fields.value(Axes.WEIGHTS)),
        learns
            ? once(SAMPLE, choice, own -> top.under(own).record(TrainSample.class))
            : TrainSample.WHOLE);
  }

  /**
   * Returns what a recipe has that names its method alone, besides method, targets and training.
   */
  SortedMap<String, String> defaults() {
    SortedMap<String, String> defaults = new TreeMap<>();
    top.record(TrainSample.class)
        .byKey()
        .forEach((key, value) -> defaults.put(key, Axes.text(value)));
    defaults.put(Axes.LAYERS, layers(top.value(Axes.LAYERS)).toString());
    defaults.put(Axes.INIT, top.value(Axes.INIT).text());
    defaults.put(Axes.ADAPTER, adapter(top));
    defaults.put(Axes.WEIGHTS, Axes.text(weights(top.value(Axes.WEIGHTS))));
    defaults.put(HEAD_RATE, top.fields("rates").value(HEAD_RATE).text());
    return defaults;
  }

  /** Makes what depends on some keys only, once for each of their values. */
  @SuppressWarnings("unchecked")
  private <T> T once(
      Collection<String> keys, Value.Section choice, Function<Value.Section, T> make) {
    Map<String, Value.Entry> own = new LinkedHashMap<>(choice.entries());
    own.keySet().retainAll(keys);
    Value.Section section = new Value.Section(choice.place(), own);
    Object result =
        made.computeIfAbsent(
            List.of(keys, section),
            key -> {
              try {
                return make.apply(section);
              } catch (SpecException e) {
                return new Refused(e);
              }
            });
    if (result instanceof Refused refused) {
      throw refused.why();
    }
    return (T) result;
  }

  private Method method(String id, Value.Section choice) {
    List<String> keys = new ArrayList<>(List.of(METHOD, PLUG_IN));
    keys.addAll(settings(id));
    Value.Entry plugIn = choice.entries().get(PLUG_IN);
    String plugged = plugIn == null ? NO_PLUG_IN : plugIn.value().text();
    boolean isPlugged = Methods.plugIns().containsKey(plugged);
    if (isPlugged) {
      keys.addAll(RecordFields.names(Methods.plugIns().get(plugged)));
    }
    return once(
        keys,
        choice,
        own -> {
          Method method = methodDefaults(id).under(own).record(Methods.all().get(id));
          return isPlugged && takes(plugged, id)
              ? plugInDefaults(plugged).under(own).record(Methods.plugIns().get(plugged), method)
              : method;
        });
  }

  private SortedMap<String, Object> training(Value.Section own, boolean learns) {
    if (own.entries().isEmpty()) {
      return Collections.emptySortedMap();
    }
    Fields fields = top.fields("training").under(own);
    Training training = OptimizerReader.training(top, fields);
    if (learns && own.entries().containsKey(EPOCHS) && training.maxSteps() > 0) {
      throw Scalars.cannotUse(
          EPOCHS,
          fields.value(EPOCHS),
          Scalars.said(MAX_STEPS, fields.value(MAX_STEPS))
              + " counts in its place, give max-steps: 0 beside it");
    }
    SortedMap<String, Object> values = RecordFields.of(training);
    values.keySet().retainAll(own.entries().keySet());
    if (values.keySet().removeAll(optimizerKeys())) {
      values.put(Axes.OPTIMIZER, training.optimizer());
    }
    return values;
  }

  private static Set<String> optimizerKeys() {
    Set<String> keys = new LinkedHashSet<>(RecordFields.ofOptimizers());
    keys.add(Axes.OPTIMIZER);
    return keys;
  }

  private static boolean init(Value value) {
    return Scalars.choice(Axes.INIT, value, INITS).equals("random");
  }

  /** One folder, or a list of those that are merged. */
  private static String adapter(Fields fields) {
    AdapterSource.Merge merge =
        (AdapterSource.Merge)
            Scalars.constant(
                AdapterSource.Merge.class, Axes.ADAPTER_MERGE, fields.value(Axes.ADAPTER_MERGE));
    Value value = fields.value(Axes.ADAPTER);
    if (!(value instanceof Value.Items)) {
      return Scalars.word(Axes.ADAPTER, value);
    }
    List<String> folders =
        Fields.itemsOrOne(Axes.ADAPTER, value).stream()
            .map(folder -> Scalars.word(Axes.ADAPTER, folder))
            .toList();
    if (folders.size() == 1) {
      return folders.get(0);
    }
    try {
      return AdapterSource.merged(merge, folders);
    } catch (IllegalArgumentException e) {
      throw Scalars.cannotUse(
          Axes.ADAPTER, value, e.getMessage().substring(e.getMessage().indexOf(": ") + 2));
    }
  }

  private static ModelSource.Storage weights(Value value) {
    return (ModelSource.Storage) Scalars.constant(ModelSource.Storage.class, Axes.WEIGHTS, value);
  }

  private static Rates rates(Fields fields) {
    double rate = Scalars.positive(RATE, fields.value(RATE));
    double ratio =
        fields.has(VALUE_RATE)
            ? quotient(Scalars.positive(VALUE_RATE, fields.value(VALUE_RATE)), rate)
            : Scalars.positive(RATIO, fields.value(RATIO));
    Rates.Grouping grouping =
        (Rates.Grouping) Scalars.constant(Rates.Grouping.class, GROUPING, fields.value(GROUPING));
    Value head = fields.value(HEAD_RATE);
    boolean isSame = head.text().equals(SAME);
    if (grouping == Rates.Grouping.PAPER && !isSame) {
      throw Scalars.cannotUse(
          HEAD_RATE, head, "with grouping paper the head has no rate of its own, give same");
    }
    double headRate = isSame ? rate : Scalars.positive(HEAD_RATE, head);
    String given = fields.has(VALUE_RATE) ? VALUE_RATE : RATIO;
    Scalars.checked(given, fields.value(given), () -> Settings.positive(RATIO, ratio));
    return new Rates(rate, ratio, headRate, grouping);
  }

  /** In decimals, so that 2e-3 / 2e-5 is 100 and not a neighbour of it. */
  private static double quotient(double valueRate, double rate) {
    return BigDecimal.valueOf(valueRate)
        .divide(BigDecimal.valueOf(rate), MathContext.DECIMAL64)
        .doubleValue();
  }

  /** All, a layer, a range of layers, or a list of both. */
  private static Layers layers(Value value) {
    Layers layers = null;
    for (Value part : Fields.itemsOrOne(Axes.LAYERS, value)) {
      Layers more = range(part);
      layers = layers == null ? more : layers.and(more);
    }
    return layers;
  }

  private static Layers range(Value part) {
    String instead = "give all, a layer such as 3, or a range such as 0-5";
    if (!(part instanceof Value.Scalar scalar) || scalar.text().contains("+")) {
      throw Scalars.cannotUse(Axes.LAYERS, part, instead);
    }
    try {
      return Layers.of(scalar.text());
    } catch (IllegalArgumentException e) {
      throw Scalars.cannotUse(Axes.LAYERS, part, instead);
    }
  }

  private static Set<Role> targets(Value value) {
    return value instanceof Value.Items
        ? Scalars.roles(Axes.TARGETS, value)
        : Targets.shortNames().get(targetsName(value));
  }

  private static String targetsName(Value value) {
    boolean isRole = Targets.ROLES.stream().anyMatch(role -> role.id().equals(value.text()));
    if (isRole) {
      throw Scalars.cannotUse(
          Axes.TARGETS,
          value,
          "write a set of roles as a list within the list, such as [[query, value]]");
    }
    return Scalars.choice(Axes.TARGETS, value, Targets.shortNames().keySet());
  }
}
