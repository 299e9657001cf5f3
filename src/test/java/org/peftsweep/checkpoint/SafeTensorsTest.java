package org.peftsweep.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.peftsweep.compute.BFloat16;

class SafeTensorsTest {
  @TempDir Path folder;

  @Test
  void everyFloatPatternOf32BitsSurvivesWritingAndReading() {
    int[] patterns = {0, 0x80000000, 1, 0x7f800000, 0xff800000, 0x7fc00001, 0x3f800000, 0x7f7fffff};
    float[] values = new float[patterns.length];
    for (int i = 0; i < patterns.length; i++) {
      values[i] = Float.intBitsToFloat(patterns[i]);
    }
    Path path = folder.resolve("f32.safetensors");
    new SafeTensorsWriter().add("x", List.of(2L, 4L), values).write(path);
    try (SafeTensors file = SafeTensors.open(path)) {
      float[] read = file.floats("x");
      for (int i = 0; i < patterns.length; i++) {
        assertThat(Float.floatToRawIntBits(read[i])).isEqualTo(patterns[i]);
      }
      assertThat(file.info("x").shape()).containsExactly(2L, 4L);
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"F16", "BF16"})
  void all65536PatternsOf16BitsSurviveReadingAndWriting(DType dtype) throws IOException {
    ByteBuffer data = ByteBuffer.allocate(1 << 17).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < 1 << 16; i++) {
      data.putShort((short) i);
    }
    Path path =
        file(
            "{\"x\":{\"dtype\":\"%s\",\"shape\":[65536],\"data_offsets\":[0,131072]}}"
                .formatted(dtype),
            data.array());
    Path again = folder.resolve("again.safetensors");
    try (SafeTensors file = SafeTensors.open(path)) {
      float[] values = file.floats("x");
      new SafeTensorsWriter().add("x", dtype, List.of(65536L), values).write(again);
      int infinity = dtype == DType.F16 ? 0x7c00 : 0x7f80;
      int quiet = dtype == DType.F16 ? 0x200 : 0x40;
      byte[] written = Files.readAllBytes(again);
      ByteBuffer back =
          ByteBuffer.wrap(written)
              .order(ByteOrder.LITTLE_ENDIAN)
              .position(written.length - (1 << 17));
      for (int i = 0; i < 1 << 16; i++) {
        boolean isNan = (i & 0x7fff) > infinity;
        assertThat(Float.isNaN(values[i])).isEqualTo(isNan);
        assertThat(back.getShort() & 0xffff).isEqualTo(isNan ? i | quiet : i);
      }
    }
  }

  @ParameterizedTest
  @CsvSource({
    "0, 0",
    "1, 15360",
    "65504, 31743",
    "65519.996, 31743",
    "65520, 31744",
    "-65520, 64512",
    "0x1p-24, 1",
    "0x1p-25, 0",
    "0x1.000002p-25, 1",
    "0x1.8p-24, 2",
    "0x1.ff8p-15, 1023",
    "0x1.ffbp-15, 1023",
    "0x1.ffcp-15, 1024",
    "0x1.ffep-15, 1024",
    "1.00048828125, 15360",
    "1.00146484375, 15362",
    "-0x1p-24, 32769"
  })
  void narrowingToF16RoundsToNearestTiesToEven(float value, int bits) {
    assertThat(HalfFloats.toF16(value) & 0xffff).isEqualTo(bits);
  }

  @ParameterizedTest
  @CsvSource({
    "1, 16256",
    "1.00390625, 16256",
    "1.01171875, 16258",
    "3.4028235e38, 32640",
    "-2, 49152"
  })
  void narrowingToBf16RoundsToNearestTiesToEven(float value, int bits) {
    assertThat(BFloat16.of(value) & 0xffff).isEqualTo(bits);
  }

  @Test
  void f16ValuesAreThoseOfTheStandard() {
    assertThat(HalfFloats.fromF16((short) 1)).isEqualTo(0x1p-24f);
    assertThat(HalfFloats.fromF16((short) 0x83ff)).isEqualTo(-0x1.ff8p-15f);
    assertThat(HalfFloats.fromF16((short) 0x3555)).isEqualTo(0.333251953125f);
    assertThat(HalfFloats.fromF16((short) 0xfc00)).isEqualTo(Float.NEGATIVE_INFINITY);
    assertThat(1 / HalfFloats.fromF16((short) 0x8000)).isEqualTo(Float.NEGATIVE_INFINITY);
  }

  @Test
  void wholeNumbersOf64And32BitsSurvive() {
    Path path = folder.resolve("longs.safetensors");
    new SafeTensorsWriter()
        .add("wide", DType.I64, List.of(3L), new long[] {Long.MIN_VALUE, -1, Long.MAX_VALUE})
        .add("narrow", DType.I32, List.of(2L), new long[] {Integer.MIN_VALUE, 7})
        .write(path);
    try (SafeTensors file = SafeTensors.open(path)) {
      assertThat(file.longs("wide")).containsExactly(Long.MIN_VALUE, -1, Long.MAX_VALUE);
      assertThat(file.longs("narrow")).containsExactly(Integer.MIN_VALUE, 7);
      assertThatThrownBy(() -> file.floats("wide"))
          .isInstanceOf(CheckpointException.class)
          .hasMessageEndingWith("its type is I64; save it as one of [F32, F16, BF16]");
    }
  }

  @ParameterizedTest
  @CsvSource({"BOOL, 3", "U8, 3", "F64, 24"})
  void otherTypesAreListedAndRefusedWhenRead(String dtype, int bytes) throws IOException {
    Path path =
        file(
            "{\"x\":{\"dtype\":\"%s\",\"shape\":[3],\"data_offsets\":[0,%d]}}"
                .formatted(dtype, bytes),
            new byte[bytes]);
    try (SafeTensors file = SafeTensors.open(path)) {
      assertThat(file.info("x").elements()).isEqualTo(3);
      assertThatThrownBy(() -> file.floats("x"))
          .isInstanceOf(CheckpointException.class)
          .hasMessageContaining("its type is " + dtype);
      assertThatThrownBy(() -> file.longs("x")).isInstanceOf(CheckpointException.class);
    }
  }

  @ParameterizedTest
  @CsvSource({"1", "7", "64", "1000", "1073741824"})
  void elementsThatStraddleWindowsAreWhole(long windowBytes) throws IOException {
    ByteBuffer data = ByteBuffer.allocate(3 + 4 * 100 + 8 * 5).order(ByteOrder.LITTLE_ENDIAN);
    data.position(3);
    for (int i = 0; i < 100; i++) {
      data.putFloat(i + 0.5f);
    }
    for (int i = 0; i < 5; i++) {
      data.putLong(i - 2L);
    }
    Path path =
        file(
            "{\"odd\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[0,3]},"
                + "\"x\":{\"dtype\":\"F32\",\"shape\":[100],\"data_offsets\":[3,403]},"
                + "\"n\":{\"dtype\":\"I64\",\"shape\":[5],\"data_offsets\":[403,443]}}",
            data.array());
    try (SafeTensors file = SafeTensors.open(path, windowBytes)) {
      FloatBuffer offHeap =
          ByteBuffer.allocateDirect(240).order(ByteOrder.nativeOrder()).asFloatBuffer();
      file.floats("x", 40, offHeap);
      for (int i = 0; i < 60; i++) {
        assertThat(offHeap.get(i)).isEqualTo(40.5f + i);
      }
      float[] part = new float[5];
      file.floats("x", 97, part, 1, 3);
      assertThat(part).containsExactly(0, 97.5f, 98.5f, 99.5f, 0);
      assertThat(file.longs("n")).containsExactly(-2, -1, 0, 1, 2);
      assertThatThrownBy(() -> file.floats("x", 98, part, 0, 3))
          .isInstanceOf(IndexOutOfBoundsException.class);
    }
  }

  @Test
  void aTensorBehindTheFirst3GigabytesReadsCorrectly() throws IOException {
    long zeros = 3L << 28;
    long end = 4 * zeros;
    byte[] json =
        ("{\"big\":{\"dtype\":\"F32\",\"shape\":[%d],\"data_offsets\":[0,%d]},"
                + "\"last\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[%d,%d]}}")
            .formatted(zeros, end, end, end + 8)
            .getBytes(StandardCharsets.UTF_8);
    Path path = folder.resolve("sparse.safetensors");
    try (RandomAccessFile sparse = new RandomAccessFile(path.toFile(), "rw")) {
      ByteBuffer start = ByteBuffer.allocate(8 + json.length).order(ByteOrder.LITTLE_ENDIAN);
      sparse.write(start.putLong(json.length).put(json).array());
      sparse.setLength(8 + json.length + end + 8);
      sparse.seek(8 + json.length + end - 4);
      ByteBuffer values = ByteBuffer.allocate(12).order(ByteOrder.LITTLE_ENDIAN);
      sparse.write(values.putFloat(1.5f).putFloat(2.5f).putFloat(-3.5f).array());
    }
    try (SafeTensors file = SafeTensors.open(path)) {
      assertThat(file.floats("last")).containsExactly(2.5f, -3.5f);
      float[] seam = new float[4];
      file.floats("big", zeros - 4, seam, 0, 4);
      assertThat(seam).containsExactly(0, 0, 0, 1.5f);
    }
  }

  @Test
  void scalarsAndEmptyTensorsAreRead() {
    Path path = folder.resolve("small.safetensors");
    new SafeTensorsWriter()
        .add("scalar", List.of(), new float[] {4})
        .add("none", List.of(0L, 5L), new float[0])
        .write(path);
    try (SafeTensors file = SafeTensors.open(path)) {
      assertThat(file.floats("scalar")).containsExactly(4);
      assertThat(file.floats("none")).isEmpty();
    }
  }

  @Test
  void readingAfterCloseIsRefused() {
    Path path = folder.resolve("closed.safetensors");
    new SafeTensorsWriter().add("x", List.of(1L), new float[1]).write(path);
    SafeTensors file = SafeTensors.open(path);
    file.close();
    assertThatThrownBy(() -> file.floats("x"))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageEndingWith("is closed");
  }

  private Path file(String header, byte[] data) throws IOException {
    return SafeTensorsBytes.write(folder.resolve("file.safetensors"), header, data);
  }
}
