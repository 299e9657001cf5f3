package org.peftsweep.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.peftsweep.checkpoint.OnnxBytes.littleEndian;
import static org.peftsweep.checkpoint.OnnxBytes.message;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.SortedMap;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.iq80.leveldb.CompressionType;
import org.iq80.leveldb.Options;
import org.iq80.leveldb.table.BytewiseComparator;
import org.iq80.leveldb.table.TableBuilder;
import org.iq80.leveldb.util.Slice;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TensorFlowBundleTest {
  private static final int FLOAT = 1;
  private static final int INT64 = 9;

  private final SortedMap<String, byte[]> entries = new TreeMap<>();
  private final ByteArrayOutputStream data = new ByteArrayOutputStream();

  @TempDir Path folder;

  @Test
  void variablesHaveTheNamesAndTheOrientationOfPyTorch() throws IOException {
    String query = "module/bert/encoder/layer_11/attention/self/query/";
    variable(query + "kernel", littleEndian(1, 2, 3, 4, 5, 6), 2, 3);
    variable(query + "bias", littleEndian(7, 8, 9), 3);
    variable("module/bert/embeddings/word_embeddings", littleEndian(1, 2, 3, 4), 2, 2);
    entry("global_step", INT64, new byte[8]);
    variable("bert/pooler/dense/kernel/adam_m", littleEndian(1), 1);
    TensorFlowBundle bundle = open();
    String name = "bert.encoder.layer.11.attention.self.query.";
    assertThat(bundle.shapes())
        .containsOnlyKeys(name + "weight", name + "bias", "bert.embeddings.word_embeddings.weight");
    assertThat(bundle.shapes().get(name + "weight")).containsExactly(3L, 2L);
    assertThat(bundle.floats(name + "weight")).containsExactly(1, 4, 2, 5, 3, 6);
    assertThat(bundle.floats(name + "bias")).containsExactly(7, 8, 9);
    assertThat(bundle.floats("bert.embeddings.word_embeddings.weight")).containsExactly(1, 2, 3, 4);
  }

  @ParameterizedTest
  @CsvSource({
    "bert/embeddings/LayerNorm/gamma,bert.embeddings.LayerNorm.weight",
    "bert/embeddings/LayerNorm/beta,bert.embeddings.LayerNorm.bias",
    "bert/embeddings/token_type_embeddings,bert.embeddings.token_type_embeddings.weight",
    "bert/encoder/layer_0/output/dense/kernel,bert.encoder.layer.0.output.dense.weight",
    "module/cls/predictions/output_bias,cls.predictions.bias",
    "cls/predictions/transform/dense/kernel,cls.predictions.transform.dense.weight",
    "cls/seq_relationship/output_weights,cls.seq_relationship.weight",
    "output_weights,classifier.weight",
    "output_bias,classifier.bias"
  })
  void eachVariableOfBertHasItsName(String variable, String name) {
    assertThat(TensorFlowNames.inPyTorch(variable)).isEqualTo(name);
  }

  @Test
  void valuesThatAreMissingOrCutAreNamed() throws IOException {
    variable("a/bias", littleEndian(1, 2), 2);
    open();
    Path values = folder.resolve("variables.data-00000-of-00001");
    Files.write(values, Arrays.copyOf(Files.readAllBytes(values), 7));
    assertThatThrownBy(() -> TensorFlowBundle.open(folder.resolve("variables.index")))
        .isInstanceOf(CheckpointException.class)
        .hasMessageEndingWith("a/bias of sizes [2] needs 8 bytes and 7 are there");
    Files.delete(values);
    assertThatThrownBy(() -> TensorFlowBundle.open(folder.resolve("variables.index")))
        .isInstanceOf(CheckpointException.class)
        .hasMessage(
            "Cannot open %s, which variables.index names: there is no such file; supply it",
            values);
  }

  @Test
  void whateverHappensToAnIndexItIsReadOrRefused() throws IOException {
    for (int layer = 0; layer < 30; layer++) {
      variable("bert/encoder/layer_" + layer + "/dense/kernel", littleEndian(1, 2, 3, 4), 2, 2);
    }
    open();
    Path index = folder.resolve("variables.index");
    byte[] whole = Files.readAllBytes(index);
    SplittableRandom random = new SplittableRandom(2);
    int refused = 0;
    for (int round = 0; round < 2000; round++) {
      byte[] bytes = whole.clone();
      bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
      if (random.nextInt(4) == 0) {
        bytes = Arrays.copyOf(bytes, random.nextInt(bytes.length));
      }
      Files.write(index, bytes);
      try {
        TensorFlowBundle bundle = TensorFlowBundle.open(index);
        bundle.shapes().keySet().forEach(bundle::floats);
      } catch (CheckpointException e) {
        assertThat(e.getMessage()).doesNotContain("\n").startsWith("Cannot ");
        refused++;
      }
    }
    assertThat(refused).isGreaterThan(500);
  }

  private void variable(String name, byte[] values, long... shape) {
    entry(name, FLOAT, values, shape);
  }

  private void entry(String name, int type, byte[] values, long... shape) {
    long offset = data.size();
    data.writeBytes(values);
    byte[] sizes =
        message(
            out -> {
              for (long size : shape) {
                out.writeByteArray(2, message(inner -> inner.writeInt64(1, size)));
              }
            });
    entries.put(
        name,
        message(
            out -> {
              out.writeInt32(1, type);
              out.writeByteArray(2, sizes);
              out.writeInt64(4, offset);
              out.writeInt64(5, values.length);
              out.writeFixed32(6, 0);
            }));
  }

  private TensorFlowBundle open() throws IOException {
    entries.put("", message(out -> out.writeInt32(1, 1)));
    Files.write(folder.resolve("variables.data-00000-of-00001"), data.toByteArray());
    Path index = folder.resolve("variables.index");
    try (FileChannel channel =
        FileChannel.open(
            index,
            StandardOpenOption.CREATE,
            StandardOpenOption.TRUNCATE_EXISTING,
            StandardOpenOption.WRITE)) {
      Options options = new Options();
      options.compressionType(CompressionType.NONE);
      options.blockSize(256);
      TableBuilder table = new TableBuilder(options, channel, new BytewiseComparator());
      for (var entry : entries.entrySet()) {
        table.add(
            new Slice(entry.getKey().getBytes(StandardCharsets.UTF_8)),
            new Slice(entry.getValue()));
      }
      table.finish();
    }
    return TensorFlowBundle.open(index);
  }
}
