package org.peftsweep.train;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.apache.commons.codec.digest.DigestUtils;
import org.apache.hadoop.conf.Configuration;
import org.peftsweep.checkpoint.Checkpoint;
import org.peftsweep.checkpoint.CheckpointException;
import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.checkpoint.PeftFolder;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.data.Batches;
import org.peftsweep.data.DataException;
import org.peftsweep.data.Dataset;
import org.peftsweep.data.TokenizedExample;
import org.peftsweep.data.Tokenizer;
import org.peftsweep.method.adapter.AdapterLayout;
import org.peftsweep.method.adapter.InitCache;
import org.peftsweep.method.peft.PeftAdapter;
import org.peftsweep.model.CheckpointWeights;
import org.peftsweep.model.Model;
import org.peftsweep.model.Models;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.PrefixCache;
import org.peftsweep.spec.AdapterSource;
import org.peftsweep.spec.ModelSource;
import org.peftsweep.spec.TaskSource;
import org.peftsweep.spec.TrainSample;
import org.peftsweep.spec.Training;
import org.peftsweep.spec.Trial;

/**
 * Base models, datasets and tokenised data of this process, each loaded once and shared by all
 * trials.
 *
 * <p>Safe for use by several threads: the second to ask waits for the first, and tries itself where
 * that one failed.
 */
public final class Library {
  private record RowsHash(TaskSource task) {}

  private record TokenisedKey(TaskSource task, String tokenizer, int maxTokens, boolean packing) {}

  private record RetainedKey(TaskSource texts, String tokenizer, int maxTokens) {}

  /** Rows of a train part whose tokens are kept before anybody trains: some 70 MB. */
  private static final int MOST_KEPT = 50_000;

  private static Library shared;

  private final Configuration hadoop;
  private final ModelFolders folders;
  private final Map<Object, CompletableFuture<Object>> store = new ConcurrentHashMap<>();

  public Library(Configuration hadoop) {
    this.hadoop = hadoop;
    this.folders = new ModelFolders(hadoop);
  }

  /** Returns this process's library; the first to ask decides how files are reached. */
  public static synchronized Library shared(Configuration hadoop) {
    if (shared == null) {
      shared = new Library(hadoop);
    }
    return shared;
  }

  /**
   * Returns the hash by which results name this base model: weights, configuration and tokenizer;
   * or this adapter.
   */
  public String modelHash(String location) {
    List<String> parts = AdapterSource.folders(location);
    return once(
        "hash of " + location,
        () ->
            parts.equals(List.of(location))
                ? in(location, folders::contentHash)
                : DigestUtils.sha256Hex(
                    new AdapterSource(location, "").merge()
                        + parts.stream().map(this::modelHash).collect(Collectors.joining())));
  }

  /** Returns a task's examples: train limited, split and sampled as the source says. */
  public Dataset dataset(TaskSource source) {
    TaskSource key = source.withContentHash("");
    return once(key, () -> Datasets.read(key, hadoop));
  }

  /** Returns the hash of a task's examples of which trials take samples. */
  public String taskHash(TaskSource source) {
    TaskSource key = source.withContentHash("").withSample(TrainSample.WHOLE);
    return once(new RowsHash(key), () -> Datasets.contentHash(dataset(key)));
  }

  /** Returns the shapes of the model at a location. */
  public ModelConfig config(String location) {
    return once(
        "config of " + location,
        () -> in(location, folder -> ModelConfig.read(folder.resolve("config.json"))));
  }

  /**
   * Fills a model with the adapter that a trial starts from, if there is one.
   *
   * @param model with the method attached
   * @throws CheckpointException if the adapter does not fit
   */
  void startFromAdapter(Trial trial, Model model, Backend backend) {
    AdapterSource source = trial.model().adapter();
    if (!source.isNone()) {
      MergedStart.fill(
          model,
          backend,
          source.merge(),
          AdapterSource.folders(source.location()).stream()
              .map(place -> (Supplier<Set<Parameter>>) () -> read(place, trial, model, backend))
              .toList());
    }
  }

  private Set<Parameter> read(String place, Trial trial, Model model, Backend backend) {
    return in(
        place,
        folder -> {
          try (PeftFolder adapter = PeftFolder.open(folder)) {
            return PeftAdapter.read(adapter, trial.method(), model, backend);
          }
        });
  }

