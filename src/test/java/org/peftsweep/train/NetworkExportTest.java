package org.peftsweep.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.apache.hadoop.conf.Configuration;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.util.ModelSerializer;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.api.MultiDataSet;
import org.peftsweep.checkpoint.Checkpoint;
import org.peftsweep.checkpoint.SafeTensors;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.data.Example;
import org.peftsweep.dl4j.LoRALayer;
import org.peftsweep.dl4j.ProjectionLayer;
import org.peftsweep.dl4j.TaskIterator;
import org.peftsweep.spec.Sweep;
import org.peftsweep.spec.SweepFile;
import org.peftsweep.spec.Trial;
import org.peftsweep.train.Outcome.Prediction;

/** A trained trial as a network of Deeplearning4j, and as the base of other trials. */
class NetworkExportTest {
  private static final Library LIBRARY = new Library(new Configuration());
  private static final String LAYER = "roberta.encoder.layer.0.attention.self.";

  @TempDir static Path exported;
  private static Trial trial;
  private static List<Prediction> predictions;

  @TempDir Path folder;

  @BeforeAll
  static void train() {
    String file =
        """
        name: x
        model: builtin:mini
        tasks: [mini-mnli]
        train-limit: 60
        grid: [{method: lora}]
        training: {max-steps: 4, batch: 8, max-tokens: 32}
        rates: {learning-rate: 1e-2}
        """;
    Sweep sweep =
        SweepFile.read(
            "x.yaml",
            Map.of(),
            location -> Optional.ofNullable(location.equals("x.yaml") ? file : null));
    trial = sweep.expand(LIBRARY::modelHash, LIBRARY::taskHash).get(0);
    Path kept = exported.resolve("kept.safetensors");
    try (Backend backend = Backends.open("cpu", 1)) {
      predictions =
          new TrialRun(LIBRARY, backend)
              .run(trial, RunLimits.FREE.with(t -> t.write(kept)), Progress.SILENT)
              .predictions();
      try (SafeTensors tensors = SafeTensors.open(kept);
          TrialExport export = TrialExport.open(trial.id(), tensors, LIBRARY, backend)) {
        export.writeNetwork(exported.resolve("dl4j"), false);
        export.writeNetwork(exported.resolve("model.zip"), true);
        export.writeGraph(exported.resolve("model.fb"), true);
        export.writeMerged(exported.resolve("merged"));
      }
    }
  }

  private static ComputationGraph network() throws IOException {
    return ModelSerializer.restoreComputationGraph(
        exported.resolve("dl4j/model.zip").toFile(), true);
  }

  @Test
  void theNetworkAnswersAsTheTrialDid() throws IOException {
    ComputationGraph network = network();
    Map<Integer, Double> wanted =
        predictions.stream().collect(Collectors.toMap(Prediction::example, Prediction::score));
    List<Double> given = new ArrayList<>();
    TaskIterator dev = TaskData.of(trial, LIBRARY).reported("dev");
    while (dev.hasNext()) {
      INDArray shares = network.outputSingle(dev.next().getFeatures());
      for (int i = 0; i < shares.rows(); i++) {
        given.add((double) shares.getRow(i).maxNumber().floatValue());
      }
    }
    // Batches are sorted by length.
    List<Double> sorted = given.stream().sorted().toList();
    List<Double> all = wanted.values().stream().sorted().toList();
    assertThat(sorted).hasSameSizeAs(all);
    for (int i = 0; i < all.size(); i++) {
      assertThat(sorted.get(i)).isCloseTo(all.get(i), within(1e-4));
    }
    assertThat(network.getLayer(LAYER + "query").conf().getLayer()).isInstanceOf(LoRALayer.class);
    assertThat(network.getLayer(LAYER + "key").conf().getLayer())
        .isInstanceOf(ProjectionLayer.class);
  }

  @Test
  void whatLearntLearnsOn() throws IOException {
    ComputationGraph network = network();
    Map<String, INDArray> before = new HashMap<>();
    network.paramTable().forEach((name, values) -> before.put(name, values.dup()));
    TaskIterator train = TaskData.of(trial, LIBRARY).train();
    MultiDataSet first = train.next();
    double loss = network.score(first);
    for (int i = 0; i < 4; i++) {
      network.fit(first);
    }
    assertThat(network.score(first)).isLessThan(loss);
    Set<String> changed =
        before.keySet().stream()
            .filter(name -> !before.get(name).equalsWithEps(network.getParam(name), 0))
            .map(name -> name.replaceFirst(".*(lora-[AB]|classifier).*", "$1"))
            .collect(Collectors.toSet());
    assertThat(changed).containsExactlyInAnyOrder("lora-A", "lora-B", "classifier");
    network.fit(train);
    assertThat(train.hasNext()).isFalse();
  }

  @ParameterizedTest
  @ValueSource(strings = {"model.zip", "model.fb"})
  void aMergedOneIsTheModelOfASweep(String form) {
    try (Checkpoint given = Checkpoint.open(exported.resolve(form));
        Checkpoint wanted = Checkpoint.open(exported.resolve("merged"))) {
      assertThat(exported.resolve(form).resolve(form)).exists();
      wanted
          .tensors()
          .forEach(
              (name, tensor) -> {
                long[] shape = tensor.shape().stream().mapToLong(Long::longValue).toArray();
                assertThat(given.find(name).requireShape(shape).floats())
                    .as(name)
                    .containsExactly(tensor.floats());
              });
    }
  }

  @Test
  void aProgramWithDeeplearning4jClassifiesFreezesTrainsOnAndSaves() throws Exception {
    List<Example> examples = LIBRARY.dataset(trial.task()).dev().get(0).examples();
    List<String> labels = trial.task().task().labelNames();
    List<String> lines = new ArrayList<>();
    for (Example example : examples.subList(0, 16)) {
      lines.add(
          labels.get((int) example.label()) + "\t" + example.first() + "\t" + example.second());
    }
    Path data = Files.write(folder.resolve("train.tsv"), lines);
    Path saved = folder.resolve("better.zip");
    List<String> libraries = new ArrayList<>(SampleProgram.ND4J);
    libraries.add("/org/deeplearning4j/");
    List<String> said =
        new SampleProgram(
                folder,
                libraries,
                List.of("org/peftsweep/dl4j/", "org/peftsweep/compute/samediff/Derivatives"))
            .run(
                "FineTuneNetwork",
                exported.resolve("dl4j").toString(),
                data.toString(),
                saved.toString());
    for (int i = 0; i < 3; i++) {
      String[] words = said.get(i).split(" ", 3);
      assertThat(words[0]).isEqualTo(labels.get((int) predictions.get(i).prediction()));
      assertThat(Double.parseDouble(words[1])).isCloseTo(predictions.get(i).score(), within(1e-4));
    }
    assertThat(SampleProgram.number(said, "loss after "))
        .isLessThan(SampleProgram.number(said, "loss before "));
    ComputationGraph better = ModelSerializer.restoreComputationGraph(saved.toFile());
    ComputationGraph network = network();
    assertThat(better.getParam(LAYER + "query_lora-B.weight"))
        .isEqualTo(network.getParam(LAYER + "query_lora-B.weight"));
    assertThat(better.getParam("classifier.dense_weight"))
        .isNotEqualTo(network.getParam("classifier.dense_weight"));
  }
}
