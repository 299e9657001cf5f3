package org.peftsweep.spec;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.apache.hadoop.conf.Configuration;
import org.peftsweep.compute.Backends;
import org.peftsweep.data.Augmentation;
import org.peftsweep.data.FileFaults;
import org.peftsweep.data.Shown;
import org.peftsweep.optim.Optimizer;
import org.peftsweep.optim.Optimizers;

/**
 * Reads sweep files.
 *
 * <p>A file says only what differs from {@code defaults.yaml}, which lies beside it or else is the
 * one in the application's jar; it may extend one other file. Sections are merged key by key, all
 * else is replaced. Nothing has a default in code.
 */
public final class SweepFile {
  private static final String DEFAULTS = "defaults.yaml";
  private static final String PACKED_DEFAULTS = "conf/" + DEFAULTS;
  private static final String EXTENDS = "extends";
  private static final String COMPUTE = "compute";
  private static final String GRID = "grid";
  private static final String AUGMENTATION = "augmentation";
  private static final String ADD = "--add";
  private static final Set<String> WITHOUT_DEFAULT = Set.of("name", "model", "tasks", GRID);
  private static final Pattern NAME = Pattern.compile("[a-z0-9][a-z0-9-]*");

  /** It names a folder, and temporary files beside it have longer names. */
  private static final int LONGEST_NAME = 100;

  private static final long MOST_TRIALS = 1_000_000;

  private final SpecErrors faults = new SpecErrors();
  private final TextSource texts;
  private final Optional<Locations> locations;

  /** Of the file, with its slash. */
  private String folder = "";

  private SweepFile(TextSource texts, Optional<Locations> locations) {
    this.texts = texts;
    this.locations = locations;
  }

  /** Returns every key at the top of a sweep file, in the order of the documentation. */
  public static List<String> keys() {
    List<String> keys =
        new ArrayList<>(
            List.of(
                "name",
                EXTENDS,
                "model",
                "init",
                "adapter",
                "adapter-merge",
                "weights",
                "tasks",
                "seeds"));
    keys.addAll(ProtocolReader.KEYS);
    keys.addAll(SearchReader.KEYS);
    keys.add(GRID);
    keys.add(ClaimReader.CLAIMS);
    keys.addAll(TaskReader.DATA);
    keys.addAll(TaskReader.RETENTIONS);
    keys.addAll(RecordFields.names(TrainSample.class));
    keys.addAll(
        List.of(
            "targets",
            "layers",
            "rates",
            "methods",
            "plug-ins",
            "training",
            "optimizers",
            "per-task",
            "declare-tasks"));
    keys.add(COMPUTE);
    return keys;
  }

  /**
   * Reads a file on local disk or any Hadoop file system, and makes the places of model, data and
   * adapters absolute: executors have working directories of their own.
   *
   * @param overrides values as YAML, by dotted key: {@code training.epochs} to {@code 3}
   * @param added further blocks of the grid as YAML
   * @throws SpecException with every fault of the file, folders that are not there included
   */
  public static Sweep read(
      String location, Map<String, String> overrides, List<String> added, Locations locations) {
    return read(location, overrides, added, locations::text, Optional.of(locations));
  }

  /** The same without further blocks. */
  public static Sweep read(String location, Map<String, String> overrides, Locations locations) {
    return read(location, overrides, List.of(), locations);
  }

  /** The same with the places of model, data and adapters as they are written. */
  public static Sweep read(String location, Map<String, String> overrides, Configuration conf) {
    return read(location, overrides, TextSource.files(conf));
  }

  /** The same with the files of any source. */
  public static Sweep read(String location, Map<String, String> overrides, TextSource texts) {
    return read(location, overrides, List.of(), texts, Optional.empty());
  }

  /**
   * Reads how the best recipe is sought where no file says so: the defaults.
   *
   * @param overrides values as YAML, by dotted key: {@code stopping.eta} to {@code 3}
   */
  public static Search search(Map<String, String> overrides) {
    SweepFile file = new SweepFile(location -> Optional.empty(), Optional.empty());
    Value.Section merged = Packed.DEFAULTS;
    for (Map.Entry<String, String> override : overrides.entrySet()) {
      merged = merged.under(file.override(override.getKey(), override.getValue()));
    }
    Fields fields =
        new Fields(
            "",
            merged,
            new Fields.Source(PACKED_DEFAULTS, PACKED_DEFAULTS, WITHOUT_DEFAULT),
            file.faults);
    fields.allowOnly(keys());
    Optional<Search> search = file.faults.attempt(() -> SearchReader.read(fields));
    file.faults.throwIfAny();
    return search.orElseThrow();
  }

