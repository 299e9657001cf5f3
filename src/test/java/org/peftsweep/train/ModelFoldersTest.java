package org.peftsweep.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Which files of a model's folder decide what it computes. */
class ModelFoldersTest {
  private final ModelFolders folders = new ModelFolders(new Configuration());

  @TempDir Path folder;
  @TempDir Path other;

  @ParameterizedTest
  @ValueSource(
      strings = {
        "config.json",
        "model.safetensors",
        "model-00001-of-00002.safetensors",
        "pytorch_model.bin",
        "pytorch_model-00001-of-00002.bin",
        "pytorch_model.bin.index.json",
        "model.onnx",
        "model.onnx_data",
        "onnx/model.onnx",
        "variables/variables.index",
        "variables/variables.data-00000-of-00001",
        "bert_model.ckpt.index",
        "bert_model.ckpt.data-00000-of-00001",
        "tokenizer.json",
        "tokenizer.model",
        "spm.model",
        "sentencepiece.bpe.model",
        "vocab.txt"
      })
  void theHashFollowsEveryByteOfThatFileAndNotThePlace(String name) throws IOException {
    write(folder, name);
    write(other, name);
    String hash = folders.contentHash(folder);
    assertThat(hash).matches("[0-9a-f]{64}").isEqualTo(folders.contentHash(other));
    Files.writeString(other.resolve(name), "x", StandardOpenOption.APPEND);
    assertThat(folders.contentHash(other)).isNotEqualTo(hash);
  }

  @ParameterizedTest
  @ValueSource(strings = {"README.md", "pytorch_model.bin", "onnx/model.onnx", "runs/model.onnx"})
  void besideSafetensorsOtherWeightsDecideNothing(String name) throws IOException {
    write(folder, "model.safetensors");
    String hash = folders.contentHash(folder);
    write(folder, name);
    assertThat(folders.contentHash(folder)).isEqualTo(hash);
  }

  @ParameterizedTest
  @ValueSource(strings = {"spm.model", "sentencepiece.bpe.model", "added_tokens.json"})
  void besideAnotherTokenizerPiecesDecideNothing(String name) throws IOException {
    write(folder, "tokenizer.json");
    String hash = folders.contentHash(folder);
    write(folder, name);
    assertThat(folders.contentHash(folder)).isEqualTo(hash);
  }

  @Test
  void tokensThatWereAddedToPiecesDecide() throws IOException {
    write(folder, "spm.model");
    String hash = folders.contentHash(folder);
    write(folder, "added_tokens.json");
    assertThat(folders.contentHash(folder)).isNotEqualTo(hash);
  }

  private static void write(Path folder, String name) throws IOException {
    Path file = folder.resolve(name);
    Files.createDirectories(file.getParent());
    Files.writeString(file, "content");
  }
}
