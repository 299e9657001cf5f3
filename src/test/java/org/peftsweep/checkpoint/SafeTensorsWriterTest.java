package org.peftsweep.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.peftsweep.TestFolders;

class SafeTensorsWriterTest {
  @TempDir Path folder;

  @Test
  void equalInputGivesEqualBytesInWhateverOrderItWasAdded() throws IOException {
    float[] values = {1, 2};
    Path one = folder.resolve("one.safetensors");
    Path two = folder.resolve("two.safetensors");
    new SafeTensorsWriter()
        .metadata("format", "pt")
        .metadata("a", "b")
        .add("y", List.of(2L), values)
        .add("x", List.of(2L), values)
        .write(one);
    new SafeTensorsWriter()
        .add("x", List.of(2L), values)
        .metadata("a", "b")
        .add("y", List.of(2L), values)
        .metadata("format", "pt")
        .write(two);
    assertThat(one).hasSameBinaryContentAs(two);
  }

  @Test
  void theHeaderIsThatOfTheReferenceLibrary() throws IOException {
    Path path = folder.resolve("x.safetensors");
    new SafeTensorsWriter()
        .metadata("format", "pt")
        .add("b", DType.BF16, List.of(2L), new float[] {1, 2})
        .add("z", List.of(1L, 1L), new float[] {1})
        .add("ids", DType.I64, List.of(1L), new long[] {1})
        .write(path);
    String text = Files.readString(path, StandardCharsets.ISO_8859_1);
    String header =
        "{\"__metadata__\":{\"format\":\"pt\"},"
            + "\"ids\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[0,8]},"
            + "\"z\":{\"dtype\":\"F32\",\"shape\":[1,1],\"data_offsets\":[8,12]},"
            + "\"b\":{\"dtype\":\"BF16\",\"shape\":[2],\"data_offsets\":[12,16]}}";
    int length = text.charAt(0) + 256 * text.charAt(1);
    assertThat(length % 8).isZero();
    assertThat(text.substring(8, 8 + length).stripTrailing()).isEqualTo(header);
  }

  @Test
  void aChecksumTellsEveryFlippedBitOfTheTensors() throws IOException {
    Path path = folder.resolve("x.safetensors");
    SafeTensorsWriter writer =
        new SafeTensorsWriter()
            .add("b", DType.BF16, List.of(3L), new float[] {1, 2, 3})
            .add("ids", DType.I64, List.of(1L), new long[] {1})
            .checked();
    writer.write(path);
    byte[] whole = Files.readAllBytes(path);
    for (int bit = 0; bit < 8 * 14; bit++) {
      byte[] flipped = whole.clone();
      flipped[whole.length - 1 - bit / 8] ^= (byte) (1 << bit % 8);
      Files.write(path, flipped);
      try (SafeTensors tensors = SafeTensors.open(path)) {
        assertThat(tensors.isWhole()).as("bit %d", bit).isFalse();
      }
    }
    Files.write(path, whole);
    try (SafeTensors tensors = SafeTensors.open(path)) {
      assertThat(tensors.isWhole()).isTrue();
    }
  }

  @Test
  @Tag("golden")
  void rewritingAReferenceModelGivesTheSameBytes() {
    List<Path> models = TestFolders.filesBelow(TestFolders.golden(), "/model.safetensors");
    assertThat(models).isNotEmpty();
    for (Path model : models) {
      SafeTensorsWriter writer = new SafeTensorsWriter();
      try (SafeTensors file = SafeTensors.open(model)) {
        file.metadata().forEach(writer::metadata);
        file.tensors().forEach((name, info) -> writer.add(name, info.shape(), file.floats(name)));
      }
      Path copy = folder.resolve("copy.safetensors");
      writer.write(copy);
      assertThat(copy).as(model.toString()).hasSameBinaryContentAs(model);
    }
  }

  @Test
  void tensorsLongerThanOneChunkAreWrittenFromAnySource() {
    long elements = 300_001;
    Path path = folder.resolve("long.safetensors");
    new SafeTensorsWriter()
        .add(
            "x",
            DType.F32,
            List.of(elements),
            (from, target) -> {
              for (long i = from; target.hasRemaining(); i++) {
                target.put(i * 0.25f);
              }
            })
        .write(path);
    try (SafeTensors file = SafeTensors.open(path)) {
      float[] values = file.floats("x");
      for (int i = 0; i < elements; i++) {
        assertThat(values[i]).isEqualTo(i * 0.25f);
      }
    }
  }

  @Test
  void aFailedWriteLeavesTheOldFileAndNoOther() throws IOException {
    Path path = folder.resolve("x.safetensors");
    new SafeTensorsWriter().add("x", List.of(1L), new float[] {1}).write(path);
    byte[] old = Files.readAllBytes(path);
    SafeTensorsWriter lazy =
        new SafeTensorsWriter().add("x", DType.F32, List.of(1L), (from, target) -> {});
    assertThatThrownBy(() -> lazy.write(path))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("Cannot write x: 1 values were not supplied");
    assertThat(path).hasBinaryContent(old);
    assertThat(folder).isDirectoryContaining(path::equals);
    assertThat(TestFolders.filesBelow(folder, "")).containsExactly(folder, path);
  }

  @Test
  void whatTheFormatCannotHoldIsRefused() {
    SafeTensorsWriter writer = new SafeTensorsWriter().add("x", List.of(1L), new float[1]);
    assertThatThrownBy(() -> writer.add("x", List.of(1L), new float[1]))
        .hasMessage("Cannot add x: it was added before");
    assertThatThrownBy(() -> writer.add("y", List.of(2L), new float[1]))
        .hasMessage("Cannot add y: 1 values do not fill [2]");
    assertThatThrownBy(() -> writer.add("__metadata__", List.of(1L), new float[1]))
        .hasMessageStartingWith("Cannot add __metadata__");
    assertThatThrownBy(() -> writer.add("z", DType.I64, List.of(1L), new float[1]))
        .hasMessage("Cannot add z: I64 is not among [F32, F16, BF16]");
  }
}
