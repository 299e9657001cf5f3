package org.peftsweep.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.factory.Nd4j;

/** Graphs of SameDiff as models of a sweep. */
class SameDiffFileTest {
  private static final String QUERY = "encoder.layer.0.attention.self.query";
  private static final String SENTENCE = "Cannot open [^\\n]*model\\.fb as a graph[^\\n.]*: .*";

  @TempDir Path folder;

  private Path file() {
    return folder.resolve("model.fb");
  }

  private void write(String... names) throws IOException {
    SameDiff graph = SameDiff.create();
    SDVariable sum = graph.placeHolder("x", DataType.FLOAT, -1, 3);
    for (int i = 0; i < names.length; i++) {
      float[] values = {i, 1, 2, 3, 4, 5};
      SDVariable weight =
          i % 2 == 0
              ? graph.var(names[i], Nd4j.createFromArray(values).reshape(2, 3))
              : graph.constant(names[i], Nd4j.createFromArray(values).reshape(2, 3));
      sum = sum.add(weight.mean(true, 0));
    }
    graph.constant("bert.embeddings.position_ids", Nd4j.createFromArray(1, 2));
    graph.identity("y", sum);
    graph.save(file().toFile(), false);
  }

  @Test
  void variablesAndConstantsWithNamesAreRead() throws IOException {
    write(QUERY + ".weight", "embeddings.word_embeddings.weight", "unnamed");
    SameDiffFile file = SameDiffFile.open(file());
    assertThat(file.shapes())
        .containsOnlyKeys(QUERY + ".weight", "embeddings.word_embeddings.weight");
    assertThat(file.shapes().get(QUERY + ".weight")).containsExactly(2L, 3L);
    assertThat(file.floats("embeddings.word_embeddings.weight")).containsExactly(1, 1, 2, 3, 4, 5);
    float[] part = new float[2];
    file.values(QUERY + ".weight").read(3, FloatBuffer.wrap(part));
    assertThat(part).containsExactly(3, 4);
  }

  @Test
  void anAdapterIsRefused() throws IOException {
    write(QUERY + ".weight", QUERY + ".lora_A.weight");
    assertThatThrownBy(() -> SameDiffFile.open(file()))
        .isInstanceOf(CheckpointException.class)
        .hasMessageEndingWith(
            "it has an adapter, " + QUERY + ".lora_A.weight, export it with --merged");
  }

  @Test
  void aGraphWithoutNamesIsRefused() throws IOException {
    write("a", "b");
    assertThatThrownBy(() -> SameDiffFile.open(file()))
        .isInstanceOf(CheckpointException.class)
        .hasMessageEndingWith("it holds no weights with names of modules, such as encoder.layer.0");
  }

  @Test
  void aDamagedFileIsReadOrRefusedInOneSentence() throws IOException {
    write(QUERY + ".weight", "embeddings.word_embeddings.weight");
    byte[] whole = Files.readAllBytes(file());
    SplittableRandom random = new SplittableRandom(3);
    int refused = 0;
    for (int i = 0; i < 400; i++) {
      byte[] damaged =
          i % 2 == 0 ? Arrays.copyOf(whole, random.nextInt(whole.length)) : whole.clone();
      for (int flips = i % 2 * 8; flips > 0; flips--) {
        damaged[random.nextInt(damaged.length)] ^= (byte) (1 << random.nextInt(8));
      }
      Files.write(file(), damaged);
      try {
        SameDiffFile file = SameDiffFile.open(file());
        file.shapes().keySet().forEach(file::floats);
      } catch (CheckpointException e) {
        assertThat(e.getMessage()).matches(SENTENCE);
        refused++;
      }
    }
    assertThat(refused).isGreaterThan(100);
  }
}
