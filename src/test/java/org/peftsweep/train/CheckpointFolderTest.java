package org.peftsweep.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.peftsweep.checkpoint.StateWriter;

class CheckpointFolderTest {
  @TempDir Path temporary;
  private Path place;
  private CheckpointFolder folder;

  @BeforeEach
  void open() {
    place = temporary.resolve("checkpoints/0123456789ab");
    folder = folder(place);
  }

  private static CheckpointFolder folder(Path place) {
    return new CheckpointFolder(new org.apache.hadoop.fs.Path(place.toUri()), new Configuration());
  }

  @Test
  void givesBackTheNewestStateBitForBit() {
    keep(10);
    keep(9);
    assertThat(restored()).isEqualTo(10);
  }

  @Test
  void nothingIsThereAtFirst() {
    assertThat(folder.restore(reader -> {})).isFalse();
  }

  @Test
  void keepsTheNewestTwo() throws IOException {
    for (int step : new int[] {1, 2, 9, 10}) {
      keep(step);
    }
    assertThat(visible())
        .containsExactly(
            "step-10.json", "step-10.safetensors", "step-9.json", "step-9.safetensors");
  }

  @ParameterizedTest
  @ValueSource(strings = {"flip", "cut", "empty", "remove", "other"})
  void aStateWithBrokenTensorsFallsBackToTheOneBefore(String fault) throws IOException {
    keep(10);
    keep(20);
    Path newest = place.resolve("step-20.safetensors");
    byte[] bytes = Files.readAllBytes(newest);
    switch (fault) {
      case "flip" -> {
        bytes[bytes.length - 3] ^= 4;
        write(newest, bytes);
      }
      case "cut" -> write(newest, bytes, bytes.length / 2);
      case "empty" -> write(newest, new byte[0]);
      case "remove" -> Files.delete(newest);
      default -> write(newest, Files.readAllBytes(place.resolve("step-10.safetensors")));
    }
    assertThat(restored()).isEqualTo(10);
    // The step is reached once more: the broken one is replaced.
    keep(20);
    assertThat(restored()).isEqualTo(20);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "{", "[]", "{}", "{\"sha256\": \"00\"}", "\u0000\u0000"})
  void aStateWithABrokenManifestFallsBackToTheOneBefore(String text) throws IOException {
    keep(10);
    keep(20);
    write(place.resolve("step-20.json"), text.getBytes());
    assertThat(restored()).isEqualTo(10);
  }

  @Test
  void whereNothingIsWholeTheTrialBeginsAnew() throws IOException {
    keep(10);
    write(place.resolve("step-10.json"), "x".getBytes());
    assertThat(folder.restore(reader -> {})).isFalse();
  }

  @Test
  void whatCannotBeWrittenIsSaidWithItsPlace() throws IOException {
    Files.createDirectories(place.getParent());
    Files.writeString(place, "a file where the folder should be");
    assertThatThrownBy(() -> keep(1))
        .isInstanceOf(UncheckedIOException.class)
        .hasMessageContaining(place.toString());
  }

  @Test
  void isRemovedAsAWhole() {
    keep(1);
    folder.remove();
    assertThat(place).doesNotExist();
    folder.remove();
  }

  @Test
  void leavesNothingInTheFolderOfTemporaryFiles() throws IOException {
    Path shared = Path.of(System.getProperty("java.io.tmpdir"));
    List<String> before = states(shared);
    keep(1);
    restored();
    assertThat(states(shared)).isSubsetOf(before);
  }

  private static List<String> states(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(Path::toString).filter(name -> name.contains("peft-sweep")).toList();
    }
  }

  private void keep(int step) {
    StateWriter state = new StateWriter();
    state.number("step", step);
    state.under("deep").floats("values", new float[] {step, Float.MIN_VALUE, -0f});
    state.doubles("exact", new double[] {0.1 * step, Double.NaN});
    state.longs("none", new long[0]);
    folder.keep(step, state);
  }

  private int restored() {
    int[] step = {-1};
    assertThat(
            folder.restore(
                reader -> {
                  step[0] = (int) reader.wholeNumber("step");
                  float[] values = reader.under("deep").floats("values");
                  assertThat(values).containsExactly(step[0], Float.MIN_VALUE, -0f);
                  assertThat(reader.doubles("exact")).containsExactly(0.1 * step[0], Double.NaN);
                  assertThat(reader.longs("none")).isEmpty();
                }))
        .isTrue();
    return step[0];
  }

  private List<String> visible() throws IOException {
    try (Stream<Path> files = Files.list(place)) {
      return files
          .map(file -> file.getFileName().toString())
          .filter(name -> !name.startsWith("."))
          .sorted()
          .toList();
    }
  }

  private static void write(Path file, byte[] bytes) throws IOException {
    write(file, bytes, bytes.length);
  }

  /** Without the checksum that Hadoop's local file system keeps beside: it would find it first. */
  private static void write(Path file, byte[] bytes, int length) throws IOException {
    Files.deleteIfExists(file.resolveSibling("." + file.getFileName() + ".crc"));
    Files.write(file, java.util.Arrays.copyOf(bytes, length));
  }
}
