package org.peftsweep.results;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.parquet.example.data.Group;
import org.apache.parquet.example.data.simple.SimpleGroupFactory;
import org.apache.parquet.hadoop.ParquetReader;
import org.apache.parquet.hadoop.ParquetWriter;
import org.apache.parquet.hadoop.example.ExampleParquetWriter;
import org.apache.parquet.hadoop.example.GroupReadSupport;
import org.apache.parquet.hadoop.util.HadoopOutputFile;
import org.apache.parquet.io.OutputFile;
import org.apache.parquet.io.api.Binary;
import org.apache.parquet.schema.MessageType;
import org.apache.parquet.schema.MessageTypeParser;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SealedFileTest {
  private static final MessageType SCHEMA =
      MessageTypeParser.parseMessageType("message rows { required binary noise; }");

  private final Configuration configuration = new Configuration();

  @TempDir Path folder;

  /** From an empty file to one of which most must be written before the footer is known. */
  @ParameterizedTest
  @ValueSource(ints = {0, 1, 30, 400_000})
  void readsAsItWasWritten(int rows) throws IOException {
    Path file = folder.resolve("a.parquet");
    write(new SealedFile(path(file), configuration), rows);

    assertThat(holds(file)).isTrue();
    Random random = new Random(rows);
    int read = 0;
    try (ParquetReader<Group> reader =
        ParquetReader.builder(new GroupReadSupport(), path(file)).build()) {
      for (Group row = reader.read(); row != null; row = reader.read()) {
        if (!Arrays.equals(row.getBinary("noise", 0).getBytes(), noise(random))) {
          throw new AssertionError("row " + read);
        }
        read++;
      }
    }
    assertThat(read).isEqualTo(rows);
  }

  @Test
  void tellsEveryFlippedBit() throws IOException {
    Path file = folder.resolve("a.parquet");
    write(new SealedFile(path(file), configuration), 3);
    byte[] whole = Files.readAllBytes(file);
    List<Integer> missed = new ArrayList<>();
    for (int bit = 0; bit < 8 * whole.length; bit++) {
      byte[] flipped = whole.clone();
      flipped[bit / 8] ^= (byte) (1 << bit % 8);
      Files.write(file, flipped);
      try {
        if (holds(file)) {
          missed.add(bit);
        }
      } catch (IOException | RuntimeException e) {
        assertThat(e).isNotNull();
      }
    }
    assertThat(missed).isEmpty();
  }

  @Test
  void saysThatAPlainFileHasNoSeal() throws IOException {
    Path file = folder.resolve("a.parquet");
    write(HadoopOutputFile.fromPath(path(file), configuration), 30);

    assertThat(holds(file)).isFalse();
  }

  @Test
  void keepsWhatAFailedWriterWroteAsItIs() throws IOException {
    Path file = folder.resolve("a.parquet");
    try (var out = new SealedFile(path(file), configuration).create(0)) {
      out.write("PAR1 and no more".getBytes());
    }
    assertThat(Files.readString(file)).isEqualTo("PAR1 and no more");
    assertThatThrownBy(
            () -> {
              try (FSDataInputStream in = open(file)) {
                SealedFile.holds(in, 3);
              }
            })
        .isInstanceOf(IOException.class);
  }

  private boolean holds(Path file) throws IOException {
    try (FSDataInputStream in = open(file)) {
      return SealedFile.holds(in, Files.size(file));
    }
  }

  private FSDataInputStream open(Path file) throws IOException {
    return path(file).getFileSystem(configuration).open(path(file));
  }

  private static void write(OutputFile file, int rows) throws IOException {
    Random random = new Random(rows);
    try (ParquetWriter<Group> writer =
        ExampleParquetWriter.builder(file)
            .withType(SCHEMA)
            .withExtraMetaData(Map.of(SealedFile.KEY, SealedFile.METHOD))
            .withRowGroupSize(4L << 20)
            .build()) {
      SimpleGroupFactory groups = new SimpleGroupFactory(SCHEMA);
      for (int i = 0; i < rows; i++) {
        writer.write(groups.newGroup().append("noise", Binary.fromReusedByteArray(noise(random))));
      }
    }
  }

  private static byte[] noise(Random random) {
    byte[] noise = new byte[60];
    random.nextBytes(noise);
    return noise;
  }

  private static org.apache.hadoop.fs.Path path(Path file) {
    return new org.apache.hadoop.fs.Path(file.toUri());
  }
}
