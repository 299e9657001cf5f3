package org.peftsweep.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.autodiff.samediff.VariableType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.peftsweep.checkpoint.Checkpoint;
import org.peftsweep.checkpoint.SafeTensors;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.Tape;
import org.peftsweep.data.Batch;
import org.peftsweep.data.Batches;
import org.peftsweep.data.Example;
import org.peftsweep.data.Padding;
import org.peftsweep.data.Seeds;
import org.peftsweep.data.Task;
import org.peftsweep.model.CheckpointWeights;
import org.peftsweep.model.Model;
import org.peftsweep.model.Models;
import org.peftsweep.model.TinyModels;
import org.peftsweep.spec.Sweep;
import org.peftsweep.spec.SweepFile;
import org.peftsweep.spec.Trial;
import org.peftsweep.train.Outcome.Prediction;

/** Trained trials as files of SameDiff, here and in a program that has nothing but ND4J. */
class GraphExportTest {
  private static final Library LIBRARY = new Library(new Configuration());
  private static final int TOKENS = 32;

  @TempDir Path folder;
  private Path kept;

  @BeforeEach
  void nameFile() {
    kept = folder.resolve("kept.safetensors");
  }

  private static Trial trial(String block) {
    return trial("mini", "mini-mnli", block);
  }

  private static Trial trial(String model, String task, String block) {
    String file =
        "name: x\nmodel: builtin:"
            + model
            + "\ntasks: ["
            + task
            + "]\ntrain-limit: 100\ngrid: [{method: "
            + block
            + "}]\ntraining: {max-steps: 6, batch: 8, max-tokens: "
            + TOKENS
            + "}\nrates: {learning-rate: 1e-2}\n";
    Sweep sweep =
        SweepFile.read(
            "x.yaml",
            Map.of(),
            location -> Optional.ofNullable(location.equals("x.yaml") ? file : null));
    return sweep.expand(LIBRARY::modelHash, LIBRARY::taskHash).get(0);
  }

  private List<Prediction> exported(Trial trial, boolean isMerged) {
    try (Backend backend = Backends.open("cpu", 1)) {
      Outcome outcome =
          new TrialRun(LIBRARY, backend)
              .run(trial, RunLimits.FREE.with(t -> t.write(kept)), Progress.SILENT);
      try (SafeTensors tensors = SafeTensors.open(kept);
          TrialExport export = TrialExport.open(trial.id(), tensors, LIBRARY, backend)) {
        export.writeGraph(folder.resolve("graph"), isMerged);
      }
      return outcome.predictions();
    }
  }

  @ParameterizedTest
  @CsvSource({"dora, true", "prompt, false"})
  void theFileAnswersAsTheTrialDid(String method, boolean isMerged) {
    Trial trial = trial(method);
    List<Prediction> wanted = exported(trial, isMerged);
    SameDiff graph = SameDiff.load(folder.resolve("graph/model.fb").toFile(), false);
    assertThat(trainable(graph))
        .anySatisfy(name -> assertThat(name).startsWith("classifier."))
        .satisfies(
            names ->
                assertThat(names.stream().allMatch(name -> name.startsWith("classifier.")))
                    .isEqualTo(isMerged));
    Base base = LIBRARY.base(trial.model(), "cpu");
    TokenisedTask data = LIBRARY.tokenised(trial);
    int rows = 50;
    Batch batch =
        new Batches(rows, TOKENS, Padding.MAX, 1, base.padId())
            .batch(data.reported().get(0).examples(), IntStream.range(0, rows).toArray());
    INDArray shares =
        graph
            .output(
                Map.of("ids", rows(rows, batch.ids()), "mask", rows(rows, batch.mask())),
                List.of("probabilities"))
            .get("probabilities");
    for (int i = 0; i < rows; i++) {
      assertThat((double) shares.getRow(i).maxNumber().floatValue())
          .isCloseTo(wanted.get(i).score(), within(1e-4));
    }
  }

