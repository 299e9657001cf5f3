package org.peftsweep.spec;

import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.function.BiFunction;
import org.peftsweep.data.FileFaults;
import org.peftsweep.data.Shown;
import org.peftsweep.method.Methods;
import org.peftsweep.optim.Rates;

/**
 * Reads statements: the key {@code claims} of a sweep file, or of a file of its own. An item is a
 * statement, or the name of a file beside this one whose statements are meant.
 */
public final class ClaimReader {
  /** The key of a file. */
  static final String CLAIMS = "claims";

  private static final String NAME = "name";
  private static final String SOURCE = "source";
  private static final String FIRST = "first";
  private static final String SECOND = "second";
  private static final String TASKS = "tasks";
  private static final String MEASURE = "measure";
  private static final String SAYS = "says";
  private static final String BY = "by";
  private static final String MARGIN = "margin";
  private static final String BEST_OF = "best-of";
  private static final String LESS = "less";
  private static final String TOGETHER = "together";
  private static final String PAPER = "paper";
  private static final String REMARK = "remark";
  private static final List<String> KEYS =
      List.of(
          NAME, SOURCE, FIRST, SECOND, TASKS, MEASURE, SAYS, BY, MARGIN, BEST_OF, LESS, TOGETHER,
          PAPER, REMARK);

  /** One point of a score × 100, and a quarter more or less of what is compared by factors. */
  private static final double POINT = 1;

  private static final double QUARTER = 1.25;

  private final SpecErrors faults;
  private final SortedSet<String> axes = axes();

  private ClaimReader(SpecErrors faults) {
    this.faults = faults;
  }

  /**
   * Reads the statements of a file, whatever else it says.
   *
   * @throws SpecException with every fault of them
   */
  public static List<Claim> read(String location, TextSource texts) {
    SpecErrors faults = new SpecErrors();
    Value.Section file = file(location, "", texts, faults);
    if (!file.entries().containsKey(CLAIMS)) {
      throw new SpecException("Cannot read " + Shown.of(location) + ": it lacks the key " + CLAIMS);
    }
    Value value = file.entries().get(CLAIMS).value();
    Optional<List<Claim>> claims =
        faults.attempt(
            () ->
                of(
                    value,
                    faults,
                    (name, place) -> file(beside(location, name), place, texts, faults)));
    faults.throwIfAny();
    return claims.orElseThrow();
  }

  private static Value.Section file(
      String location, String place, TextSource texts, SpecErrors faults) {
    try {
      String text =
          texts
              .read(location)
              .orElseThrow(
                  () ->
                      new SpecException(
                          "Cannot read the statements of "
                              + Shown.of(location)
                              + (place.isEmpty() ? "" : " in " + place)
                              + ": there is no such file"));
      return YamlText.file(location, text, faults);
    } catch (IOException e) {
      throw FileFaults.cannot("read", location, e);
    }
  }

  private static String beside(String location, String name) {
    return name.startsWith("/")
        ? name
        : location.substring(0, location.lastIndexOf('/') + 1) + name;
  }

  /**
   * Reads a list of statements.
   *
   * @param files gives the file of a name that stands at a place
   */
  static List<Claim> of(
      Value value, SpecErrors faults, BiFunction<String, String, Value.Section> files) {
    if (!(value instanceof Value.Items items)) {
      throw Scalars.cannotUse(CLAIMS, value, "give a list of statements");
    }
    ClaimReader reader = new ClaimReader(faults);
    List<Claim> claims = new ArrayList<>();
    for (Value item : items.items()) {
      if (item instanceof Value.Section section) {
        faults.attempt(() -> reader.claim(section)).ifPresent(claims::add);
      } else {
        String name = Scalars.word(CLAIMS, item);
        Value.Entry own = files.apply(name, item.place()).entries().get(CLAIMS);
        if (own == null || !(own.value() instanceof Value.Items others)) {
          throw Scalars.cannotUse(CLAIMS, item, "name a file with a list of claims");
        }
        for (Value other : others.items()) {
          if (!(other instanceof Value.Section section)) {
            throw Scalars.cannotUse(
                CLAIMS, other, "write statements there, names go one level deep");
          }
          faults.attempt(() -> reader.claim(section)).ifPresent(claims::add);
        }
      }
    }
    return claims;
  }

