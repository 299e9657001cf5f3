package org.peftsweep.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import java.util.zip.ZipOutputStream;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.EmbeddingLayer;
import org.deeplearning4j.nn.conf.layers.LossLayer;
import org.deeplearning4j.nn.conf.layers.misc.FrozenLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.util.ModelSerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

/** Networks that Deeplearning4j's serializer wrote, as models of a sweep. */
class NetworkFileTest {
  private static final String WORDS = "bert.embeddings.word_embeddings";
  private static final String QUERY = "bert.encoder.layer.0.attention.self.query";
  private static final String POOLER = "bert.pooler.dense";
  private static final String SENTENCE = "Cannot open [^\\n]*model\\.zip as a network[^\\n.]*: .*";

  @TempDir Path folder;

  private Path file() {
    return folder.resolve("model.zip");
  }

  private ComputationGraph network() {
    ComputationGraph network =
        new ComputationGraph(
            new NeuralNetConfiguration.Builder()
                .graphBuilder()
                .addInputs("ids")
                .addLayer(WORDS, new EmbeddingLayer.Builder().nIn(5).nOut(3).build(), "ids")
                .addLayer(
                    QUERY,
                    new FrozenLayer(
                        new DenseLayer.Builder()
                            .nIn(3)
                            .nOut(4)
                            .activation(Activation.IDENTITY)
                            .build()),
                    WORDS)
                .addLayer(
                    POOLER,
                    new DenseLayer.Builder().nIn(4).nOut(2).activation(Activation.TANH).build(),
                    QUERY)
                .addLayer(
                    "output",
                    new LossLayer.Builder(LossFunction.MSE).activation(Activation.IDENTITY).build(),
                    POOLER)
                .setOutputs("output")
                .build());
    network.init();
    return network;
  }

  private ComputationGraph written() throws IOException {
    ComputationGraph network = network();
    ModelSerializer.writeModel(network, file().toFile(), true);
    return network;
  }

  @Test
  void layersNamedAfterModulesAreTheirWeights() throws IOException {
    ComputationGraph network = written();
    NetworkFile file = NetworkFile.open(file());
    assertThat(file.shapes().get(WORDS + ".weight")).containsExactly(5L, 3L);
    assertThat(file.floats(WORDS + ".weight")).containsExactly(floats(network, WORDS, "W"));
    for (String name : new String[] {QUERY, POOLER}) {
      INDArray weight = network.getLayer(name).getParam("W").transpose();
      assertThat(file.shapes().get(name + ".weight"))
          .containsExactly(weight.rows() + 0L, weight.columns() + 0L);
      assertThat(file.floats(name + ".weight"))
          .containsExactly(weight.dup('c').reshape(weight.length()).toFloatVector());
      assertThat(file.floats(name + ".bias")).containsExactly(floats(network, name, "b"));
    }
    assertThat(file.shapes()).hasSize(5);
  }

  private static float[] floats(ComputationGraph network, String layer, String parameter) {
    INDArray values = network.getLayer(layer).getParam(parameter);
    return values.dup('c').reshape(values.length()).toFloatVector();
  }

  @ParameterizedTest
  @CsvSource(
      delimiterString = " => ",
      quoteCharacter = '`',
      textBlock =
          """
          "topologicalOrderStr" > "order" => it is no ComputationGraph, convert it with toComputationGraph
          layers.DenseLayer > layers.LSTM => its layer bert.encoder.layer.0.attention.self.query is a org.deeplearning4j.nn.conf.layers.LSTM, whose parameters are not known here; name dense and embedding layers after modules, or save another format
          "nout" : 4 > "nout" : 5 => its layers have 45 parameters, and it holds 41
          """)
  void whatIsNotKnownIsNamed(String change, String fault) throws IOException {
    written();
    String[] words = change.split(" > ");
    change("configuration.json", text -> text.replaceFirst(Pattern.quote(words[0]), words[1]));
    assertThatThrownBy(() -> NetworkFile.open(file()))
        .isInstanceOf(CheckpointException.class)
        .hasMessage("Cannot open " + file() + " as a network of Deeplearning4j: " + fault);
  }

  private void change(String entry, UnaryOperator<String> change) throws IOException {
    Path changed = folder.resolve("changed.zip");
    try (InputStream in = Files.newInputStream(file());
        ZipInputStream zip = new ZipInputStream(in);
        OutputStream out = Files.newOutputStream(changed);
        ZipOutputStream to = new ZipOutputStream(out)) {
      for (ZipEntry next = zip.getNextEntry(); next != null; next = zip.getNextEntry()) {
        to.putNextEntry(new ZipEntry(next.getName()));
        byte[] bytes = zip.readAllBytes();
        to.write(
            next.getName().equals(entry)
                ? change
                    .apply(new String(bytes, StandardCharsets.UTF_8))
                    .getBytes(StandardCharsets.UTF_8)
                : bytes);
      }
    }
    Files.move(changed, file(), StandardCopyOption.REPLACE_EXISTING);
  }

  @Test
  void aDamagedFileIsReadOrRefusedInOneSentence() throws IOException {
    written();
    byte[] whole = Files.readAllBytes(file());
    SplittableRandom random = new SplittableRandom(3);
    int refused = 0;
    for (int i = 0; i < 200; i++) {
      byte[] damaged =
          i % 2 == 0 ? Arrays.copyOf(whole, random.nextInt(whole.length)) : whole.clone();
      for (int flips = i % 2 * 3; flips > 0; flips--) {
        damaged[random.nextInt(damaged.length)] ^= (byte) (1 << random.nextInt(8));
      }
      Files.write(file(), damaged);
      try {
        NetworkFile file = NetworkFile.open(file());
        file.shapes().keySet().forEach(file::floats);
      } catch (CheckpointException e) {
        assertThat(e.getMessage()).matches(SENTENCE);
        refused++;
      }
    }
    assertThat(refused).isGreaterThan(100);
  }
}
