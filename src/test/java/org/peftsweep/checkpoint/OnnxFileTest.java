package org.peftsweep.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.peftsweep.checkpoint.OnnxBytes.FLOAT;
import static org.peftsweep.checkpoint.OnnxBytes.FLOAT16;
import static org.peftsweep.checkpoint.OnnxBytes.INT64;
import static org.peftsweep.checkpoint.OnnxBytes.littleEndian;
import static org.peftsweep.checkpoint.OnnxBytes.tensor;

import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class OnnxFileTest {
  @TempDir Path folder;

  @Test
  void namedTensorsAreReadAsTheyLie() throws IOException {
    OnnxFile file =
        open(
            new OnnxBytes()
                .add(tensor("embeddings.weight", FLOAT, littleEndian(1, 2, 3, 4, 5, 6), 3, 2))
                .add(OnnxBytes.typedTensor("norm.bias", new float[] {7, 8}, 2))
                .add(tensor("half.bias", FLOAT16, new byte[] {0, 0x3c, 0, (byte) 0xc0}, 2))
                .add(tensor("positions", INT64, new byte[16], 2)));
    assertThat(file.shapes()).containsOnlyKeys("embeddings.weight", "norm.bias", "half.bias");
    assertThat(file.shapes().get("embeddings.weight")).containsExactly(3L, 2L);
    assertThat(file.floats("embeddings.weight")).containsExactly(1, 2, 3, 4, 5, 6);
    assertThat(file.floats("norm.bias")).containsExactly(7, 8);
    assertThat(file.floats("half.bias")).containsExactly(1, -2);
  }

  @Test
  void aFoldedWeightIsNamedByItsNodeAndTurned() throws IOException {
    OnnxFile file =
        open(
            new OnnxBytes()
                .add(tensor("onnx::MatMul_7", FLOAT, littleEndian(1, 2, 3, 4, 5, 6), 2, 3))
                .node(
                    "/encoder/layer.0/attention/self/query/MatMul",
                    "MatMul",
                    List.of("x", "onnx::MatMul_7"),
                    "y"));
    String name = "encoder.layer.0.attention.self.query.weight";
    assertThat(file.shapes()).containsOnlyKeys(name);
    assertThat(file.shapes().get(name)).containsExactly(3L, 2L);
    assertThat(file.floats(name)).containsExactly(1, 4, 2, 5, 3, 6);
    float[] part = new float[3];
    file.values(name).read(2, FloatBuffer.wrap(part));
    assertThat(part).containsExactly(2, 5, 3);
  }

  @Test
  void whereNodesHaveNoNamesTheBiasNamesTheWeight() throws IOException {
    OnnxFile file =
        open(
            new OnnxBytes()
                .add(tensor("787", FLOAT, littleEndian(1, 2), 1, 2))
                .add(tensor("pooler.dense.bias", FLOAT, littleEndian(0, 0), 2))
                .node("MatMul_3", "MatMul", List.of("x", "787"), "y")
                .node("Add_4", "Add", List.of("pooler.dense.bias", "y"), "z"));
    assertThat(file.shapes()).containsOnlyKeys("pooler.dense.weight", "pooler.dense.bias");
    assertThat(file.floats("pooler.dense.weight")).containsExactly(1, 2);
  }

  @Test
  void aGemmSaysItselfWhichWayItsWeightLies() throws IOException {
    OnnxFile file =
        open(
            new OnnxBytes()
                .add(tensor("a.weight", FLOAT, littleEndian(1, 2, 3, 4, 5, 6), 3, 2))
                .add(tensor("b.weight", FLOAT, littleEndian(1, 2, 3, 4, 5, 6), 2, 3))
                .node(
                    "/a/Gemm", "Gemm", List.of("x", "a.weight"), "y", OnnxBytes.number("transB", 1))
                .node("/b/Gemm", "Gemm", List.of("x", "b.weight"), "z"));
    assertThat(file.floats("a.weight")).containsExactly(1, 2, 3, 4, 5, 6);
    assertThat(file.shapes().get("b.weight")).containsExactly(3L, 2L);
    assertThat(file.floats("b.weight")).containsExactly(1, 4, 2, 5, 3, 6);
  }

  @Test
  void weightsMayBeConstantsOfTheGraph() throws IOException {
    byte[] value = OnnxBytes.value(tensor("", FLOAT, littleEndian(1, 2), 2, 1));
    OnnxFile file =
        open(
            new OnnxBytes()
                .node("/c", "Constant", List.of(), "/c_output_0", value)
                .node("/dense/MatMul", "MatMul", List.of("x", "/c_output_0"), "y"));
    assertThat(file.floats("dense.weight")).containsExactly(1, 2);
  }

  @Test
  void valuesMayLieInAFileBeside() throws IOException {
    Files.write(folder.resolve("model.onnx_data"), littleEndian(9, 9, 1, 2));
    OnnxFile file =
        open(new OnnxBytes().add(OnnxBytes.externalTensor("a.weight", "model.onnx_data", 8, 8, 2)));
    assertThat(file.floats("a.weight")).containsExactly(1, 2);
  }

  @ParameterizedTest
  @ValueSource(strings = {"../x", "/etc/passwd", "", "missing.bin", "a/b"})
  void valuesElsewhereAreRefused(String place) {
    assertThatThrownBy(
            () -> open(new OnnxBytes().add(OnnxBytes.externalTensor("a.weight", place, 0, 8, 2))))
        .isInstanceOf(CheckpointException.class)
        .hasMessageStartingWith("Cannot open " + folder.resolve("model.onnx") + " as ONNX: ");
  }

  @Test
  void sizesThatTheFileDoesNotHoldAreRefusedBeforeMemoryIsAskedFor() {
    long huge = 1L << 40;
    for (long[] shape :
        List.of(new long[] {3}, new long[] {huge, huge}, new long[] {-1, -2}, new long[] {huge})) {
      assertThatThrownBy(
              () -> open(new OnnxBytes().add(tensor("a", FLOAT, littleEndian(1, 2), shape))))
          .isInstanceOf(CheckpointException.class)
          .hasMessageContaining(" sizes " + Arrays.stream(shape).boxed().toList());
    }
  }

  @Test
  void aQuantisedModelIsNamedAsSuch() {
    assertThatThrownBy(
            () ->
                open(
                    new OnnxBytes()
                        .add(tensor("a", FLOAT, littleEndian(1), 1))
                        .node("", "MatMulInteger", List.of("x", "b"), "y")))
        .isInstanceOf(CheckpointException.class)
        .hasMessageEndingWith("it is quantised (MatMulInteger), supply the model in 32 or 16 bits");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "<html>not found</html>", "version https://git-lfs.github.com/spec/v1\noid"})
  void otherFilesAreRefused(String text) throws IOException {
    Path file = folder.resolve("model.onnx");
    Files.write(file, text.getBytes(StandardCharsets.UTF_8));
    assertThatThrownBy(() -> OnnxFile.open(file))
        .isInstanceOf(CheckpointException.class)
        .hasMessageStartingWith("Cannot open " + file + " as ONNX: ");
  }

  @Test
  void whateverHappensToAFileItIsReadOrRefused() throws IOException {
    byte[] whole =
        new OnnxBytes()
            .add(tensor("embeddings.weight", FLOAT, littleEndian(1, 2, 3, 4, 5, 6), 3, 2))
            .add(tensor("onnx::MatMul_7", FLOAT, littleEndian(1, 2, 3, 4, 5, 6), 2, 3))
            .add(OnnxBytes.typedTensor("norm.bias", new float[] {7, 8}, 2))
            .node("/query/MatMul", "MatMul", List.of("x", "onnx::MatMul_7"), "y")
            .file();
    SplittableRandom random = new SplittableRandom(1);
    Path file = folder.resolve("model.onnx");
    int refused = 0;
    for (int round = 0; round < 3000; round++) {
      byte[] bytes = whole.clone();
      for (int i = 0; i <= random.nextInt(3); i++) {
        bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
      }
      if (random.nextInt(4) == 0) {
        bytes = Arrays.copyOf(bytes, random.nextInt(bytes.length));
      }
      Files.write(file, bytes);
      try {
        OnnxFile mutated = OnnxFile.open(file);
        mutated.shapes().keySet().forEach(mutated::floats);
      } catch (CheckpointException e) {
        assertThat(e.getMessage()).doesNotContain("\n").startsWith("Cannot ");
        refused++;
      }
    }
    assertThat(refused).isBetween(500, 2999);
  }

  private OnnxFile open(OnnxBytes bytes) throws IOException {
    Path file = folder.resolve("model.onnx");
    Files.write(file, bytes.file());
    return OnnxFile.open(file);
  }
}
