package org.peftsweep.spec;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.peftsweep.data.Completion;
import org.peftsweep.data.Metric;
import org.peftsweep.data.Task;
import org.peftsweep.data.Tasks;

/** Reads which tasks a sweep has, where their examples lie and how all methods train on them. */
final class TaskReader {
  static final List<String> DATA =
      List.of("data", "train-limit", "validation-fraction", "data-seed", "skip-bad-rows");

  private static final String RETENTION = "retention";
  private static final String RETENTION_LIMIT = "retention-limit";

  /** What is measured beside the score. */
  static final List<String> RETENTIONS = List.of(RETENTION, RETENTION_LIMIT);

  private static final String NONE = "none";

  /**
   * What was read.
   *
   * @param retention texts whose loss is measured beside the score, or none
   */
  record Read(List<TaskPlan> tasks, TaskSource retention) {}

  /** How a declared task's parts are found and read. */
  private static final List<String> PARTS = List.of("evaluation-sets", "quotes", "dev-fraction");

  private static final List<String> DECLARATION =
      Stream.concat(Stream.of("text-columns", "label-column", "labels", "metrics"), PARTS.stream())
          .toList();

  private static final Pattern NAME = Pattern.compile("[\\p{L}\\p{N}][\\p{L}\\p{N} ._-]*");

  /** Of train, where a declared task has neither a file of dev nor a fraction of its own. */
  private static final double DEV_FRACTION = 0.2;

  private final Fields top;
  private final SpecErrors faults;
  private final Map<String, Task> known = new LinkedHashMap<>();

  /** Declared, with a fault: not to be taken for unknown too. */
  private final Set<String> faulty = new LinkedHashSet<>();

  private TaskReader(Fields top) {
    this.top = top;
    this.faults = top.faults();
  }

  static Read read(Fields top) {
    TaskReader reader = new TaskReader(top);
    Tasks.all().forEach(task -> reader.known.put(task.name(), task));
    reader.readDeclared();
    reader.checkTraining();
    List<TaskPlan> tasks = top.list("tasks", reader::plan);
    return new Read(
        tasks, reader.faults.attempt(() -> reader.retention(tasks)).orElse(TaskSource.NONE));
  }

  private TaskSource retention(List<TaskPlan> tasks) {
    Value value = top.value(RETENTION);
    int limit = Scalars.whole(RETENTION_LIMIT, top.value(RETENTION_LIMIT));
    if (limit < 0) {
      throw Scalars.cannotUse(
          RETENTION_LIMIT, top.value(RETENTION_LIMIT), "give a whole number of at least 0");
    }
    if (value.text().equals(NONE)) {
      return TaskSource.NONE;
    }
    if (faulty.contains(value.text())) {
      throw new SpecException(List.of());
    }
    List<String> texts = new ArrayList<>(List.of(NONE));
    known.values().stream().filter(Task::isCompletion).map(Task::name).forEach(texts::add);
    Task task = known.get(Scalars.choice(RETENTION, value, texts));
    for (TaskPlan plan : tasks) {
      Task learned = plan.source().task();
      if (!learned.isCompletion()) {
        throw Scalars.cannotUse(
            RETENTION,
            value,
            "task "
                + learned.name()
                + " trains a head for labels, which tells no next tokens; give tasks of texts and"
                + " a decoder, or leave retention out");
      }
    }
    return source(task, value, top.under(own(task, value))).reported(limit);
  }

  private void readDeclared() {
    Fields declared = top.fields("declare-tasks");
    for (String name : declared.keys()) {
      faults
          .attempt(() -> declared(name, declared))
          .ifPresentOrElse(task -> known.putIfAbsent(name, task), () -> faulty.add(name));
    }
  }

  private Task declared(String name, Fields all) {
    if (known.containsKey(name)) {
      throw new SpecException(
          "Cannot declare the task "
              + name
              + " in "
              + all.place(name)
              + ": a known task has that name, choose another");
    }
    if (!NAME.matcher(name).matches()) {
      throw new SpecException(
          "Cannot declare the task "
              + name
              + " in "
              + all.place(name)
              + ": it names a folder too, use letters, digits, hyphens, dots and spaces");
    }
    Fields fields = all.fields(name);
    if (CompletionReader.isCompletion(fields)) {
      return ofTexts(name, fields);
    }
    fields.allowOnly(DECLARATION);
    for (String key : List.of("text-columns", "label-column", "metrics")) {
      if (!fields.has(key)) {
        throw new SpecException(
            "Cannot declare the task "
                + name
                + " in "
                + all.place(name)
                + ": it lacks the key "
                + key);
      }
    }
    List<String> texts = fields.list("text-columns", Scalars::word);
    List<String> labels = fields.has("labels") ? fields.list("labels", Scalars::text) : List.of();
    List<Metric> metrics = metrics(fields);
    if (fields.value("label-column") instanceof Value.Items several) {
      throw Scalars.cannotUse(
          "label-column", several, "multi-label tasks are not supported, name one column");
    }
    String label = fields.word("label-column");
    return task(fields, name, texts, label, labels, metrics, Completion.NONE);
  }

