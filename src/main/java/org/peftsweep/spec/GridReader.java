package org.peftsweep.spec;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.peftsweep.method.Methods;
import org.peftsweep.search.Domain;
import org.peftsweep.search.Point;
import org.peftsweep.search.Strategy;

/**
 * Reads the blocks of a grid: each key of a block holds one value or a list, and a block stands for
 * all combinations, the key that is written first varying slowest. A combination that an earlier
 * block made already is left out.
 */
final class GridReader {
  private static final String GRID = "grid";
  private static final int MOST_RECIPES = 100_000;

  /** Recipes of a search that are made before any trial, to find faults and to name differences. */
  private static final int MOST_CHECKED = 2_000;

  private final Fields top;
  private final SpecErrors faults;
  private final RecipeReader recipes;
  private final TrainingAxes axes;
  private final boolean isSearched;

  private GridReader(Fields top, TrainingAxes axes, boolean isSearched) {
    this.isSearched = isSearched;
    this.top = top;
    this.axes = axes;
    this.faults = top.faults();
    this.recipes = new RecipeReader(top);
  }

  /** What a grid stands for: its recipes, or those of them that are tried first; each once. */
  record Read(List<Recipe> recipes, Space space) {}

  /**
   * The recipes of {@code grid}.
   *
   * @param search how they are tried
   */
  static Read read(Fields top, TrainingAxes axes, Search search) {
    GridReader reader = new GridReader(top, axes, search.strategy() != Strategy.GRID);
    List<Fields> blocks = top.list(GRID, reader::block);
    return reader.isSearched ? reader.searched(blocks, search) : new Read(reader.all(blocks), null);
  }

  /** Branches of every block, and the points that the strategy begins with. */
  private Read searched(List<Fields> blocks, Search search) {
    Space space = new Space(recipes);
    for (Fields block : blocks) {
      faults.attempt(
          () -> {
            branches(block).forEach(space::add);
            return true;
          });
    }
    faults.throwIfAny();
    Domain domain = space.domain();
    boolean isEndless = domain.size() == Long.MAX_VALUE;
    if (search.trials() == 0 && (isEndless || domain.size() > MOST_RECIPES)) {
      throw new SpecException(
          "Cannot search the grid in "
              + top.place(GRID)
              + " without end: give search.trials, the number of recipes to try");
    }
    int count = search.trials() == 0 ? (int) domain.size() : search.trials();
    List<Point> points;
    if (!search.strategy().isAdaptive()) {
      points = search.strategy().points(domain, count, search.seed());
    } else if (domain.size() <= MOST_CHECKED) {
      points = domain.all();
    } else {
      points = Strategy.SOBOL.points(domain, MOST_CHECKED, search.seed());
    }
    Set<Recipe> made = new LinkedHashSet<>();
    for (Point point : points) {
      faults.attempt(() -> space.recipe(point)).ifPresent(made::add);
    }
    return new Read(List.copyOf(made), space);
  }

  /** Returns a block for each of its methods and plug-ins, with the keys that make sense for it. */
  private List<Fields> branches(Fields block) {
    List<Fields> branches = new ArrayList<>();
    for (Value method : Fields.itemsOrOne(RecipeReader.METHOD, block.value(RecipeReader.METHOD))) {
      List<Value> plugIns =
          block.has(RecipeReader.PLUG_IN)
              ? Fields.itemsOrOne(RecipeReader.PLUG_IN, block.value(RecipeReader.PLUG_IN))
              : List.of();
      for (int i = 0; i < Math.max(1, plugIns.size()); i++) {
        Map<String, Value.Entry> entries = new LinkedHashMap<>(block.section().entries());
        entries.put(RecipeReader.METHOD, new Value.Entry(block.place(RecipeReader.METHOD), method));
        List<String> plugged = new ArrayList<>();
        if (!plugIns.isEmpty()) {
          plugged.add(plugIns.get(i).text());
          entries.put(
              RecipeReader.PLUG_IN,
              new Value.Entry(block.place(RecipeReader.PLUG_IN), plugIns.get(i)));
        }
        Collection<String> allowed = recipes.allowed(List.of(method.text()), plugged);
        if (allowed.contains(Axes.OPTIMIZER)) {
          allowed.addAll(OptimizerReader.settings(top, block));
        }
        entries.keySet().retainAll(allowed);
        branches.add(
            new Fields(
                block.path(),
                new Value.Section(block.section().place(), entries),
                block.source(),
                faults));
      }
    }
    return branches;
  }

