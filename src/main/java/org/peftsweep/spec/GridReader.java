package org.peftsweep.spec;

import java.math.BigDecimal;
import java.math.MathContext;
import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.peftsweep.method.Method;
import org.peftsweep.method.Methods;
import org.peftsweep.model.Role;
import org.peftsweep.optim.Rates;

/**
 * Reads the blocks of a grid: each key of a block holds one value or a list, and a block stands for
 * all combinations, the key that is written first varying slowest. A combination that an earlier
 * block made already is left out.
 */
final class GridReader {
  private static final String METHOD = "method";
  private static final String PLUG_IN = "plug-in";
  private static final String NO_PLUG_IN = "none";
  private static final String TARGETS = "targets";
  private static final String RATE = "learning-rate";
  private static final String VALUE_RATE = "value-learning-rate";
  private static final String HEAD_RATE = "head-learning-rate";
  private static final String RATIO = "ratio";
  private static final String GROUPING = "grouping";
  private static final String INIT = "init";
  private static final String ADAPTER = "adapter";
  private static final String NO_ADAPTER = AdapterSource.NONE.location();
  private static final String SAME = "same";
  private static final List<String> INITS = List.of("pretrained", "random");
  static final List<String> RATES = List.of(RATE, RATIO, HEAD_RATE, GROUPING);
  private static final int MOST_RECIPES = 100_000;

  private final Fields top;
  private final Faults faults;
  private final Map<String, Method> defaults = new TreeMap<>();

  private GridReader(Fields top) {
    this.top = top;
    this.faults = top.faults();
  }

  /** The recipes of {@code grid}, each once. */
  static List<Recipe> read(Fields top) {
    GridReader reader = new GridReader(top);
    reader.readDefaults();
    Set<Recipe> recipes = new LinkedHashSet<>();
    for (List<Recipe> block : top.list("grid", reader::block)) {
      recipes.addAll(block);
    }
    return List.copyOf(recipes);
  }

