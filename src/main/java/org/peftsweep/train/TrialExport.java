package org.peftsweep.train;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.BiConsumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.peftsweep.checkpoint.Checkpoint;
import org.peftsweep.checkpoint.CheckpointException;
import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.checkpoint.SafeTensors;
import org.peftsweep.compute.Backend;
import org.peftsweep.data.Batch;
import org.peftsweep.data.FileFaults;
import org.peftsweep.data.Seeds;
import org.peftsweep.data.Task;
import org.peftsweep.method.Methods;
import org.peftsweep.method.adapter.AdapterLayout;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.InitCache;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.method.peft.PeftAdapter;
import org.peftsweep.model.Addition;
import org.peftsweep.model.CheckpointWeights;
import org.peftsweep.model.MergedModel;
import org.peftsweep.model.Model;
import org.peftsweep.model.Models;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Role;
import org.peftsweep.model.TrainedTensors;
import org.peftsweep.spec.Trial;

/**
 * A finished trial in the layouts of Hugging Face: its model after the last step, rebuilt from base
 * and kept tensors. No data is needed.
 */
public final class TrialExport implements AutoCloseable {
  private static final List<String> WEIGHTS =
      List.of(
          "model.safetensors",
          "model.safetensors.index.json",
          "pytorch_model.bin",
          "pytorch_model.bin.index.json");

  /** A line of front matter, or of the notes that fetching a model writes. */
  private static final Pattern LICENSE =
      Pattern.compile("(?:license|\\* License of the weights): *([A-Za-z0-9.-]+) *");

  private static final String UNKNOWN = "unknown";

  private static final ObjectMapper JSON = new ObjectMapper();

  private final Trial trial;
  private final int steps;
  private final Base base;
  private final Backend backend;
  private final Model model;
  private final AdapterLayout layout;
  private final MethodHooks method;

  private TrialExport(Trial trial, int steps, SafeTensors kept, Base base, Backend backend) {
    this.trial = trial;
    this.steps = steps;
    this.base = base;
    this.backend = backend;
    Task task = trial.task().task();
    model = Models.build(base.config(), task.outputs(), backend, base.weights(trial, backend));
    InitCache prepared = InitCache.of(kept);
    String json = kept.metadata().get(TensorSink.LAYOUT);
    layout = json == null ? AdapterLayout.NONE : AdapterLayout.fromJson(json);
    Seeds seeds = new Seeds(trial.seed());
    method =
        Methods.attach(
            trial.method(),
            new AttachContext(
                model.within(trial.layers()), trial.targets(), backend, seeds, prepared, layout));
    TrainedTensors.restore(kept, model, backend);
  }

  /**
   * Rebuilds a trial's model.
   *
   * @param id of the trial
   * @param kept the tensors that were kept of it
   * @throws CheckpointException if tensors, base model and code are not those that it was trained
   *     with
   */
  public static TrialExport open(String id, SafeTensors kept, Library library, Backend backend) {
    String json = kept.metadata().get(TensorSink.TRIAL);
    if (json == null) {
      throw new CheckpointException(
          "Cannot export " + kept.path() + ": it does not say which trial it is of");
    }
    Trial trial = Trial.fromJson(json);
    if (!trial.id().equals(id)) {
      throw new CheckpointException(
          "Cannot export "
              + id
              + ": its method computes otherwise since it was trained, run it again");
    }
    String location = trial.model().location();
    if (!library.modelHash(location).equals(trial.model().contentHash())) {
      throw new CheckpointException(
          "Cannot export "
              + id
              + ": the files in "
              + location
              + " are not its base model any more");
    }
    int steps = Integer.parseInt(kept.metadata().getOrDefault(TensorSink.STEPS, "0"));
    return new TrialExport(
        trial, steps, kept, library.base(trial.model(), backend.place()), backend);
  }

  public Trial trial() {
    return trial;
  }

  Base base() {
    return base;
  }

  Model model() {
    return model;
  }

  Backend backend() {
    return backend;
  }

  /** Returns what the model gives, row-major. */
  float[] logits(Batch batch) {
    return GraphExport.logits(model, batch, backend);
  }

  /** Whether what was trained can be folded into the base's weights. */
  boolean isMergeable() {
    return model.additions().stream().allMatch(Addition::isMergeable);
  }

  /** Returns the settings of the adapter that the trial started from. */
  public AdapterLayout layout() {
    return layout;
  }

  /** Returns the folder of the base model on this machine. */
  public Path baseFolder() {
    return base.checkpoint().folder();
  }

  /**
   * Returns the license of the base's weights as the notes beside them say, in the spelling of the
   * model hub; {@code unknown} where there are none.
   */
  public String baseLicense() {
    Path notes = baseFolder().resolve("README.md");
    if (Files.exists(notes)) {
      try (Stream<String> lines = Files.lines(notes)) {
        return lines
            .map(LICENSE::matcher)
            .filter(Matcher::matches)
            .map(matcher -> matcher.group(1).toLowerCase(Locale.ROOT))
            .findFirst()
            .orElse(UNKNOWN);
      } catch (IOException | UncheckedIOException e) {
        // Notes in another encoding are no fault of the export.
        return UNKNOWN;
      }
    }
    return UNKNOWN;
  }