  private static Sweep read(
      String location,
      Map<String, String> overrides,
      List<String> added,
      TextSource texts,
      Optional<Locations> locations) {
    SweepFile file = new SweepFile(texts, locations);
    Fields fields = file.fields(location, overrides, added);
    // A key that stands twice or nowhere would be told again by all that depends on it.
    file.faults.throwIfAny();
    Optional<Sweep> sweep = file.faults.attempt(() -> file.sweep(fields));
    file.faults.throwIfAny();
    return sweep.orElseThrow();
  }

  private Fields fields(String location, Map<String, String> overrides, List<String> added) {
    folder = location.substring(0, location.lastIndexOf('/') + 1);
    Value.Section own = section(location, "Cannot read the sweep file " + Shown.of(location));
    Map<String, String> upper = new LinkedHashMap<>();
    for (Map.Entry<String, String> override : overrides.entrySet()) {
      if (override.getKey().matches(EXTENDS + "(\\..*)?")) {
        own = own.under(override(override.getKey(), override.getValue()));
      } else {
        upper.put(override.getKey(), override.getValue());
      }
    }
    Value.Section merged = own;
    if (own.entries().containsKey(EXTENDS)) {
      Value.Entry entry = own.entries().get(EXTENDS);
      String base = beside(folder, Scalars.word(EXTENDS, entry.value()));
      Value.Section extended =
          section(base, "Cannot use extends = " + base + " in " + entry.place());
      if (extended.entries().containsKey(EXTENDS)) {
        throw new SpecException(
            "Cannot extend "
                + base
                + " in "
                + entry.place()
                + ": it extends another file itself, one level is allowed");
      }
      merged = extended.under(own.without(EXTENDS));
    }
    String beside = folder + DEFAULTS;
    Optional<String> local = text(beside);
    String name = local.isPresent() ? beside : PACKED_DEFAULTS;
    Value.Section defaults =
        local.map(text -> YamlText.file(name, text, faults)).orElseGet(() -> Packed.DEFAULTS);
    if (defaults.entries().containsKey(EXTENDS)) {
      throw new SpecException(
          "Cannot use the key extends in "
              + defaults.entries().get(EXTENDS).place()
              + ": put it into the sweep file");
    }
    merged = defaults.under(merged);
    for (Map.Entry<String, String> override : upper.entrySet()) {
      merged = merged.under(override(override.getKey(), override.getValue()));
    }
    merged = longer(merged, added);
    if (locations.isPresent()) {
      merged = new NamedFolders(locations.get(), faults).found(merged);
    }
    return new Fields("", merged, new Fields.Source(location, name, WITHOUT_DEFAULT), faults);
  }

  /** Adds blocks to the grid. */
  private Value.Section longer(Value.Section top, List<String> added) {
    Value.Entry grid = top.entries().get(GRID);
    if (added.isEmpty() || grid == null || !(grid.value() instanceof Value.Items items)) {
      return top;
    }
    List<Value> blocks = new ArrayList<>(items.items());
    added.forEach(text -> blocks.add(YamlText.value(ADD, text, faults)));
    Map<String, Value.Entry> entries = new LinkedHashMap<>(top.entries());
    entries.put(GRID, new Value.Entry(grid.place(), new Value.Items(items.place(), blocks)));
    return new Value.Section(top.place(), entries);
  }

  private List<Claim> claims(Fields fields) {
    return ClaimReader.of(
        fields.value(ClaimReader.CLAIMS),
        faults,
        (name, place) -> {
          String file = beside(folder, name);
          return section(file, "Cannot use claims = " + Shown.of(file) + " in " + place);
        });
  }

  private static String beside(String folder, String name) {
    return name.matches("(?s)(/|~|\\$\\{|[A-Za-z][A-Za-z0-9+.-]+:).*") ? name : folder + name;
  }

