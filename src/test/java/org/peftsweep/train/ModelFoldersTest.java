package org.peftsweep.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.peftsweep.checkpoint.CheckpointException;

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

  /** A place as a link, with links in it, and with one that leads back to it. */
  @ParameterizedTest
  @ValueSource(strings = {"folder", "file", "below", "all"})
  void aLinkIsWhatItLeadsTo(String linked) throws IOException {
    List<String> hashes = new ArrayList<>();
    for (String content : List.of("1", "2")) {
      Path plain = folder.resolve("plain" + content);
      write(plain, "config.json");
      write(plain, "tokenizer.json");
      write(plain, "onnx/model.onnx");
      Files.writeString(plain.resolve("onnx/model.onnx"), content);
      Path place = folder.resolve("place" + content);
      if (linked.equals("folder")) {
        Files.createSymbolicLink(place, plain);
      } else {
        write(place, "config.json");
        write(place, "tokenizer.json");
        if (linked.equals("file")) {
          Files.createDirectory(place.resolve("onnx"));
          Files.createSymbolicLink(
              place.resolve("onnx/model.onnx"), plain.resolve("onnx/model.onnx"));
        } else {
          Files.createSymbolicLink(place.resolve("onnx"), plain.resolve("onnx"));
        }
        Files.createSymbolicLink(place.resolve("back"), place);
      }
      if (linked.equals("all")) {
        place = Files.createSymbolicLink(folder.resolve("link" + content), place.getFileName());
      }
      Path local = folders.local(place.toString());
      assertThat(local).isEqualTo(place);
      hashes.add(folders.contentHash(local));
      assertThat(hashes).last().isEqualTo(folders.contentHash(plain));
    }
    assertThat(hashes).doesNotHaveDuplicates();
  }

  @Test
  void whatHasNoFileOfAModelHasNoHash() throws IOException {
    write(folder, "README.md");
    Path link = Files.createSymbolicLink(other.resolve("link"), folder);
    for (Path place : List.of(folder, link, folder.resolve("README.md"))) {
      assertThatThrownBy(() -> folders.contentHash(place))
          .isInstanceOf(CheckpointException.class)
          .hasMessageStartingWith(
              "Cannot use " + place + ": no file of a model or adapter is in it; give ");
    }
  }

  private static void write(Path folder, String name) throws IOException {
    Path file = folder.resolve(name);
    Files.createDirectories(file.getParent());
    Files.writeString(file, "content");
  }
}