  /** Every token's logits, of the rows that the trial was scored on. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void theFileOfALanguageModelHasTheLogitsOfTheMergedModel(boolean isMerged) {
    Trial trial = trial("mini-causal", "mini-ask", "lora");
    Path merged = folder.resolve("merged");
    int rows = 6;
    try (Backend backend = Backends.open("cpu", 1)) {
      new TrialRun(LIBRARY, backend)
          .run(trial, RunLimits.FREE.with(t -> t.write(kept)), Progress.SILENT);
      try (SafeTensors tensors = SafeTensors.open(kept);
          TrialExport export = TrialExport.open(trial.id(), tensors, LIBRARY, backend)) {
        export.writeGraph(folder.resolve("graph"), isMerged);
        export.writeMerged(merged);
      }
      Base base = LIBRARY.base(trial.model(), "cpu");
      Batch batch =
          new Batches(rows, TOKENS, Padding.MAX, 1, base.padId())
              .batch(
                  LIBRARY.tokenised(trial).reported().get(0).examples(),
                  IntStream.range(0, rows).toArray());
      SameDiff graph = SameDiff.load(folder.resolve("graph/model.fb").toFile(), false);
      assertThat(trainable(graph).stream().anyMatch(name -> name.contains(".lora_")))
          .isEqualTo(!isMerged);
      INDArray logits =
          graph
              .output(
                  Map.of("ids", rows(rows, batch.ids()), "mask", rows(rows, batch.mask())),
                  List.of("logits"))
              .get("logits");
      int[] real =
          IntStream.range(0, batch.ids().length).filter(i -> batch.mask()[i] > 0).toArray();
      try (Checkpoint checkpoint = Checkpoint.open(merged);
          Model plain =
              Models.build(
                  checkpoint.config(),
                  Task.NEXT_TOKEN,
                  backend,
                  new CheckpointWeights(checkpoint).forTrial(backend, new Seeds(0)));
          Tape tape = new Tape(backend)) {
        tape.startEvaluation();
        float[] wanted = TinyModels.read(backend, plain.logits(tape, batch, real).value());
        int width = wanted.length / real.length;
        assertThat(logits.shape()).containsExactly((long) rows * TOKENS, width);
        for (int i = 0; i < real.length; i++) {
          assertThat(logits.getRow(real[i]).toFloatVector())
              .as("token %d", real[i])
              .containsExactly(
                  Arrays.copyOfRange(wanted, i * width, (i + 1) * width), within(1e-4f));
        }
      }
    }
  }

  private static List<String> trainable(SameDiff graph) {
    return graph.variables().stream()
        .filter(variable -> variable.getVariableType() == VariableType.VARIABLE)
        .map(SDVariable::name)
        .toList();
  }

  private static INDArray rows(int count, int... values) {
    return Nd4j.createFromArray(values).reshape(count, values.length / count);
  }

  @Test
  void aProgramWithNothingButNd4jClassifiesTrainsOnAndSaves() throws Exception {
    Trial trial = trial("lora");
    List<Prediction> wanted = exported(trial, false);
    List<Example> examples = LIBRARY.dataset(trial.task()).dev().get(0).examples();
    List<String> labels = trial.task().task().labelNames();
    List<String> lines = new ArrayList<>();
    for (Example example : examples.subList(0, 16)) {
      lines.add(
          labels.get((int) example.label()) + "\t" + example.first() + "\t" + example.second());
    }
    Path data = Files.write(folder.resolve("train.tsv"), lines);
    Path saved = folder.resolve("better.fb");
    List<String> said =
        new SampleProgram(folder, SampleProgram.ND4J, List.of())
            .run(
                "FineTuneWinner",
                folder.resolve("graph").toString(),
                data.toString(),
                saved.toString());
    for (int i = 0; i < 3; i++) {
      String[] words = said.get(i).split(" ", 3);
      assertThat(words[0]).isEqualTo(labels.get((int) wanted.get(i).prediction()));
      assertThat(Double.parseDouble(words[1])).isCloseTo(wanted.get(i).score(), within(1e-4));
    }
    assertThat(SampleProgram.number(said, "loss after "))
        .isLessThan(SampleProgram.number(said, "loss before "));
    SameDiff better = SameDiff.load(saved.toFile(), false);
    String b = "roberta.encoder.layer.0.attention.self.query.lora_B.weight";
    SameDiff first = SameDiff.load(folder.resolve("graph/model.fb").toFile(), false);
    assertThat(better.getVariable(b).getArr()).isNotEqualTo(first.getVariable(b).getArr());
  }
}