  /**
   * Returns what the adapter adapts that a trial starts from, and how; its files are looked through
   * but for nothing that needs the base model's weights.
   *
   * @throws CheckpointException if settings, tensors or their values do not fit the trial
   */
  AdapterLayout layout(Trial trial, ModelConfig config, int outputs) {
    AdapterSource source = trial.model().adapter();
    if (source.isNone()) {
      return AdapterLayout.NONE;
    }
    List<String> places = AdapterSource.folders(source.location());
    AdapterLayout first = layout(trial, config, outputs, places.get(0));
    for (String place : places.subList(1, places.size())) {
      if (!layout(trial, config, outputs, place).equals(first)) {
        throw new CheckpointException(
            "Cannot merge adapter "
                + place
                + " with "
                + places.get(0)
                + ": they adapt other modules or have other ranks or alphas, name adapters alike");
      }
    }
    return first;
  }

  private AdapterLayout layout(Trial trial, ModelConfig config, int outputs, String place) {
    return once(
        List.of(
            "adapter",
            place,
            trial.model().adapter(),
            trial.model().location(),
            trial.method(),
            trial.targets(),
            trial.layers(),
            outputs),
        () -> in(place, folder -> layout(trial, config, outputs, folder)));
  }

  private static AdapterLayout layout(Trial trial, ModelConfig config, int outputs, Path folder) {
    try (PeftFolder adapter = PeftFolder.open(folder)) {
      AdapterLayout layout =
          PeftAdapter.layout(
              adapter,
              trial.method(),
              Models.outline(config, outputs).within(trial.layers()),
              trial.targets());
      try (Rehearsal rehearsal = Rehearsal.of(trial, layout, config, outputs)) {
        PeftAdapter.requireTensors(adapter, trial.method(), rehearsal.model(), rehearsal.backend());
      }
      adapter.requireFinite();
      return layout;
    }
  }

  /** Returns what tells bases apart whose weights are in memory. */
  static Object baseKey(ModelSource source, String backend) {
    return List.of("base", source.location(), source.weights(), backend);
  }

  /** Returns a base model whose weights live in memory of a backend's place. */
  Base base(ModelSource source, String backend) {
    return once(
        baseKey(source, backend),
        () -> {
          Checkpoint checkpoint = in(source.location(), Checkpoint::open);
          return new Base(
              checkpoint,
              new CheckpointWeights(checkpoint, source.weights().type()),
              tokenizer(source.location()));
        });
  }

  /**
   * Returns where hidden states of a base's frozen layers are kept.
   *
   * @param limits of the trial that asks; the first to ask decides how large it may grow
   */
  PrefixCache prefixes(ModelSource source, String backend, RunLimits limits) {
    MemoryBudget budget =
        limits.memory() == null ? new MemoryBudget(limits.cacheBytes()) : limits.memory();
    return once(
        List.of("prefixes", baseKey(source, backend)),
        () -> budget.cache(Backends.open(backend, 1), limits.cacheBytes()));
  }

  /** Returns the tokenizer of the model at a location. */
  Tokenizer tokenizer(String location) {
    return once(
        "tokenizer of " + location,
        () ->
            in(
                location,
                folder ->
                    folders.isCopy(folder)
                        ? Tokenizer.open(folder, location)
                        : Tokenizer.open(folder)));
  }

  /** Returns the model at a location without its values; nothing may be attached to it. */
  Model outline(String location, int outputs) {
    return once(
        List.of("outline", location, outputs), () -> Models.outline(config(location), outputs));
  }

  /**
   * Looks through the weights at a location.
   *
   * @param outputs of the head that a trial needs
   * @return names of what trials draw for themselves, as the files lack it
   * @throws CheckpointException if a tensor is missing or has another shape, or a value is none
   */
  List<String> requireWeights(String location, int outputs) {
    return once(
        List.of("weights", location, Math.min(outputs, 1)),
        () ->
            in(
                location,
                folder -> {
                  try (Checkpoint checkpoint = Checkpoint.open(folder)) {
                    List<String> fresh = Models.requireComplete(checkpoint, outputs);
                    checkpoint.requireFinite();
                    return fresh;
                  }
                }));
  }

  /** Returns a trial's examples as token ids, and the texts of its retention. */
  TokenisedTask tokenised(Trial trial) {
    TokenisedTask data = rows(trial);
    return trial.retention().isNone() ? data : data.with(retained(trial));
  }

  private TokenisedTask rows(Trial trial) {
    TaskSource task = trial.task();
    String model = trial.model().location();
    int maxTokens = trial.training().maxTokens();
    boolean packing = trial.training().packing();
    return once(
        key(trial), () -> TokenisedTask.of(dataset(task), tokenizer(model), maxTokens, packing));
  }

  private static TokenisedKey key(Trial trial) {
    return new TokenisedKey(
        trial.task().withContentHash(""),
        trial.model().location(),
        trial.training().maxTokens(),
        trial.training().packing());
  }

