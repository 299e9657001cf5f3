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

/**
 * Reads the blocks of a grid: each key of a block holds one value or a list, and a block stands for
 * all combinations, the key that is written first varying slowest. A combination that an earlier
 * block made already is left out.
 */
final class GridReader {
  private static final String GRID = "grid";
  private static final int MOST_RECIPES = 100_000;

  private final Fields top;
  private final SpecErrors faults;
  private final RecipeReader recipes;
  private final TrainingAxes axes;

  private GridReader(Fields top, TrainingAxes axes) {
    this.top = top;
    this.axes = axes;
    this.faults = top.faults();
    this.recipes = new RecipeReader(top);
  }

  /** The recipes of {@code grid}, each once. */
  static List<Recipe> read(Fields top, TrainingAxes axes) {
    GridReader reader = new GridReader(top, axes);
    List<Fields> blocks = top.list(GRID, reader::block);
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
    Set<Recipe> recipes = new LinkedHashSet<>();
    for (Fields block : blocks) {
      for (Value.Section choice : choices(block)) {
        reader.faults.attempt(() -> reader.recipes.recipe(choice)).ifPresent(recipes::add);
      }
    }
    return List.copyOf(recipes);
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
    Collection<String> allowed = recipes.allowed(ids, plugIns);
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