  private Sweep sweep(Fields given) {
    given.allowOnly(keys());
    TrainingAxes axes = TrainingAxes.of(given);
    Fields fields = axes.withoutLists(given);
    Optional<String> name = faults.attempt(() -> name(fields));
    Optional<String> model = faults.attempt(() -> fields.word("model"));
    Optional<TaskReader.Read> data = faults.attempt(() -> TaskReader.read(fields));
    Optional<List<TaskPlan>> tasks = data.map(TaskReader.Read::tasks);
    Optional<Search> search = faults.attempt(() -> SearchReader.read(fields));
    Optional<GridReader.Read> grid =
        faults.attempt(() -> GridReader.read(fields, axes, search.orElse(Search.GRID)));
    Optional<List<Recipe>> recipes = grid.map(GridReader.Read::recipes);
    Optional<List<Claim>> claims = faults.attempt(() -> claims(fields));
    Optional<Execution> execution = faults.attempt(() -> execution(fields));
    Optional<ProtocolReader.Read> protocol =
        faults.attempt(
            () -> ProtocolReader.read(fields, recipes.orElse(List.of()), tasks.orElse(List.of())));
    faults.throwIfAny();
    faults.attempt(
        () -> {
          requireFew(
              fields.source().file(),
              (long) recipes.orElseThrow().size() * tasks.orElseThrow().size(),
              protocol.orElseThrow());
          SearchReader.requireValidation(fields, search.orElseThrow(), tasks.orElseThrow());
          SearchReader.requireRetention(
              fields, search.orElseThrow(), data.orElseThrow().retention());
          requireOptimizers(fields, recipes.orElseThrow(), tasks.orElseThrow());
          requirePrecision(
              fields, execution.orElseThrow(), recipes.orElseThrow(), tasks.orElseThrow());
          requireLabels(fields, recipes.orElseThrow(), tasks.orElseThrow());
          requireSteps(fields.source().file(), recipes.orElseThrow(), tasks.orElseThrow());
          return true;
        });
    faults.throwIfAny();
    return new Sweep(
        name.orElseThrow(),
        model.orElseThrow(),
        recipes.orElseThrow(),
        tasks.orElseThrow(),
        data.orElseThrow().retention(),
        protocol.orElseThrow().seeds(),
        protocol.orElseThrow().protocol(),
        search.orElseThrow(),
        Optional.ofNullable(grid.orElseThrow().space()),
        execution.orElseThrow(),
        claims.orElseThrow(),
        defaults(fields, axes, tasks.orElseThrow()));
  }

  private static SortedMap<String, SortedMap<String, String>> defaults(
      Fields fields, TrainingAxes axes, List<TaskPlan> tasks) {
    SortedMap<String, String> common = new RecipeReader(fields).defaults();
    SortedMap<String, SortedMap<String, String>> defaults = new TreeMap<>();
    for (TaskPlan task : tasks) {
      SortedMap<String, String> own = new TreeMap<>(common);
      RecordFields.of(task.training()).forEach((key, value) -> own.put(key, Axes.text(value)));
      own.keySet().removeAll(axes.lists().keySet());
      defaults.put(task.source().task().name(), own);
    }
    return defaults;
  }

  private static void requirePrecision(
      Fields fields, Execution execution, List<Recipe> recipes, List<TaskPlan> tasks) {
    for (Recipe recipe : recipes) {
      for (TaskPlan task : tasks) {
        Training.Precision precision = task.training().with(recipe.training()).precision();
        if (!Backends.multipliesIn(execution.backend(), precision.factors())) {
          throw new SpecException(
              "Cannot use precision = "
                  + precision.name().toLowerCase(Locale.ROOT)
                  + " with backend = "
                  + execution.backend()
                  + " in "
                  + fields.fields(COMPUTE).place("backend")
                  + ": choose backend = "
                  + String.join(" or ", Backends.multiplying(precision.factors()))
                  + " or precision = fp32");
        }
      }
    }
  }

  private static void requireOptimizers(Fields fields, List<Recipe> recipes, List<TaskPlan> tasks) {
    for (Recipe recipe : recipes) {
      for (TaskPlan task : tasks) {
        Optimizer optimizer = task.training().with(recipe.training()).optimizer();
        if (!recipe.method().takes(optimizer)) {
          throw new SpecException(
              "Cannot use optimizer = "
                  + Optimizers.id(optimizer.getClass())
                  + " with method "
                  + recipe.method().id()
                  + " in "
                  + fields.place("grid")
                  + ": choose "
                  + String.join(" or ", OptimizerReader.takenBy(recipe.method(), fields)));
        }
        if (!optimizer.takesRatios() && recipe.rates().ratio() != 1) {
          throw new SpecException(
              "Cannot use ratio = "
                  + Numbers.text(recipe.rates().ratio())
                  + " with optimizer "
                  + Optimizers.id(optimizer.getClass())
                  + " in "
                  + fields.place("grid")
                  + ": it finds one step size for all, give 1, or another optimizer");
        }
      }
    }
  }

  /** Other words in a prompt or an answer would make the answer a wrong one. */
  private static void requireLabels(Fields fields, List<Recipe> recipes, List<TaskPlan> tasks) {
    for (Recipe recipe : recipes) {
      Augmentation augmentation = recipe.sample().augmentation();
      for (TaskPlan task : tasks) {
        if (augmentation != Augmentation.NONE && task.source().task().isCompletion()) {
          throw new SpecException(
              "Cannot use augmentation = "
                  + augmentation.name().toLowerCase(Locale.ROOT)
                  + " on task "
                  + task.source().task().name()
                  + " in "
                  + fields.place(isOfTop(fields, augmentation) ? AUGMENTATION : GRID)
                  + ": it changes texts that have labels, and this task's answers are texts; give"
                  + " none, or other tasks");
        }
      }
    }
  }

