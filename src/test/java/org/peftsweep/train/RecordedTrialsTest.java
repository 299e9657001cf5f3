package org.peftsweep.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.util.ModelSerializer;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.peftsweep.checkpoint.Architecture;
import org.peftsweep.checkpoint.Architectures;
import org.peftsweep.checkpoint.Checkpoint;
import org.peftsweep.checkpoint.SafeTensors;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.Tape;
import org.peftsweep.data.Batch;
import org.peftsweep.data.Batches;
import org.peftsweep.data.Padding;
import org.peftsweep.data.Seeds;
import org.peftsweep.data.Task;
import org.peftsweep.dl4j.RecordedNetwork;
import org.peftsweep.method.Method;
import org.peftsweep.method.MethodSamples;
import org.peftsweep.model.CheckpointWeights;
import org.peftsweep.model.Model;
import org.peftsweep.model.Models;
import org.peftsweep.model.TinyModels;
import org.peftsweep.spec.Trial;

/**
 * Which trials become graphs and networks, over methods, architectures, tasks and stored weights:
 * each gives what its model gave, folded or not, and is a model again where it is folded; or it is
 * refused in one sentence, where the reason is there.
 */
class RecordedTrialsTest {
  private static final Library LIBRARY = new Library(new Configuration());
  private static final double TOLERANCE = 1e-4;

  @TempDir static Path tiny;
  private static TinyFamilies families;

  @TempDir Path folder;

  /** What is exported, and how. */
  record Case(
      String method,
      Architecture architecture,
      String task,
      String weights,
      boolean isNetwork,
      boolean isMerged) {
    boolean isWritten() {
      return task.equals(TinyFamilies.WRITTEN);
    }

    @Override
    public String toString() {
      return String.join(
          " ",
          method,
          architecture.modelTypes().get(0),
          task,
          weights,
          isNetwork ? "dl4j" : "samediff",
          isMerged ? "merged" : "");
    }
  }

  @BeforeAll
  static void write() {
    families = new TinyFamilies(tiny);
  }

  /**
   * Every method in both forms, folded and not; tasks, stored weights and architectures take turns
   * in steps that share no factor, so that each meets each.
   */
  static Stream<Case> everyMethodInEveryForm() {
    List<String> methods = List.copyOf(MethodSamples.all().keySet());
    List<Architecture> all = List.copyOf(Architectures.all());
    return IntStream.range(0, 4 * methods.size())
        .mapToObj(i -> sample(methods.get(i / 4), all.get(i * 5 % all.size()), i, i % 4))
        .filter(of -> MethodSamples.fits(MethodSamples.all().get(of.method), of.architecture));
  }

  /** Every architecture folded, in both forms. */
  static Stream<Case> everyArchitectureFolded() {
    return Architectures.all().stream()
        .flatMap(
            family ->
                Stream.of(
                    new Case("lora", family, "single", "fp32", false, true),
                    new Case("full", family, "pair", "fp32", true, true)));
  }

  /** What has parts of its own: joined matrices, refusals, rows in front, stored weights. */
  static Stream<Case> aFew() {
    Architecture gpt2 = named("gpt2");
    return Stream.of(
        new Case("lora", gpt2, "single", "fp32", false, true),
        new Case("lora", gpt2, "value", "fp32", true, true),
        new Case("lora", gpt2, TinyFamilies.WRITTEN, "fp32", true, false),
        new Case("dora", named("modernbert"), "pair", "nf4", true, true),
        new Case("prefix", TinyModels.ROBERTA, "single", "int8", false, true),
        new Case("full", named("mpnet"), "pair", "fp32", true, true),
        new Case("ln-tuning", named("deberta-v2"), "value", "fp32", true, true),
        new Case("prompt", named("gemma2"), TinyFamilies.WRITTEN, "fp32", false, false),
        new Case("lora", named("electra"), "single", "nf4", false, false),
        new Case("prompt", TinyModels.LLAMA, TinyFamilies.WRITTEN, "bf16", false, false));
  }

  private static Architecture named(String modelType) {
    return Architectures.of(modelType, "a test");
  }

  private static Case sample(String id, Architecture architecture, int number, int form) {
    Method method = MethodSamples.all().get(id);
    List<String> tasks = new ArrayList<>(TinyFamilies.LABELLED);
    // DR-Tune calibrates a head that learns.
    if (TinyModels.isDecoder(architecture) && !id.endsWith("drtune")) {
      tasks.add(TinyFamilies.WRITTEN);
    }
    List<String> stored =
        method.sharesBase() ? List.of("fp32", "nf4", "bf16", "int8") : List.of("fp32");
    return new Case(
        id,
        architecture,
        tasks.get(number / 3 % tasks.size()),
        stored.get(number / 4 % stored.size()),
        form % 2 == 1,
        form / 2 == 1);
  }

