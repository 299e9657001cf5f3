package org.peftsweep.results;

import static org.peftsweep.results.ColumnType.DOUBLE;
import static org.peftsweep.results.ColumnType.INT;
import static org.peftsweep.results.ColumnType.LONG;
import static org.peftsweep.results.ColumnType.NUMBERS;
import static org.peftsweep.results.ColumnType.TEXT;
import static org.peftsweep.results.ColumnType.TEXTS;
import static org.peftsweep.results.ColumnType.TIMESTAMP;

import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.peftsweep.compute.GpuReading;
import org.peftsweep.method.Method;
import org.peftsweep.method.Methods;
import org.peftsweep.method.PlugIn;
import org.peftsweep.optim.Optimizer;
import org.peftsweep.optim.Optimizers;
import org.peftsweep.spec.Targets;
import org.peftsweep.spec.Trial;
import org.peftsweep.train.Outcome;
import org.peftsweep.train.Outcome.CurvePoint;

/** The columns of {@code trials}. */
final class TrialColumns {
  /** Version of what columns mean; a row with another version may lack columns. */
  private static final int SCHEMA_VERSION = 2;

  private final List<Column<TrialRow>> columns = new ArrayList<>();

  private TrialColumns() {}

  static List<Column<TrialRow>> all() {
    TrialColumns all = new TrialColumns();
    all.identity();
    all.question();
    all.scores();
    all.cost();
    all.provenance();
    return all.columns;
  }

  private void identity() {
    required("sweep", TEXT, "name of the sweep", TrialRow::sweep);
    required("id", TEXT, "hash of all that decides the result", TrialRow::id);
    required("attempt", INT, "how often the sweep has tried it", TrialRow::attempt);
    required(
        "title",
        TEXT,
        "the trial for a reader's eye; no two of a sweep are the same",
        TrialRow::title);
    required(
        "status",
        TEXT,
        "finished, diverged, oom, timeout, invalid, failed, or stopped early",
        r -> TrialFile.word(r.outcome().status()));
    outcome(
        "reason",
        TEXT,
        "why it is not finished, or finished without a score, in one sentence",
        Outcome::reason);
    optional(
        "rung",
        INT,
        "of a stopped trial, where it was compared with others, from 0; its state is kept",
        TrialRow::rung);
    optional("stack_trace", TEXT, "of the failure", TrialRow::stackTrace);
  }