  private static boolean isOfTop(Fields fields, Augmentation augmentation) {
    return fields.value(AUGMENTATION).text().equalsIgnoreCase(augmentation.name());
  }

  /** Copies and both kinds of seeds counted. */
  private static void requireFew(String file, long cells, ProtocolReader.Read protocol) {
    BigInteger evaluations =
        BigInteger.valueOf(protocol.protocol().duplicates())
            .multiply(BigInteger.valueOf(protocol.seeds().size()));
    BigInteger trials =
        evaluations
            .add(BigInteger.valueOf(protocol.protocol().tuningSeeds().size()))
            .multiply(BigInteger.valueOf(cells));
    if (trials.compareTo(BigInteger.valueOf(MOST_TRIALS)) > 0) {
      throw new SpecException(
          "Cannot run " + trials + " trials of " + file + ": give at most " + MOST_TRIALS);
    }
  }

  /** What recipes say of training has to go with what each task says. */
  private static void requireSteps(String file, List<Recipe> recipes, List<TaskPlan> tasks) {
    Set<Map<String, Object>> met = new HashSet<>();
    for (Recipe recipe : recipes) {
      if (recipe.method().learns() && met.add(recipe.training())) {
        for (TaskPlan task : tasks) {
          requireSteps(file, recipe, task);
        }
      }
    }
  }

  private static void requireSteps(String file, Recipe recipe, TaskPlan task) {
    String name = task.source().task().name();
    try {
      if (!task.training().with(recipe.training()).takesSteps()) {
        throw new SpecException(
            "Cannot train %s with %s in %s: epochs and max-steps are 0, give one of them"
                .formatted(name, recipe.training(), file));
      }
    } catch (IllegalArgumentException e) {
      throw new SpecException(
          e.getMessage().replaceFirst(": ", " on task " + name + " in " + file + ": "), e);
    }
  }

  /** Returns a name that can be that of a folder beside others. */
  static String name(Fields fields) {
    String name = fields.word("name");
    if (name.length() > LONGEST_NAME) {
      throw Scalars.cannotUse(
          "name", fields.value("name"), "give at most " + LONGEST_NAME + " characters");
    }
    if (!NAME.matcher(name).matches()) {
      throw Scalars.cannotUse(
          "name", fields.value("name"), "use lower-case letters, digits and hyphens");
    }
    return name;
  }

  private static Execution execution(Fields fields) {
    Fields compute = fields.fields(COMPUTE);
    compute.allowOnly(RecordFields.names(Execution.class));
    return compute.record(Execution.class);
  }

  private Value.Section override(String dotted, String text) {
    String place = "--set " + dotted;
    List<String> keys = List.of(dotted.split("\\.", -1));
    if (keys.stream().anyMatch(String::isBlank)) {
      throw new SpecException(
          "Cannot use " + place + ": give a key and a value, such as training.epochs=3");
    }
    Value value = YamlText.value(place, text, faults);
    for (int i = keys.size() - 1; i >= 0; i--) {
      Map<String, Value.Entry> entry = new LinkedHashMap<>();
      entry.put(keys.get(i), new Value.Entry(place, value));
      value = new Value.Section(place, entry);
    }
    return (Value.Section) value;
  }

  private Value.Section section(String location, String cannot) {
    String text =
        text(location).orElseThrow(() -> new SpecException(cannot + ": there is no such file"));
    return YamlText.file(location, text, faults);
  }

  private Optional<String> text(String location) {
    try {
      return texts.read(location).map(text -> text.startsWith("\uFEFF") ? text.substring(1) : text);
    } catch (IOException e) {
      throw FileFaults.cannot("read", location, e);
    }
  }

  /** The defaults in the jar, read once. */
  private static final class Packed {
    static final Value.Section DEFAULTS = read();

    private static Value.Section read() {
      SpecErrors faults = new SpecErrors();
      Value.Section defaults = YamlText.file(PACKED_DEFAULTS, text(), faults);
      faults.throwIfAny();
      return defaults;
    }

    private static String text() {
      try (InputStream stream =
          SweepFile.class.getClassLoader().getResourceAsStream(PACKED_DEFAULTS)) {
        if (stream == null) {
          throw new IllegalStateException("Cannot find " + PACKED_DEFAULTS + " in the jar");
        }
        return new String(stream.readAllBytes(), StandardCharsets.UTF_8);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }
}