  /**
   * Whether Python finds and reads the base model where it lies: it does not look into this
   * application, nor on most file systems, and knows two formats of weights.
   */
  public boolean isBaseReadable() {
    return trial.model().location().matches("(file:.*|[^:]*)")
        && WEIGHTS.stream().anyMatch(name -> Files.exists(baseFolder().resolve(name)));
  }

  /** Writes the base model with its tokenizer, as it was before training. */
  public void writeBase(Path folder) {
    MergedModel.writeBase(folder, config(), model, backend);
    writeGeneration(folder);
    writeTokenizer(folder);
  }

  /**
   * Writes an adapter folder of PEFT, and the base's tokenizer.
   *
   * @param place where PEFT finds the base model
   * @throws IllegalArgumentException if there is none for the trial, saying what can be had instead
   */
  public void writeAdapter(Path folder, Path place) {
    requireAdapter();
    List<String> fresh =
        model.parameters().stream()
            .filter(parameter -> parameter.role() == Role.POOLER && base.lacks(parameter.name()))
            .map(Parameter::module)
            .distinct()
            .toList();
    PeftAdapter.write(
        folder, trial.method(), model, layout.saving(fresh), backend, place.toString(), steps);
    writeTokenizer(folder);
  }

  /**
   * Refuses a trial that no adapter can be written of.
   *
   * @throws IllegalArgumentException saying what can be had instead
   */
  public void requireAdapter() {
    if (trial.model().randomInit()) {
      throw new IllegalArgumentException(
          "Cannot write an adapter of a base that was drawn from a seed: export the merged model");
    }
    PeftAdapter.requireForm(trial.method(), model);
  }

  /** Writes a plain model with the method folded in, and the base's tokenizer. */
  public void writeMerged(Path folder) {
    MergedModel.write(folder, config(), model, backend);
    writeGeneration(folder);
    writeTokenizer(folder);
  }

  /**
   * Writes the model as a graph that SameDiff loads, what its labels are, and the base's tokenizer;
   * a folded one is the model of a sweep too.
   *
   * @param isMerged whether what was trained is folded into the base's weights; else it stays apart
   *     and goes on learning
   * @throws IllegalArgumentException if it cannot be folded
   */
  public void writeGraph(Path folder, boolean isMerged) {
    Path file = folder.resolve(GraphExport.MODEL);
    write(folder, isMerged, (export, written) -> export.write(written, file));
  }

  /**
   * The same as a network of Deeplearning4j.
   *
   * @throws IllegalArgumentException if it cannot be folded, or writes text
   */
  public void writeNetwork(Path folder, boolean isMerged) {
    GraphExport.requireLabels(trial);
    Path file = folder.resolve(GraphExport.NETWORK);
    write(folder, isMerged, (export, written) -> export.writeNetwork(written, file));
  }

  private void write(Path folder, boolean isMerged, BiConsumer<GraphExport, Model> to) {
    GraphExport export = new GraphExport(trial, base, backend);
    if (isMerged) {
      writeMerged(folder);
      try (Checkpoint merged = Checkpoint.open(folder);
          Model plain =
              Models.build(
                  merged.config(),
                  trial.task().task().outputs(),
                  backend,
                  new CheckpointWeights(merged).forTrial(backend, new Seeds(0)))) {
        to.accept(export, plain);
      }
      // Its configuration stays: with the graph it is a model that a sweep takes.
      deleteWeights(folder);
    } else {
      to.accept(export, model);
      writeTokenizer(folder);
    }
    export.writeTask(folder);
  }

  private static void deleteWeights(Path folder) {
    try {
      Files.delete(folder.resolve("model.safetensors"));
    } catch (IOException e) {
      throw FileFaults.cannot("delete a part of", folder, e);
    }
  }

  private ModelConfig config() {
    Task task = trial.task().task();
    if (task.isCompletion()) {
      return base.config().withHead(base.config().labels(), base.tokenizer().padId());
    }
    List<String> labels = task.isRegression() ? List.of("LABEL_0") : task.labelNames();
    return base.config().withHead(labels, base.tokenizer().padId());
  }

  /** Tells the reference library when a text ends. */
  private void writeGeneration(Path folder) {
    if (trial.task().task().isCompletion()) {
      Map<String, Object> entries = new TreeMap<>();
      entries.put("pad_token_id", base.padId());
      if (!base.tokenizer().endIds().isEmpty()) {
        entries.put("eos_token_id", base.tokenizer().endIds());
      }
      try {
        Files.writeString(
            folder.resolve("generation_config.json"),
            JSON.writerWithDefaultPrettyPrinter().writeValueAsString(entries) + "\n");
      } catch (IOException e) {
        throw FileFaults.cannot("write to", folder, e);
      }
    }
  }

  private void writeTokenizer(Path folder) {
    ModelConfig config = base.config();
    base.tokenizer().write(folder, config.longestInput(), config.sizes().tokenTypes() > 1);
  }

  @Override
  public void close() {
    method.close();
    model.close();
  }
}