  /** A task whose rows are texts to be written. */
  private Task ofTexts(String name, Fields fields) {
    List<String> keys = new ArrayList<>(CompletionReader.KEYS);
    keys.addAll(PARTS);
    keys.add("metrics");
    fields.allowOnly(keys);
    CompletionReader.Columns columns = CompletionReader.read(fields);
    List<Metric> metrics =
        fields.has("metrics") ? metrics(fields) : CompletionReader.metrics(columns.completion());
    return task(
        fields,
        name,
        columns.texts(),
        columns.labelColumn(),
        List.of(),
        metrics,
        columns.completion());
  }

  private static List<Metric> metrics(Fields fields) {
    return fields.list(
        "metrics", (key, value) -> (Metric) Scalars.constant(Metric.class, key, value));
  }

  private Task task(
      Fields fields,
      String name,
      List<String> texts,
      String label,
      List<String> labels,
      List<Metric> metrics,
      Completion completion) {
    List<String> sets =
        fields.has("evaluation-sets")
            ? fields.list("evaluation-sets", Scalars::word)
            : List.of("dev");
    boolean quotes = fields.has("quotes") && Scalars.flag("quotes", fields.value("quotes"));
    double fraction =
        fields.has("dev-fraction")
            ? Scalars.number("dev-fraction", fields.value("dev-fraction"))
            : DEV_FRACTION;
    if (!faults.isEmpty()) {
      throw new SpecException(List.of());
    }
    return fields.guarded(
        () -> new Task(name, texts, label, labels, metrics, sets, quotes, fraction, completion));
  }

  /** Unknown keys, and values that tasks override, are faults too. */
  private void checkTraining() {
    List<String> trainingKeys = RecordFields.names(Training.class);
    faults.attempt(() -> top.fields("training")).ifPresent(f -> f.allowOnly(trainingKeys));
    faults.attempt(() -> OptimizerReader.training(top, top.fields("training")));
    List<String> taskKeys = new ArrayList<>(trainingKeys);
    taskKeys.addAll(DATA);
    Fields perTask = top.fields("per-task");
    Set<String> tasks = new LinkedHashSet<>(known.keySet());
    tasks.addAll(faulty);
    perTask.allowOnly(tasks);
    for (String task : perTask.keys()) {
      faults.attempt(() -> perTask.fields(task)).ifPresent(f -> f.allowOnly(taskKeys));
    }
  }

  private TaskPlan plan(String key, Value value) {
    if (faulty.contains(value.text())) {
      throw new SpecException(List.of());
    }
    Task task = known.get(Scalars.choice(key, value, known.keySet()));
    Value.Section own = own(task, value);
    Training training = training(top, top.fields("training").under(own));
    return new TaskPlan(source(task, value, top.under(own)), training);
  }

  /** Returns what the file says of this task alone. */
  private Value.Section own(Task task, Value value) {
    Fields perTask = top.fields("per-task");
    return perTask.has(task.name())
        ? perTask.fields(task.name()).section()
        : new Value.Section(value.place(), Map.of());
  }

  private static Training training(Fields top, Fields fields) {
    Training training = OptimizerReader.training(top, fields);
    if (!training.takesSteps()) {
      throw Scalars.cannotUse(
          "epochs",
          fields.value("epochs"),
          "give a number above 0, or a block of method untrained");
    }
    return training;
  }

  private static TaskSource source(Task task, Value name, Fields fields) {
    String location = fields.word("data");
    boolean isBuiltIn = Tasks.isBuiltIn(task);
    if (!isBuiltIn && location.equals(TaskSource.BUILT_IN)) {
      throw new SpecException(
          "Cannot read task "
              + task.name()
              + " in "
              + name.place()
              + " from data = builtin: give the folder that holds its files");
    }
    int limit = Scalars.whole("train-limit", fields.value("train-limit"));
    double fraction = Scalars.number("validation-fraction", fields.value("validation-fraction"));
    long seed = Scalars.longWhole("data-seed", fields.value("data-seed"));
    boolean skips = Scalars.flag("skip-bad-rows", fields.value("skip-bad-rows"));
    return fields.guarded(
        () ->
            new TaskSource(
                task,
                isBuiltIn ? TaskSource.BUILT_IN : location,
                "",
                limit,
                fraction,
                seed,
                skips));
  }
}