  private void question() {
    trial("method", TEXT, "id of the method, lora+ist with a plug-in", Trial::methodId);
    trial("method_label", TEXT, "the method as the papers write it", Trial::methodLabel);
    trial(
        "plug_in",
        TEXT,
        "id of what is plugged into the method, null for nothing",
        t -> t.method() instanceof PlugIn ? Methods.id(t.method().getClass()) : null);
    optional("rank", INT, "of low-rank methods", r -> setting(r, "rank", Integer.class));
    optional("alpha", DOUBLE, "numerator of their scale", r -> setting(r, "alpha", Double.class));
    optional("dropout", DOUBLE, "of the method's input", r -> setting(r, "dropout", Double.class));
    trial("settings", TEXTS, "all settings of the method", t -> settings(t.method()));
    trial(
        "targets",
        TEXT,
        "adapted matrices: qv is query and value; longer sets joined by +; null for none",
        t -> t.targets().isEmpty() ? null : Targets.name(t.targets()));
    trial(
        "layers",
        TEXT,
        "whose matrices those are: all, or ranges from 0 up, 0-2+6; null for no targets",
        t -> t.targets().isEmpty() ? null : t.layers().toString());
    trial("learning_rate", DOUBLE, "η, of query and key", t -> t.rates().learningRate());
    trial("ratio", DOUBLE, "λ: rate of value over rate of query and key", t -> t.rates().ratio());
    trial(
        "value_learning_rate",
        DOUBLE,
        "λη, of value",
        t -> t.rates().learningRate() * t.rates().ratio());
    trial("head_learning_rate", DOUBLE, "of the head", t -> t.rates().headLearningRate());
    trial("grouping", TEXT, "which tensors follow which rate", t -> word(t.rates().grouping()));
    trial("task", TEXT, "name of the task", t -> t.task().task().name());
    trial("data", TEXT, "where its examples come from", t -> t.task().location());
    trial(
        "data_hash",
        TEXT,
        "SHA-256 over the examples, before train_fraction and augmentation",
        t -> t.task().contentHash());
    trial("train_limit", INT, "training examples at most, 0 for all", t -> t.task().trainLimit());
    trial(
        "train_fraction",
        DOUBLE,
        "part of these that the trial learns from",
        t -> t.task().sample().trainFraction());
    trial(
        "augmentation",
        TEXT,
        "none, or how changed copies of these are made: deletion, swap, synonyms",
        t -> word(t.task().sample().augmentation()));
    trial(
        "augmentation_rate",
        DOUBLE,
        "part of the words of a text that is changed in a copy",
        t -> t.task().sample().augmentationRate());
    trial(
        "augmentation_copies",
        INT,
        "changed copies of each example",
        t -> t.task().sample().augmentationCopies());
    trial("model", TEXT, "where the base model comes from", t -> t.model().location());
    trial(
        "model_hash",
        TEXT,
        "SHA-256 over configuration, weights and tokenizer",
        t -> t.model().contentHash());
    trial(
        "init",
        TEXT,
        "pretrained, or random: weights drawn from the seed",
        t -> t.model().randomInit() ? "random" : "pretrained");
    trial(
        "adapter",
        TEXT,
        "PEFT adapter that training starts from, null for none",
        t -> t.model().adapter().isNone() ? null : t.model().adapter().location());
    trial(
        "weights",
        TEXT,
        "fp32, bf16, int8 or nf4: how matrices of the base that do not learn are stored",
        t -> word(t.model().weights()));
    trial("epochs", DOUBLE, "passes over train asked for", t -> t.training().epochs());
    trial("max_steps", INT, "steps asked for, 0 to go by epochs", t -> t.training().maxSteps());
    trial("batch", INT, "examples a forward and backward pass", t -> t.training().batch());
    trial("accumulate", INT, "passes a step", t -> t.training().accumulate());
    trial("max_tokens", INT, "longest input, in tokens", t -> t.training().maxTokens());
    trial(
        "pad", TEXT, "longest, or max: what rows are filled up to", t -> word(t.training().pad()));
    trial(
        "bucket_batches",
        INT,
        "batches within which examples are sorted by length",
        t -> t.training().bucketBatches());
    trial("schedule", TEXT, "of the learning rate", t -> word(t.training().schedule()));
    trial(
        "warmup_fraction",
        DOUBLE,
        "part of all steps in which the rates rise",
        t -> t.training().warmupFraction());
    trial(
        "clip",
        DOUBLE,
        "gradient norm at which gradients are cut, 0 for never",
        t -> t.training().clip());
    trial("weight_decay", DOUBLE, "decoupled, times the rate", t -> t.training().weightDecay());
    trial(
        "optimizer",
        TEXT,
        "id of the optimizer",
        t -> Optimizers.id(t.training().optimizer().getClass()));
    trial(
        "optimizer_settings",
        TEXT,
        "all settings of the optimizer: beta1=0.9 beta2=0.99",
        t -> optimizerSettings(t.training().optimizer()));
    trial(
        "evaluate_every",
        INT,
        "steps between evaluations, 0 for once an epoch",
        t -> t.training().evaluateEvery());
    trial("precision", TEXT, "number format of products", t -> word(t.training().precision()));
    trial("seed", LONG, "of all randomness", Trial::seed);
    trial(
        "phase",
        TEXT,
        "evaluation, or tuning: never looked at the reported sets and has no score there",
        t -> word(t.phase()));
    trial(
        "copy",
        INT,
        "0, or the number of a copy that differs in nothing but chance; its seed is derived",
        Trial::copy);
    trial(
        "retention",
        TEXT,
        "task of texts whose loss was to be measured before and after; null for none",
        t -> t.retention().isNone() ? null : t.retention().task().name());
    trial(
        "retention_hash",
        TEXT,
        "SHA-256 over these texts",
        t -> t.retention().isNone() ? null : t.retention().contentHash());
    required("trial", TEXT, "everything asked, as JSON", r -> r.trial().toJson());
  }