  /**
   * Cuts the texts of a trial into tokens, all of them where it trains on a sample. What trials
   * will read is kept for them, unless it is much: the process that asks need not be one that
   * trains.
   *
   * @throws DataException if the model's tokenizer cannot cut one
   */
  void requireTexts(Trial trial) {
    TaskSource whole = trial.task().withContentHash("").withSample(TrainSample.WHOLE);
    boolean isWhole = whole.equals(trial.task().withContentHash(""));
    boolean isKept = isWhole && store.containsKey(key(trial));
    if (isKept || isWhole && dataset(whole).train().size() <= MOST_KEPT) {
      rows(trial);
      return;
    }
    String model = trial.model().location();
    int maxTokens = trial.training().maxTokens();
    once(
        List.of("texts", whole, model, maxTokens),
        () ->
            TokenisedTask.of(dataset(whole), tokenizer(model), maxTokens, false).reported().size());
  }

  /** Counts, once for all trials that read it so, the rows of a set that have nothing to tell. */
  long silent(Trial trial, String set, List<TokenizedExample> rows) {
    Training training = trial.training();
    return once(
        List.of(
            "silent",
            set,
            trial.task().withContentHash(""),
            trial.model().location(),
            training.maxTokens(),
            training.packing()),
        () ->
            tokenised(trial)
                .silent(
                    rows, Assembly.batches(training, tokenizer(trial.model().location()).padId())));
  }

  /** Returns the texts whose loss a trial measures beside its score, as token ids. */
  TokenisedTask.Retained retained(Trial trial) {
    TaskSource texts = trial.retention();
    String model = trial.model().location();
    int maxTokens = trial.training().maxTokens();
    return once(
        new RetainedKey(texts.withContentHash(""), model, maxTokens),
        () -> TokenisedTask.retained(dataset(texts), tokenizer(model), maxTokens));
  }

  /**
   * Returns what methods may prepare for a trial: shared by all that have its base model and, where
   * it matters, its task and batches; the seed matters only to a random base.
   */
  InitCache preparations(Trial trial, TokenisedTask data, int padId, String backend) {
    Training training = trial.training();
    List<Object> base =
        List.of(
            baseKey(trial.model(), backend),
            trial.model().randomInit() ? trial.seed() : "pretrained");
    Batches batches = Assembly.batches(training, padId);
    TaskSource task = trial.task().withContentHash("");
    return new InitCache(
        this::once,
        base,
        List.of(task, batches),
        () -> Preparations.first(batches, data, task),
        Preparations.loss(data, task));
  }

  /**
   * Refuses a trial whose method cannot start from its first batches, unless it starts from an
   * adapter; tokenises the task only for a method that asks.
   *
   * @throws IllegalArgumentException saying what does not fit
   */
  void requireBatchesFit(Trial trial) {
    if (!trial.model().adapter().isNone()) {
      return;
    }
    trial
        .method()
        .requireBatches(
            () -> {
              Base base = base(trial.model(), "no backend");
              TokenisedTask data = tokenised(trial);
              return Preparations.first(
                  Assembly.batches(trial.training(), base.padId()), data, trial.task());
            });
  }

  private Path folder(String location) {
    return once("folder of " + location, () -> folders.local(location));
  }

  /** Reads a model's or adapter's folder; of a copy, messages name the place that it is of. */
  private <T> T in(String location, Function<Path, T> read) {
    Path folder = folder(location);
    try {
      return read.apply(folder);
    } catch (CheckpointException e) {
      throw folders.isCopy(folder) ? new CheckpointException(named(e, folder, location), e) : e;
    } catch (DataException e) {
      throw folders.isCopy(folder) ? new DataException(named(e, folder, location), e) : e;
    }
  }

  private static String named(RuntimeException fault, Path folder, String location) {
    return fault.getMessage().replace(folder.toString(), location);
  }

  /**
   * Returns what was loaded under a key; loads it where nobody did.
   *
   * @throws CancellationException if interrupted while another thread loads it
   */
  @SuppressWarnings("unchecked")
  <T> T once(Object key, Supplier<T> load) {
    CompletableFuture<Object> mine = new CompletableFuture<>();
    CompletableFuture<Object> first = store.putIfAbsent(key, mine);
    if (first == null) {
      try {
        mine.complete(load.get());
      } catch (RuntimeException | Error e) {
        store.remove(key);
        mine.completeExceptionally(e);
        throw e;
      }
      return (T) mine.join();
    }
    try {
      return (T) first.get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw (CancellationException)
          new CancellationException("Interrupted while another trial was loading").initCause(e);
    } catch (ExecutionException e) {
      // It may have failed for reasons of its own, such as a limit on its time.
      return once(key, load);
    }
  }
}
