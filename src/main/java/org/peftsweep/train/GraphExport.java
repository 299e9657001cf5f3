package org.peftsweep.train;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.deeplearning4j.util.ModelSerializer;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.DenseWeight;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.samediff.GraphFile;
import org.peftsweep.compute.samediff.Placeholders;
import org.peftsweep.compute.samediff.SameDiffGraph;
import org.peftsweep.data.Batch;
import org.peftsweep.data.FileFaults;
import org.peftsweep.data.Task;
import org.peftsweep.dl4j.RecordedNetwork;
import org.peftsweep.model.Model;
import org.peftsweep.model.Parameter;
import org.peftsweep.spec.Trial;

/**
 * A trial's model as a file of SameDiff or Deeplearning4j, and what a program must know to feed it.
 *
 * <p>The graph is recorded from a batch of a few rows of several lengths. It has no dropout.
 */
record GraphExport(Trial trial, Base base, Backend backend) {
  /** The graph. */
  static final String MODEL = "model.fb";

  /** The network of Deeplearning4j. */
  static final String NETWORK = "model.zip";

  /** Of the largest output, as far as a graph's may be from the model's. */
  private static final double TOLERANCE = 1e-4;

  /** What goes in and comes out. */
  private static final String TASK = "task.json";

  /** Writes a model that was built on the backend. */
  void write(Model model, Path file) {
    record(
        model,
        file,
        (graph, outputs) ->
            GraphFile.write(graph, outputs, trial.task().task().isRegression(), file));
  }

  /**
   * Refuses a trial whose rows have no labels.
   *
   * @throws IllegalArgumentException saying what can be had instead
   */
  static void requireLabels(Trial trial) {
    if (trial.task().task().isCompletion()) {
      throw new IllegalArgumentException(
          "Cannot make a network of "
              + trial.id()
              + ": it writes text, export it as a merged model or for PEFT");
    }
  }

  /** Writes a model that was built on the backend as a network of Deeplearning4j. */
  void writeNetwork(Model model, Path file) {
    record(
        model,
        file,
        (graph, outputs) -> {
          RecordedNetwork network =
              new RecordedNetwork(
                  graph,
                  outputs,
                  model,
                  trial.method(),
                  trial.task().task().isRegression(),
                  trial.rates(),
                  trial.training().weightDecay());
          ModelSerializer.writeModel(network.build(), file.toFile(), false);
        });
  }

  private interface Writing {
    void write(SameDiffGraph graph, Tensor outputs) throws IOException;
  }

  private void record(Model model, Path file, Writing writing) {
    Placeholders inputs = Placeholders.of(tokens(), hasTypes());
    SameDiffGraph graph = new SameDiffGraph(backend).reading(inputs);
    for (Parameter parameter : model.allParameters()) {
      if (parameter.asWeight() instanceof DenseWeight dense) {
        graph.naming(parameter.name(), dense.values(), parameter.isTrainable());
      }
    }
    try (Tape tape = new Tape(backend, graph)) {
      tape.startEvaluation();
      Batch batch = batch(inputs);
      Tensor outputs = model.logits(tape, batch).value();
      requireSame(graph, outputs, batch, logits(model, batch, backend));
      Files.createDirectories(file.toAbsolutePath().getParent());
      writing.write(graph, outputs);
    } catch (IOException e) {
      throw FileFaults.cannot("write", file, e);
    }
  }

  /** Returns a model's outputs, row-major. */
  static float[] logits(Model model, Batch batch, Backend backend) {
    try (Tape tape = new Tape(backend)) {
      tape.startEvaluation();
      Tensor outputs = model.logits(tape, batch).value();
      float[] values = new float[Math.toIntExact(outputs.size())];
      backend.read(outputs, 0, values, 0, values.length);
      return values;
    }
  }

  /** Refuses a graph that gives other outputs than the model, such as of an inverse not reached. */
  private void requireSame(SameDiffGraph graph, Tensor outputs, Batch batch, float... wanted) {
    Map<String, int[]> all =
        Map.of(
            Placeholders.IDS, batch.ids(),
            Placeholders.MASK, batch.mask(),
            Placeholders.TYPES, batch.typeIds());
    Map<String, INDArray> given = new HashMap<>();
    for (String name : graph.graph().inputs()) {
      given.put(name, Nd4j.createFromArray(all.get(name)).reshape(batch.rows(), batch.tokens()));
    }
    String name = graph.variable(outputs).name();
    INDArray made = graph.graph().output(given, List.of(name)).get(name);
    float[] floats = made.dup('c').reshape(made.length()).toFloatVector();
    double largest = 1;
    double difference = 0;
    for (int i = 0; i < wanted.length; i++) {
      if (isShown(i / outputs.columns(), outputs.rows(), batch)) {
        largest = Math.max(largest, Math.abs(wanted[i]));
        difference = Math.max(difference, Math.abs(floats[i] - wanted[i]));
      }
    }
    // Written so that NaN is refused.
    if (!(difference <= TOLERANCE * largest)) {
      throw new IllegalArgumentException(
          "Cannot make a graph of %s: its outputs differ by %s from the trial's, export it as a"
                  .formatted(trial.id(), difference)
              + " merged model or for PEFT");
    }
  }

  /**
   * Whether a row of outputs means something: what padding sees of padding does not.
   *
   * @param rows of all outputs: one an example, or one a token and more in front of each example's
   */
  static boolean isShown(int row, int rows, Batch batch) {
    int length = rows / batch.rows();
    int token = row % length - (length - batch.tokens());
    return length == 1 || token < 0 || batch.mask()[row / length * batch.tokens() + token] == 1;
  }

  /** Writes what labels, padding and longest input are. */
  void writeTask(Path folder) {
    Task task = trial.task().task();
    Map<String, Object> facts = new LinkedHashMap<>();
    facts.put("task", task.name());
    facts.put("labels", task.labelNames());
    facts.put("tokens", tokens());
    facts.put("padding", base.padId());
    facts.put("types", hasTypes());
    facts.put("batch", trial.training().batch());
    facts.put("learning-rate", trial.rates().learningRate());
    facts.put("weight-decay", trial.training().weightDecay());
    Path file = folder.resolve(TASK);
    try {
      new ObjectMapper().writerWithDefaultPrettyPrinter().writeValue(file.toFile(), facts);
    } catch (IOException e) {
      throw FileFaults.cannot("write", file, e);
    }
  }

  boolean hasTypes() {
    return base.config().sizes().tokenTypes() > 1;
  }

  /** Returns how long rows are that the graph takes. */
  int tokens() {
    ModelConfig config = base.config();
    return Math.min(
        trial.training().maxTokens(), config.longestInput() - trial.method().positions());
  }

  /** Rows of several lengths. */
  private Batch batch(Placeholders inputs) {
    int rows = Placeholders.EXAMPLES;
    int[] mask = inputs.mask();
    int[] ids = new int[mask.length];
    Arrays.setAll(ids, i -> mask[i] == 1 ? i % base.config().sizes().vocabulary() : base.padId());
    int[] types = new int[ids.length];
    return new Batch(rows, inputs.tokens(), ids, mask, types, new float[rows], new int[rows]);
  }
}
