package org.peftsweep.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.peftsweep.TestFolders;

class CheckpointTest {
  private static final String INDEX = "model.safetensors.index.json";

  @TempDir Path folder;

  @Test
  void tensorsAreFoundWithAndWithoutThePrefix() throws IOException {
    config("bert");
    weights("model.safetensors", "bert.a.weight", "b.weight", "classifier.weight");
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      assertThat(checkpoint.find("a.weight").name()).isEqualTo("bert.a.weight");
      assertThat(checkpoint.find("bert.a.weight").name()).isEqualTo("bert.a.weight");
      assertThat(checkpoint.find("bert.b.weight").name()).isEqualTo("b.weight");
      assertThat(checkpoint.find("classifier.weight").floats()).containsExactly(2, 2);
      assertThat(checkpoint.lookup("score.weight")).isEmpty();
      assertThatThrownBy(() -> checkpoint.find("score.weight"))
          .isInstanceOf(CheckpointException.class)
          .hasMessage(
              "Cannot find score.weight in %s: tried prefixes \"\", \"bert.\"; 3 names present",
              folder);
    }
  }

  @Test
  void oldNamesOfALayerNormAreFound() throws IOException {
    config("bert");
    weights("model.safetensors", "bert.x.LayerNorm.gamma", "bert.x.LayerNorm.beta");
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      assertThat(checkpoint.find("x.LayerNorm.weight").floats()).containsExactly(0, 0);
      assertThat(checkpoint.find("x.LayerNorm.bias").floats()).containsExactly(1, 1);
    }
  }

  @Test
  void aWrongShapeIsNamedWithBothShapes() throws IOException {
    config("bert");
    weights("model.safetensors", "x");
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      assertThat(checkpoint.find("x").requireShape(2).floats()).hasSize(2);
      assertThatThrownBy(() -> checkpoint.find("x").requireShape(2, 1))
          .isInstanceOf(CheckpointException.class)
          .hasMessageEndingWith("its shape is [2], and config.json asks for [2, 1]");
    }
  }

  @Test
  void shardsAreReadThroughTheirIndex() throws IOException {
    config("llama");
    weights("model-00001-of-00002.safetensors", "model.a", "model.b");
    weights("model-00002-of-00002.safetensors", "model.c", "model.d");
    index(
        "\"model.b\":\"model-00001-of-00002.safetensors\",\"model.d\":\"model-00002-of-00002.safetensors\"");
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      assertThat(checkpoint.tensors()).containsOnlyKeys("model.b", "model.d");
      assertThat(checkpoint.find("d").floats()).containsExactly(1, 1);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"../x.safetensors", "/etc/passwd", "", "..", "a/b.safetensors"})
  void aShardOutsideTheFolderIsRefused(String shard) throws IOException {
    config("llama");
    index("\"a\":\"" + shard + "\"");
    assertThatThrownBy(() -> Checkpoint.open(folder))
        .isInstanceOf(CheckpointException.class)
        .hasMessageStartingWith("Cannot use shard");
  }

  @Test
  void anIndexThatPromisesMoreThanItsShardsIsRefused() throws IOException {
    config("llama");
    weights("s.safetensors", "a");
    index("\"b\":\"s.safetensors\"");
    assertThatThrownBy(() -> Checkpoint.open(folder))
        .isInstanceOf(CheckpointException.class)
        .hasMessage("Cannot find b in %s: 1 names present", folder.resolve("s.safetensors"));
    index("\"a\":\"missing.safetensors\"");
    assertThatThrownBy(() -> Checkpoint.open(folder))
        .isInstanceOf(CheckpointException.class)
        .hasMessage(
            "Cannot open %s, which model.safetensors.index.json names: there is no such file; supply it",
            folder.resolve("missing.safetensors"));
    Files.writeString(folder.resolve(INDEX), "{}");
    assertThatThrownBy(() -> Checkpoint.open(folder))
        .isInstanceOf(CheckpointException.class)
        .hasMessageEndingWith("its weight_map names no tensor");
  }

  /** Every file of weights or of settings as a link that leads nowhere, as a folder, and so on. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "config.json",
        "model.safetensors",
        "model.safetensors.index.json",
        "pytorch_model.bin",
        "pytorch_model.bin.index.json",
        "model.onnx",
        "variables.index",
        "model.zip",
        "model.fb",
        "shard.safetensors",
        "shard.bin"
      })
  void whatIsThereButNoFileIsTold(String name) throws IOException {
    config("bert");
    String shard = name.startsWith("shard.") ? name.substring(6) : "";
    if (!shard.isEmpty()) {
      String whole = shard.equals("bin") ? "pytorch_model.bin" : "model.safetensors";
      Files.writeString(
          folder.resolve(whole + ".index.json"), "{\"weight_map\": {\"a\": \"" + name + "\"}}");
    }
    Path file = folder.resolve(name);
    String named =
        shard.isEmpty()
            ? ": "
            : shard.equals("bin")
                ? ", which pytorch_model.bin.index.json names: "
                : ", which model.safetensors.index.json names: ";
    Files.deleteIfExists(file);
    Files.createSymbolicLink(file, Path.of("../../blobs/0123"));
    assertThatThrownBy(() -> Checkpoint.open(folder))
        .isInstanceOf(CheckpointException.class)
        .hasMessage(
            "Cannot open %s%sit is a link to ../../blobs/0123, where nothing is; fetch that",
            file, named);
    Files.delete(file);
    Files.createDirectory(file);
    assertThatThrownBy(() -> Checkpoint.open(folder))
        .isInstanceOf(CheckpointException.class)
        .hasMessage("Cannot open %s%sit is a folder; supply a file of that name", file, named);
    Files.delete(file);
    if (!shard.isEmpty() || name.equals("config.json")) {
      assertThatThrownBy(() -> Checkpoint.open(folder))
          .isInstanceOf(CheckpointException.class)
          .hasMessage("Cannot open %s%sthere is no such file; supply it", file, named);
    }
  }

  @Test
  void whatWasOpenedBeforeAFaultIsClosed() throws IOException {
    Path descriptors = Path.of("/proc/self/fd");
    assumeTrue(Files.isDirectory(descriptors), "this system lists no open files");
    config("bert");
    Files.copy(
        Path.of("src", "test", "resources", "pytorch", "state_dict.bin"), folder.resolve("a.bin"));
    Files.writeString(
        folder.resolve("pytorch_model.bin.index.json"),
        "{\"weight_map\": {\"dense.weight\": \"a.bin\", \"x\": \"b.bin\"}}");
    assertThatThrownBy(() -> Checkpoint.open(folder)).hasMessageContaining("b.bin, which");
    try (Stream<Path> open = Files.list(descriptors)) {
      assertThat(open.filter(one -> leadsTo(one, folder.resolve("a.bin")))).isEmpty();
    }
  }

  private static boolean leadsTo(Path link, Path file) {
    try {
      return Files.readSymbolicLink(link).equals(file.toRealPath());
    } catch (IOException e) {
      return false;
    }
  }

  @Test
  void aFolderWithoutWeightsIsToldWhatToSupply() throws IOException {
    config("bert");
    assertThatThrownBy(() -> Checkpoint.open(folder))
        .isInstanceOf(CheckpointException.class)
        .hasMessage(
            "Cannot find weights in %s: supply model.safetensors, pytorch_model.bin, an .onnx file"
                + ", a TensorFlow checkpoint, or a model.zip or model.fb of Deeplearning4j",
            folder);
    Files.createFile(folder.resolve("pytorch_model.bin"));
    assertThatThrownBy(() -> Checkpoint.open(folder))
        .isInstanceOf(CheckpointException.class)
        .hasMessageStartingWith("Cannot open " + folder.resolve("pytorch_model.bin"));
  }

  @ParameterizedTest
  @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY})
  void aValueThatIsNoNumberIsNamed(float value) throws IOException {
    config("bert");
    new SafeTensorsWriter()
        .add("good", List.of(2L), new float[] {1, 2})
        .add("bad", List.of(3L), new float[] {1, 2, value})
        .write(folder.resolve("model.safetensors"));
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      checkpoint.find("good").requireFinite();
      assertThatThrownBy(checkpoint::requireFinite)
          .isInstanceOf(CheckpointException.class)
          .hasMessage(
              "Cannot use bad in %s: its element 2 is %s; supply weights that are numbers",
              folder.resolve("model.safetensors"), value);
    }
  }

  @Test
  @Tag("golden")
  void everyGoldenModelOpensWithTheSizesOfItsConfig() {
    List<Path> models = TestFolders.filesBelow(TestFolders.golden(), "/model.safetensors");
    assertThat(models).isNotEmpty();
    models.forEach(model -> requireEmbedding(model.getParent()));
  }

  @Test
  void aRealLlamaOpens() {
    requireEmbedding(TestFolders.shared("checkpoints").resolve("stories260k"));
  }

  private static void requireEmbedding(Path model) {
    try (Checkpoint checkpoint = Checkpoint.open(model)) {
      ModelConfig config = checkpoint.config();
      StoredTensor words =
          Stream.of(
                  "embeddings.word_embeddings.weight",
                  "embeddings.tok_embeddings.weight",
                  "embed_tokens.weight",
                  "wte.weight")
              .flatMap(name -> checkpoint.lookup(name).stream())
              .findFirst()
              .orElseThrow();
      words.requireShape(config.sizes().vocabulary(), config.sizes().embedding());
    }
  }

  private void config(String modelType) throws IOException {
    Files.writeString(
        folder.resolve("config.json"),
        """
        {"model_type": "%s", "hidden_size": 2, "num_hidden_layers": 1, "num_attention_heads": 1,
         "intermediate_size": 4, "vocab_size": 5, "max_position_embeddings": 6,
         "type_vocab_size": 2}
        """
            .formatted(modelType));
  }

  /** Tensor i of the names holds the number i twice. */
  private void weights(String file, String... names) {
    SafeTensorsWriter writer = new SafeTensorsWriter();
    for (int i = 0; i < names.length; i++) {
      writer.add(names[i], List.of(2L), new float[] {i, i});
    }
    writer.write(folder.resolve(file));
  }

  private void index(String weightMap) throws IOException {
    Files.writeString(folder.resolve(INDEX), "{\"weight_map\":{" + weightMap + "}}");
  }
}