  private List<Recipe> all(List<Fields> blocks) {
    BigInteger size =
        blocks.stream().map(GridReader::combinations).reduce(BigInteger.ZERO, BigInteger::add);
    if (size.compareTo(BigInteger.valueOf(MOST_RECIPES)) > 0) {
      throw new SpecException(
          "Cannot use the grid in "
              + top.place(GRID)
              + ": it stands for "
              + size
              + " combinations, shorten its lists until there are at most "
              + MOST_RECIPES);
    }
    Set<Recipe> made = new LinkedHashSet<>();
    for (Fields block : blocks) {
      for (Value.Section choice : choices(block)) {
        faults.attempt(() -> recipes.recipe(choice)).ifPresent(made::add);
      }
    }
    return List.copyOf(made);
  }

  private List<String> plugIns(Fields block) {
    List<String> choices = new ArrayList<>(List.of(RecipeReader.NO_PLUG_IN));
    choices.addAll(Methods.plugIns().keySet());
    List<String> ids = new ArrayList<>();
    if (block.has(RecipeReader.PLUG_IN)) {
      for (Value id : Fields.itemsOrOne(RecipeReader.PLUG_IN, block.value(RecipeReader.PLUG_IN))) {
        ids.add(Scalars.choice(RecipeReader.PLUG_IN, id, choices));
      }
    }
    return ids;
  }

  private Fields block(String grid, Value value) {
    if (!(value instanceof Value.Section section)) {
      throw Scalars.cannotUse(grid, value, "write a block, such as {method: lora, rank: [4, 8]}");
    }
    Fields given = new Fields(grid, section, top.source(), faults);
    if (!given.has(RecipeReader.METHOD)) {
      throw new SpecException(
          "Cannot read the block in " + section.place() + ": it lacks the key method");
    }
    List<String> ids = new ArrayList<>();
    for (Value id : Fields.itemsOrOne(RecipeReader.METHOD, given.value(RecipeReader.METHOD))) {
      ids.add(Scalars.choice(RecipeReader.METHOD, id, Methods.all().keySet()));
    }
    List<String> plugIns = plugIns(given);
    Collection<String> allowed =
        isSearched ? recipes.allowedByAny(ids, plugIns) : recipes.allowed(ids, plugIns);
    given.keys().forEach(key -> requireNoRange(given, key));
    Fields block = axes.added(given, allowed);
    if (allowed.contains(Axes.OPTIMIZER)) {
      allowed.addAll(OptimizerReader.settings(top, block));
    }
    block.allowOnly(
        allowed,
        listed(allowed),
        (ids.size() > 1 ? " with methods " : " with method ")
            + String.join(" and ", ids)
            + (plugIns.isEmpty() ? "" : " and plug-in " + String.join(" and ", plugIns)));
    if (block.has(RecipeReader.RATIO) && block.has(RecipeReader.VALUE_RATE)) {
      faults.add(
          "Cannot use both ratio and value-learning-rate in "
              + block.place(RecipeReader.VALUE_RATE)
              + ": leave one out");
    }
    return block;
  }

  private void requireNoRange(Fields given, String key) {
    if (!isSearched && Space.isRange(given.value(key))) {
      throw Scalars.cannotUse(
          key,
          given.value(key),
          "a grid takes values and lists, give those, or search.strategy random, sobol or tpe");
    }
  }

  /** Keys of training are many and stand in the defaults. */
  private static List<String> listed(Collection<String> allowed) {
    List<String> listed = new ArrayList<>(allowed);
    if (listed.containsAll(RecordFields.names(Training.class))) {
      listed.removeIf(RecipeReader::isOfTraining);
      listed.add("a key of training");
    }
    return listed;
  }

  /** How many recipes a block stands for. */
  private static BigInteger combinations(Fields block) {
    BigInteger size = BigInteger.ONE;
    for (String key : block.keys()) {
      int values = Fields.itemsOrOne(key, block.value(key)).size();
      size = size.multiply(BigInteger.valueOf(values));
    }
    return size;
  }

  private static List<Value.Section> choices(Fields block) {
    List<Map<String, Value.Entry>> made = List.of(Map.of());
    for (String key : block.keys()) {
      List<Map<String, Value.Entry>> longer = new ArrayList<>();
      for (Map<String, Value.Entry> start : made) {
        for (Value value : Fields.itemsOrOne(key, block.value(key))) {
          Map<String, Value.Entry> choice = new LinkedHashMap<>(start);
          choice.put(key, new Value.Entry(block.place(key), value));
          longer.add(choice);
        }
      }
      made = longer;
    }
    return made.stream().map(choice -> new Value.Section(block.section().place(), choice)).toList();
  }
}
