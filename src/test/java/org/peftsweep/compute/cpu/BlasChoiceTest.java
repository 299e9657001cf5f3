package org.peftsweep.compute.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.peftsweep.compute.BlasLibrary;

class BlasChoiceTest {
  @TempDir Path folder;

  @BeforeEach
  void needsTheLibrary() {
    assumeTrue(OneDnn.isThere(), "no oneDNN for this platform");
  }

  @Test
  void whatIsMeasuredOnceHolds() throws IOException {
    Path file = folder.resolve("blas.txt");
    String first = BlasChoice.kept(file).toString();
    assertThat(file).exists();
    assertThat(BlasChoice.kept(file)).hasToString(first);
    assertThat(first).contains("oneDNN is ");
    try (var files = Files.list(folder)) {
      assertThat(files).containsExactly(file);
    }
  }

  @Test
  void theFileDecidesBySize() throws IOException {
    Path file = folder.resolve("blas.txt");
    Files.writeString(file, "SMALL 0.900\nMEDIUM 1.040\nLARGE 1.200\n");
    BlasChoice choice = BlasChoice.kept(file);
    assertThat(choice.isOneDnn(64, 64)).isFalse();
    assertThat(choice.isOneDnn(256, 256)).isFalse();
    assertThat(choice.isOneDnn(768, 3072)).isTrue();
    assertThat(choice.usesOneDnn()).isTrue();
    assertThat(choice.toString()).startsWith("small OpenBLAS, medium OpenBLAS, large oneDNN: ");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "SMALL 2.0\n", "SMALL", "HUGE 1\nSMALL 1\nLARGE 2", "LARGE x"})
  void aFileThatIsNotWholeMeansOpenBlas(String content) throws IOException {
    Path file = folder.resolve("blas.txt");
    Files.writeString(file, content);
    assertThat(BlasChoice.kept(file).usesOneDnn()).isFalse();
    assertThat(file).hasContent(content);
  }

  @Test
  void whereNothingCanBeKeptItIsOpenBlas() throws IOException {
    Path taken = Files.createFile(folder.resolve("file"));
    assertThat(BlasChoice.kept(taken.resolve("blas.txt")).usesOneDnn()).isFalse();
  }

  @Test
  void whoeverSaysItGetsIt() {
    assertThat(BlasChoice.of(BlasLibrary.OPENBLAS).usesOneDnn()).isFalse();
    assertThat(BlasChoice.of(BlasLibrary.ONEDNN).isOneDnn(64, 64)).isTrue();
  }
}