  private void scores() {
    trial(
        "metric",
        TEXT,
        "the task's main metric, which all scores below are",
        t -> t.task().task().primaryMetric().id());
    selected(
        "score",
        DOUBLE,
        "on the reported sets (their mean where there are two), in [-1, 1], at score_step",
        CurvePoint::devScore);
    selected(
        "score_step",
        INT,
        "step of the best validation score; the last one without a validation part, or where that"
            + " score is undefined at every step",
        CurvePoint::step);
    selected(
        "validation_score",
        DOUBLE,
        "on the part of train that is set aside, at score_step",
        CurvePoint::validationScore);
    last("last_score", DOUBLE, "as score, after the last step", CurvePoint::devScore);
    last(
        "last_validation_score",
        DOUBLE,
        "as validation_score, after the last step",
        CurvePoint::validationScore);
    selected(
        "metrics",
        NUMBERS,
        "every metric of every reported set at score_step, such as dev/f1",
        CurvePoint::devMetrics);
    last("last_metrics", NUMBERS, "as metrics, after the last step", CurvePoint::devMetrics);
    outcome(
        "retention_loss_before",
        DOUBLE,
        "of the texts of retention before the first step, nats a token",
        o -> defined(o.retentionLossBefore()));
    selected("retention_loss_after", DOUBLE, "the same at score_step", CurvePoint::retentionLoss);
    optional(
        "retention_loss_increase",
        DOUBLE,
        "the latter less the former: what was forgotten; below 0 where the texts were learned",
        TrialColumns::forgotten);
    outcome(
        "final_loss",
        DOUBLE,
        "training loss at the end; null where it is no number",
        o -> defined(o.finalLoss()));
  }

  private void cost() {
    outcome(
        "trainable_parameters",
        LONG,
        "scalars that learn, head excluded",
        Outcome::trainableParameters);
    outcome("head_parameters", LONG, "scalars of the head", Outcome::headParameters);
    outcome("steps", INT, "optimizer steps done", Outcome::steps);
    outcome(
        "steps_per_second",
        DOUBLE,
        "steps over train_seconds, 1/s",
        o ->
            o.steps() == null || o.trainSeconds() == null || o.trainSeconds() <= 0
                ? null
                : o.steps() / o.trainSeconds());
    outcome(
        "optimizer_bytes",
        LONG,
        "most off-heap memory of the optimizer's state",
        Outcome::optimizerBytes);
    outcome(
        "ranks",
        NUMBERS,
        "rank of each adapted matrix at the end, of methods that share ranks out",
        o -> o.ranks().isEmpty() ? null : doubles(o.ranks()));
    outcome(
        "peak_bytes",
        LONG,
        "most memory held at once for own weights, gradients, optimizer state and activations"
            + "; shared frozen weights, and state of layers that rest, excluded",
        Outcome::peakBytes);
    outcome(
        "predicted_peak_bytes",
        LONG,
        "as peak_bytes, told from shapes before the trial ran",
        Outcome::predictedPeakBytes);
    outcome(
        "load_seconds",
        DOUBLE,
        "reading model and data, s; shared work counts for the trial that did it",
        Outcome::loadSeconds);
    outcome(
        "prepare_seconds",
        DOUBLE,
        "computing the method's start from base or data, s; the same for all trials that share it",
        Outcome::prepareSeconds);
    outcome("prepare_bytes", LONG, "memory of that start", Outcome::prepareBytes);
    outcome("train_seconds", DOUBLE, "wall clock of all steps, s", Outcome::trainSeconds);
    outcome(
        "evaluate_seconds", DOUBLE, "wall clock of all evaluations, s", Outcome::evaluateSeconds);
    outcome(
        "pack",
        TEXT,
        "trials that it trained together with; null where it trained alone",
        Outcome::pack);
    outcome(
        "pack_seconds",
        DOUBLE,
        "wall clock of the pack's passes while it was in it, s; train_seconds and evaluate_seconds"
            + " are its share, so that they add up",
        Outcome::packSeconds);
    required("started_at", TIMESTAMP, "start of the trial", TrialRow::started);
    required("finished_at", TIMESTAMP, "end of the trial", TrialRow::finished);
  }

  private void provenance() {
    provenance("host", "machine it ran on", Provenance::host);
    provenance("executor", "Spark's id of the executor", Provenance::executor);
    provenance(
        "gpu_address", "as Spark handed it out; null on a processor", Provenance::gpuAddress);
    outcome("backend", TEXT, "that ran the kernels", Outcome::backend);
    outcome("device", TEXT, "as the backend names it", Outcome::device);
    gpu("gpu_driver", TEXT, "version of the GPU's driver; null on a processor", GpuReading::driver);
    gpu(
        "cuda_version",
        TEXT,
        "of CUDA that its kernels were compiled with; null on a processor",
        GpuReading::cuda);
    gpu(
        "gpu_clock_megahertz",
        INT,
        "of the GPU when the trial ended; null where not told",
        GpuReading::clockMegahertz);
    gpu(
        "energy_joules",
        DOUBLE,
        "that the GPU spent while the trial ran; null in a pack, or where not told",
        GpuReading::energyJoules);
    optional("threads", INT, "that kernels of one trial may use", r -> r.provenance().threads());
    provenance("processor", "model name", Provenance::processor);
    provenance("revision", "git commit of the program", Provenance::revision);
    provenance("java_version", "of the executor", Provenance::javaVersion);
    provenance("spark_version", "of the cluster", Provenance::sparkVersion);
    provenance("nd4j_version", "of ND4J", Provenance::nd4jVersion);
    required(
        "semantics_version",
        INT,
        "of the method's numbers; raised when its code gives others",
        r -> r.trial().method().semanticsVersion());
    required("schema_version", INT, "of these columns", r -> SCHEMA_VERSION);
  }