  @ParameterizedTest
  @MethodSource("aFew")
  void givesWhatTheTrialGaveOrIsRefused(Case of) throws IOException {
    everyOneGivesWhatTheTrialGaveOrIsRefused(of);
  }

  @Tag("long")
  @ParameterizedTest
  @MethodSource({"everyMethodInEveryForm", "everyArchitectureFolded"})
  void everyOneGivesWhatTheTrialGaveOrIsRefused(Case of) throws IOException {
    Method method = MethodSamples.all().get(of.method);
    Trial trial = families.trial(LIBRARY, of.architecture, method, of.task, of.weights);
    Path kept = folder.resolve("kept.safetensors");
    try (Backend backend = Backends.open(Backends.DEFAULT, 1)) {
      Outcome outcome =
          new TrialRun(LIBRARY, backend)
              .run(trial, RunLimits.FREE.with(t -> t.write(kept)), Progress.SILENT);
      assertThat(outcome.reason()).isNull();
      try (SafeTensors tensors = SafeTensors.open(kept);
          TrialExport export = TrialExport.open(trial.id(), tensors, LIBRARY, backend)) {
        Batch batch = batch(trial);
        float[] wanted = export.logits(batch);
        String refusal = written(export, of);
        if (refusal != null) {
          boolean isExpected =
              of.isWritten() && of.isNetwork || of.isMerged && !export.isMergeable();
          assertThat(refusal).matches("Cannot [^\n]*[^.\n]");
          assertThat(isExpected).as(refusal).isTrue();
          return;
        }
        int outputs = of.isWritten() ? TinyFamilies.VOCABULARY : trial.task().task().outputs();
        assertClose(batch, outputs, of.isNetwork ? network(batch) : graph(batch), wanted);
        if (of.isMerged) {
          assertClose(batch, outputs, again(trial, batch, backend), wanted);
        }
      }
    }
  }

  /** Returns why it was refused, null if it was not. */
  private String written(TrialExport export, Case of) {
    try {
      if (of.isNetwork) {
        export.writeNetwork(folder, of.isMerged);
      } else {
        export.writeGraph(folder, of.isMerged);
      }
      return null;
    } catch (IllegalArgumentException e) {
      return e.getMessage();
    }
  }

  private static Batch batch(Trial trial) {
    Base base = LIBRARY.base(trial.model(), "cpu");
    int tokens = new GraphExport(trial, base, null).tokens();
    return new Batches(7, tokens, Padding.MAX, 1, base.padId())
        .batch(
            LIBRARY.tokenised(trial).reported().get(0).examples(), IntStream.range(0, 7).toArray());
  }

  private float[] graph(Batch batch) {
    SameDiff graph = SameDiff.load(folder.resolve("model.fb").toFile(), false);
    INDArray ids = rows(batch, batch.ids());
    INDArray mask = rows(batch, batch.mask());
    return floats(graph.output(Map.of("ids", ids, "mask", mask), List.of("logits")).get("logits"));
  }

  private float[] network(Batch batch) throws IOException {
    ComputationGraph network =
        ModelSerializer.restoreComputationGraph(folder.resolve("model.zip").toFile());
    INDArray[] inputs = {
      rows(batch, batch.ids()).castTo(DataType.FLOAT),
      rows(batch, batch.mask()).castTo(DataType.FLOAT)
    };
    String last = network.getConfiguration().getVertexInputs().get(RecordedNetwork.OUTPUT).get(0);
    return floats(network.feedForward(inputs, false).get(last));
  }

  /** What the folder gives as the model of a trial. */
  private float[] again(Trial trial, Batch batch, Backend backend) {
    Task task = trial.task().task();
    try (Checkpoint checkpoint = Checkpoint.open(folder);
        Model model =
            Models.build(
                checkpoint.config(),
                task.outputs(),
                backend,
                new CheckpointWeights(checkpoint).forTrial(backend, new Seeds(5)));
        Tape tape = new Tape(backend)) {
      assertThat(Models.requireComplete(checkpoint, task.outputs())).isEmpty();
      tape.startEvaluation();
      return TinyModels.read(backend, model.logits(tape, batch).value());
    }
  }

  private static INDArray rows(Batch batch, int... numbers) {
    return Nd4j.createFromArray(numbers).reshape(batch.rows(), batch.tokens());
  }

  private static float[] floats(INDArray array) {
    return array.dup('c').reshape(array.length()).toFloatVector();
  }

  private static void assertClose(Batch batch, int outputs, float[] given, float... wanted) {
    double largest = 1;
    for (float each : wanted) {
      largest = Math.max(largest, Math.abs(each));
    }
    assertThat(given).hasSameSizeAs(wanted);
    for (int i = 0; i < wanted.length; i++) {
      if (GraphExport.isShown(i / outputs, wanted.length / outputs, batch)) {
        assertThat((double) given[i])
            .as("output %d", i)
            .isCloseTo(wanted[i], within(TOLERANCE * largest));
      }
    }
  }
}
