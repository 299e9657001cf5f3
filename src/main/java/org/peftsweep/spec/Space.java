package org.peftsweep.spec;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.SortedMap;
import org.peftsweep.search.Dimension;
import org.peftsweep.search.Domain;
import org.peftsweep.search.Point;
import org.yaml.snakeyaml.nodes.Tag;

/**
 * The blocks of a grid as a domain to search: each block and method is a branch with the keys that
 * make sense for it, and a key's list or range is a dimension.
 */
public final class Space {
  private static final String FROM = "from";
  private static final String TO = "to";
  private static final String SCALE = "scale";

  /**
   * A key that varies.
   *
   * @param values of a list, rising where they are numbers; empty for a range
   */
  private record Axis(Dimension dimension, Value.Entry entry, List<Value> values) {
    Value value(double place) {
      if (!values.isEmpty()) {
        return values.get(dimension.index(place));
      }
      double value = dimension.value(place);
      return new Value.Scalar(
          entry.place(), Numbers.text(value), true, dimension.isWhole() ? Tag.INT : Tag.FLOAT);
    }

    /** Returns the place of what a trial has; nothing where it is none of this axis. */
    OptionalDouble place(String text) {
      for (int i = 0; i < values.size(); i++) {
        if (Axes.areSame(values.get(i).text(), text)) {
          return OptionalDouble.of((i + 0.5) / values.size());
        }
      }
      if (values.isEmpty() && Scalars.isNumber(text)) {
        double number = Double.parseDouble(text);
        if (number >= dimension.from() && number <= dimension.to()) {
          return OptionalDouble.of(dimension.place(number));
        }
      }
      return OptionalDouble.empty();
    }
  }

  /** A block with one method. */
  private record Branch(Value.Section fixed, List<Axis> axes) {}

  private final List<Branch> branches = new ArrayList<>();
  private final RecipeReader recipes;

  Space(RecipeReader recipes) {
    this.recipes = recipes;
  }

  /** Whether a value of a block is a range. */
  static boolean isRange(Value value) {
    return value instanceof Value.Section section
        && (section.entries().containsKey(FROM) || section.entries().containsKey(TO));
  }

  /**
   * Adds a branch.
   *
   * @param fields a block with one method and one plug-in, or none
   */
  void add(Fields fields) {
    Map<String, Value.Entry> fixed = new LinkedHashMap<>();
    List<Axis> axes = new ArrayList<>();
    for (String key : fields.keys()) {
      Value value = fields.value(key);
      Value.Entry entry = new Value.Entry(fields.place(key), value);
      if (isRange(value)) {
        axes.add(new Axis(range(key, fields.fields(key)), entry, List.of()));
        continue;
      }
      List<Value> values = new ArrayList<>(Fields.itemsOrOne(key, value));
      if (values.size() == 1) {
        fixed.put(key, new Value.Entry(entry.place(), values.get(0)));
        continue;
      }
      boolean areNumbers = values.stream().allMatch(v -> Scalars.isNumber(v.text()));
      if (areNumbers) {
        values.sort(Comparator.comparingDouble(v -> Double.parseDouble(v.text())));
      }
      axes.add(new Axis(Dimension.list(key, areNumbers, values.size()), entry, values));
    }
    branches.add(new Branch(new Value.Section(fields.section().place(), fixed), axes));
  }

  private static Dimension range(String key, Fields range) {
    range.allowOnly(List.of(FROM, TO, SCALE), " of a range");
    double from = Scalars.number(FROM, range.value(FROM, "give " + key + " a lowest value"));
    double to = Scalars.number(TO, range.value(TO, "give " + key + " a highest value"));
    boolean isLog =
        range.has(SCALE)
            && Scalars.choice(SCALE, range.value(SCALE), List.of("linear", "log")).equals("log");
    if (from >= to) {
      throw Scalars.cannotUse(TO, range.value(TO), "give more than from = " + Numbers.text(from));
    }
    if (isLog && from <= 0) {
      throw Scalars.cannotUse(
          FROM, range.value(FROM), "a logarithmic range needs more than 0, or scale linear");
    }
    boolean isWhole =
        List.of(range.value(FROM), range.value(TO)).stream()
            .allMatch(v -> v.text().matches("[-+]?[0-9]+"));
    return Dimension.range(key, from, to, isLog, isWhole);
  }

  /** Returns what may be tried. */
  public Domain domain() {
    return new Domain(
        branches.stream()
            .map(branch -> branch.axes().stream().map(Axis::dimension).toList())
            .toList());
  }

  /** Returns the recipe that a point stands for. */
  public Recipe recipe(Point point) {
    Branch branch = branches.get(point.branch());
    Map<String, Value.Entry> choice = new LinkedHashMap<>(branch.fixed().entries());
    for (int i = 0; i < branch.axes().size(); i++) {
      Axis axis = branch.axes().get(i);
      choice.put(
          axis.dimension().name(),
          new Value.Entry(axis.entry().place(), axis.value(point.places().get(i))));
    }
    return recipes.recipe(new Value.Section(branch.fixed().place(), choice));
  }

  /**
   * Returns the point that stands for a trial's method, targets and rates, whatever its task, base
   * and seed, and where a block says nothing of it its training.
   */
  public Optional<Point> point(Trial trial) {
    SortedMap<String, String> axes = Axes.of(trial);
    for (int b = 0; b < branches.size(); b++) {
      Branch branch = branches.get(b);
      List<Double> places = new ArrayList<>();
      for (Axis axis : branch.axes()) {
        String text = axes.get(axis.dimension().name());
        OptionalDouble place = text == null ? OptionalDouble.empty() : axis.place(text);
        place.ifPresent(places::add);
      }
      String method = branch.fixed().entries().get(RecipeReader.METHOD).value().text();
      Value.Entry plugIn = branch.fixed().entries().get(RecipeReader.PLUG_IN);
      boolean isPlain = plugIn == null || plugIn.value().text().equals(RecipeReader.NO_PLUG_IN);
      String id = isPlain ? method : method + "+" + plugIn.value().text();
      if (places.size() == branch.axes().size() && id.equals(trial.methodId())) {
        Point point = domain().canonical(new Point(b, places));
        Recipe recipe = recipe(point);
        if (recipe.method().equals(trial.method())
            && recipe.rates().equals(trial.rates())
            && recipe.targets().equals(trial.targets())) {
          return Optional.of(point);
        }
      }
    }
    return Optional.empty();
  }
}