  private void gpu(String name, ColumnType type, String comment, Function<GpuReading, ?> value) {
    outcome(
        name, type, comment, outcome -> outcome.gpu() == null ? null : value.apply(outcome.gpu()));
  }

  private void required(String name, ColumnType type, String comment, Function<TrialRow, ?> value) {
    columns.add(Column.required(name, type, comment, value));
  }

  private void optional(String name, ColumnType type, String comment, Function<TrialRow, ?> value) {
    columns.add(Column.optional(name, type, comment, value));
  }

  private void trial(String name, ColumnType type, String comment, Function<Trial, ?> value) {
    optional(name, type, comment, r -> value.apply(r.trial()));
  }

  private void outcome(String name, ColumnType type, String comment, Function<Outcome, ?> value) {
    optional(name, type, comment, r -> value.apply(r.outcome()));
  }

  private void provenance(String name, String comment, Function<Provenance, ?> value) {
    optional(name, TEXT, comment, r -> value.apply(r.provenance()));
  }

  private void selected(
      String name, ColumnType type, String comment, Function<CurvePoint, ?> value) {
    optional(
        name, type, comment, r -> r.selected().map(value).map(TrialColumns::defined).orElse(null));
  }

  private void last(String name, ColumnType type, String comment, Function<CurvePoint, ?> value) {
    outcome(name, type, comment, o -> o.last() == null ? null : defined(value.apply(o.last())));
  }

  private static Object forgotten(TrialRow row) {
    Double before = row.outcome().retentionLossBefore();
    Double after = row.selected().map(CurvePoint::retentionLoss).orElse(null);
    return before == null || after == null ? null : defined(after - before);
  }

  /** A score that is undefined, as the correlation of a constant, is no measurement. */
  static Object defined(Object score) {
    if (score instanceof Map<?, ?> scores) {
      SortedMap<String, Double> known = new TreeMap<>();
      scores.forEach(
          (name, value) -> {
            if (defined(value) != null) {
              known.put((String) name, (Double) value);
            }
          });
      return known;
    }
    return score instanceof Double number && !Double.isFinite(number) ? null : score;
  }

  private static String word(Enum<?> value) {
    return value.name().toLowerCase(Locale.ROOT);
  }

  private static <T> T setting(TrialRow row, String name, Class<T> type) {
    Object value = components(row.trial().method()).get(name);
    return type.isInstance(value) ? type.cast(value) : null;
  }

  private static SortedMap<String, Double> doubles(SortedMap<String, Integer> ranks) {
    SortedMap<String, Double> numbers = new TreeMap<>();
    ranks.forEach((name, rank) -> numbers.put(name, rank.doubleValue()));
    return numbers;
  }

  private static SortedMap<String, String> settings(Method method) {
    SortedMap<String, String> settings = new TreeMap<>();
    components(method)
        .forEach(
            (name, value) ->
                settings.put(
                    name.replaceAll("([A-Z])", "_$1").toLowerCase(Locale.ROOT),
                    String.valueOf(value)));
    return settings;
  }

  private static String optimizerSettings(Optimizer optimizer) {
    return components(optimizer).entrySet().stream()
        .map(setting -> setting.getKey() + "=" + setting.getValue())
        .collect(Collectors.joining(" "));
  }

  private static SortedMap<String, Object> components(Object record) {
    SortedMap<String, Object> components = new TreeMap<>();
    for (RecordComponent component : record.getClass().getRecordComponents()) {
      try {
        Object value = component.getAccessor().invoke(record);
        if (value instanceof Method over) {
          components.putAll(components(over));
        } else {
          components.put(component.getName(), value);
        }
      } catch (ReflectiveOperationException e) {
        throw new IllegalStateException("Cannot read " + component + " of " + record, e);
      }
    }
    return components;
  }
}