  private void readDefaults() {
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
    faults.attempt(() -> init(top.value(INIT)));
    faults.attempt(() -> Scalars.word(ADAPTER, top.value(ADAPTER)));
    faults.attempt(() -> targets(top.value(TARGETS)));
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

  private List<String> plugIns(Fields block) {
    List<String> choices = new ArrayList<>(List.of(NO_PLUG_IN));
    choices.addAll(Methods.plugIns().keySet());
    List<String> ids = new ArrayList<>();
    if (block.has(PLUG_IN)) {
      for (Value id : Fields.itemsOrOne(PLUG_IN, block.value(PLUG_IN))) {
        ids.add(Scalars.choice(PLUG_IN, id, choices));
      }
    }
    return ids;
  }

  private List<Recipe> block(String grid, Value value) {
    if (!(value instanceof Value.Section section)) {
      throw Scalars.cannotUse(grid, value, "write a block, such as {method: lora, rank: [4, 8]}");
    }
    Fields block = new Fields(grid, section, top.source(), faults);
    if (!block.has(METHOD)) {
      throw new SpecException(
          "Cannot read the block in " + section.place() + ": it lacks the key method");
    }
    List<String> ids = new ArrayList<>();
    for (Value id : Fields.itemsOrOne(METHOD, block.value(METHOD))) {
      ids.add(Scalars.choice(METHOD, id, Methods.all().keySet()));
    }
    List<String> plugIns = plugIns(block);
    block.allowOnly(
        allowed(ids, plugIns),
        (ids.size() > 1 ? " with methods " : " with method ")
            + String.join(" and ", ids)
            + (plugIns.isEmpty() ? "" : " and plug-in " + String.join(" and ", plugIns)));
    if (block.has(RATIO) && block.has(VALUE_RATE)) {
      faults.add(
          "Cannot use both ratio and value-learning-rate in "
              + block.place(VALUE_RATE)
              + ": leave one out");
    }
    return combinations(block).stream()
        .flatMap(choice -> faults.attempt(() -> recipe(choice)).stream())
        .toList();
  }

  /** The keys that make sense with each of the methods and plug-ins. */
  private Collection<String> allowed(List<String> ids, List<String> plugIns) {
    Set<String> shared = null;
    for (String id : ids) {
      Set<String> keys = new LinkedHashSet<>(List.of(METHOD));
      Method method = defaults.get(id);
      keys.addAll(settings(id));
      if (method == null || method.usesTargets()) {
        keys.add(TARGETS);
      }
      if (method == null || method.adaptsLayers()) {
        keys.add(PLUG_IN);
      }
      if (method == null || method.learns()) {
        keys.addAll(List.of(RATE, RATIO, VALUE_RATE, HEAD_RATE, GROUPING, ADAPTER));
      }
      keys.add(INIT);
      if (shared == null) {
        shared = keys;
      } else {
        shared.retainAll(keys);
      }
    }
    Set<String> common = shared;
    if (common.contains(PLUG_IN) && !plugIns.isEmpty() && !plugIns.contains(NO_PLUG_IN)) {
      plugIns.forEach(id -> common.addAll(RecordFields.names(Methods.plugIns().get(id))));
    }
    return common;
  }

  private List<Value.Section> combinations(Fields block) {
    List<Map<String, Value.Entry>> made = List.of(Map.of());
    for (String key : block.keys()) {
      List<Value> values = Fields.itemsOrOne(key, block.value(key));
      if ((long) made.size() * values.size() > MOST_RECIPES) {
        throw new SpecException(
            "Cannot use the block in "
                + block.section().place()
                + ": it stands for more than "
                + MOST_RECIPES
                + " combinations, shorten its lists");
      }
      List<Map<String, Value.Entry>> longer = new ArrayList<>();
      for (Map<String, Value.Entry> start : made) {
        for (Value value : values) {
          Map<String, Value.Entry> choice = new LinkedHashMap<>(start);
          choice.put(key, new Value.Entry(block.place(key), value));
          longer.add(choice);
        }
      }
      made = longer;
    }
    return made.stream().map(choice -> new Value.Section(block.section().place(), choice)).toList();
  }

  private Recipe recipe(Value.Section choice) {
    String id = choice.entries().get(METHOD).value().text();
    Method method = plugged(choice, methodDefaults(id).under(choice).record(Methods.all().get(id)));
    Fields fields = top.under(choice);
    return new Recipe(
        method,
        method.usesTargets() ? targets(fields.value(TARGETS)) : Set.of(),
        method.learns() ? rates(top.fields("rates").under(choice)) : Rates.NONE,
        init(fields.value(INIT)),
        method.learns() ? Scalars.word(ADAPTER, fields.value(ADAPTER)) : NO_ADAPTER);
  }

  private Method plugged(Value.Section choice, Method method) {
    Value.Entry plugIn = choice.entries().get(PLUG_IN);
    if (plugIn == null || plugIn.value().text().equals(NO_PLUG_IN) || !method.adaptsLayers()) {
      return method;
    }
    String id = plugIn.value().text();
    return plugInDefaults(id).under(choice).record(Methods.plugIns().get(id), method);
  }

  private static boolean init(Value value) {
    return Scalars.choice(INIT, value, INITS).equals("random");
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
    return new Rates(rate, ratio, isSame ? rate : Scalars.positive(HEAD_RATE, head), grouping);
  }

  /** In decimals, so that 2e-3 / 2e-5 is 100 and not a neighbour of it. */
  private static double quotient(double valueRate, double rate) {
    return BigDecimal.valueOf(valueRate)
        .divide(BigDecimal.valueOf(rate), MathContext.DECIMAL64)
        .doubleValue();
  }

  private static Set<Role> targets(Value value) {
    if (!(value instanceof Value.Items roles)) {
      return Targets.shortNames().get(targetsName(value));
    }
    Map<String, Role> byId =
        Targets.ROLES.stream()
            .collect(Collectors.toMap(Role::id, role -> role, (a, b) -> a, LinkedHashMap::new));
    Set<Role> targets = EnumSet.noneOf(Role.class);
    for (Value role : Fields.itemsOrOne(TARGETS, roles)) {
      targets.add(byId.get(Scalars.choice(TARGETS, role, byId.keySet())));
    }
    return targets;
  }

  private static String targetsName(Value value) {
    boolean isRole = Targets.ROLES.stream().anyMatch(role -> role.id().equals(value.text()));
    if (isRole) {
      throw Scalars.cannotUse(
          TARGETS,
          value,
          "write a set of roles as a list within the list, such as [[query, value]]");
    }
    return Scalars.choice(TARGETS, value, Targets.shortNames().keySet());
  }
}