  private Claim claim(Value.Section section) {
    Fields fields = new Fields(CLAIMS, section, new Fields.Source("", "", Set.of()), faults);
    fields.allowOnly(KEYS);
    for (String key : List.of(NAME, SOURCE, FIRST, SECOND, SAYS)) {
      if (!fields.has(key)) {
        throw new SpecException(
            "Cannot read the statement in " + section.place() + ": it lacks the key " + key);
      }
    }
    Claim.Measure measure =
        fields.has(MEASURE)
            ? (Claim.Measure) Scalars.constant(Claim.Measure.class, MEASURE, fields.value(MEASURE))
            : Claim.Measure.SCORE;
    Claim claim =
        new Claim(
            fields.word(NAME),
            fields.word(SOURCE),
            side(fields, FIRST),
            side(fields, SECOND),
            words(fields, TASKS, Scalars::word),
            measure,
            (Claim.Says) Scalars.constant(Claim.Says.class, SAYS, fields.value(SAYS)),
            number(fields, BY, measure.isFactor() ? 1 : 0, measure.isFactor()),
            number(fields, MARGIN, measure.isFactor() ? QUARTER : POINT, true),
            words(fields, BEST_OF, this::axis),
            less(fields),
            words(fields, TOGETHER, this::axis),
            paper(fields),
            fields.has(REMARK) ? fields.word(REMARK) : null);
    if (measure.isFactor() && claim.margin() < 1) {
      throw Scalars.cannotUse(MARGIN, fields.value(MARGIN), "give a factor of at least 1");
    }
    if (claim.first().equals(claim.second())) {
      throw Scalars.cannotUse(SECOND, fields.value(SECOND), "name what is not in first");
    }
    return claim;
  }

  private static double number(Fields fields, String key, double missing, boolean isPositive) {
    return !fields.has(key)
        ? missing
        : isPositive
            ? Scalars.positive(key, fields.value(key))
            : Scalars.number(key, fields.value(key));
  }

  private static List<String> words(
      Fields fields, String key, BiFunction<String, Value, String> read) {
    return fields.has(key)
        ? Fields.itemsOrOne(key, fields.value(key)).stream()
            .map(value -> read.apply(key, value))
            .toList()
        : List.of();
  }

  private String axis(String key, Value value) {
    return Scalars.choice(key, value, axes);
  }

  private Map<String, List<String>> side(Fields fields, String key) {
    Map<String, List<String>> side = new LinkedHashMap<>();
    Fields given = fields.fields(key);
    given.allowOnly(axes);
    given
        .section()
        .entries()
        .forEach(
            (axis, entry) -> {
              List<String> values = new ArrayList<>();
              for (Value value : Fields.itemsOrOne(axis, entry.value())) {
                values.add(value(axis, value));
              }
              side.put(axis, List.copyOf(values));
            });
    if (side.isEmpty()) {
      throw Scalars.cannotUse(key, fields.value(key), "name a setting, such as targets: qv");
    }
    return side;
  }

  private static String value(String axis, Value value) {
    return axis.equals(Axes.METHOD)
        ? Scalars.choice(axis, value, methods())
        : Scalars.text(axis, value);
  }

  private Map<String, String> less(Fields fields) {
    Map<String, String> less = new LinkedHashMap<>();
    if (fields.has(LESS)) {
      side(fields, LESS)
          .forEach(
              (axis, values) -> {
                if (values.size() > 1) {
                  throw Scalars.cannotUse(
                      axis, fields.fields(LESS).value(axis), "give one value to compare with");
                }
                less.put(axis, values.get(0));
              });
    }
    return less;
  }

  private static Map<String, Double> paper(Fields fields) {
    Map<String, Double> paper = new LinkedHashMap<>();
    if (fields.has(PAPER)) {
      Fields figures = fields.fields(PAPER);
      figures.keys().forEach(task -> paper.put(task, Scalars.number(task, figures.value(task))));
    }
    return paper;
  }

  private static SortedSet<String> methods() {
    SortedSet<String> methods = new TreeSet<>(Methods.all().keySet());
    for (String plugIn : Methods.plugIns().keySet()) {
      Methods.all().keySet().forEach(method -> methods.add(method + "+" + plugIn));
    }
    return methods;
  }

  /** All that trials may differ in. */
  private static SortedSet<String> axes() {
    SortedSet<String> axes = new TreeSet<>(Axes.ALWAYS);
    Methods.all().values().forEach(type -> axes.addAll(RecordFields.names(type)));
    Methods.plugIns().values().forEach(type -> axes.addAll(RecordFields.names(type)));
    axes.addAll(RecordFields.names(Training.class));
    axes.addAll(RecordFields.names(TrainSample.class));
    axes.addAll(RecordFields.names(Rates.class));
    axes.addAll(RecordFields.ofOptimizers());
    return axes;
  }
}
