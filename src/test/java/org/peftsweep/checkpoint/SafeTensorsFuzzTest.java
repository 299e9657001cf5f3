package org.peftsweep.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

class SafeTensorsFuzzTest {
  private static final int MUTATIONS = 10_000;
  private static final long MOST_BYTES = 4L << 20;
  private static final List<String> SPLICES =
      List.of(
          "18446744073709551615",
          "9223372036854775807",
          "4611686018427387904",
          "-1",
          "1e999",
          "0.5",
          "NaN",
          "null",
          "true",
          "{}",
          "[]",
          "\"\"",
          "\"F16\"",
          "\"__metadata__\"",
          "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},",
          "\\ud800",
          "\\u0000",
          "\ufeff",
          "9".repeat(50_000),
          "[".repeat(50_000),
          "{\"a\":".repeat(20_000),
          "\"" + "n".repeat(60_000) + "\":",
          "0,".repeat(50_000));

  @TempDir Path folder;

  @Test
  @Timeout(value = 120, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
  void tenThousandMutatedFilesOpenOrAreRefusedWithoutLargeAllocation() throws IOException {
    byte[] valid = valid();
    SplittableRandom random = new SplittableRandom(20240611);
    Path path = Files.write(folder.resolve("mutated.safetensors"), valid);
    // Loads the classes, whose memory is not the file's.
    SafeTensors.open(path).close();
    Files.write(path, Arrays.copyOf(valid, 40));
    assertThatThrownBy(() -> SafeTensors.open(path)).isInstanceOf(CheckpointException.class);
    var threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    int opened = 0;
    int refused = 0;
    long most = 0;
    for (int i = 0; i < MUTATIONS; i++) {
      byte[] mutated = mutate(valid, random);
      // A new file each time: overwriting one that has old mappings is slow.
      Files.deleteIfExists(path);
      Files.write(path, mutated);
      long before = threads.getCurrentThreadAllocatedBytes();
      try (SafeTensors file = SafeTensors.open(path)) {
        opened++;
        readAll(file);
      } catch (CheckpointException e) {
        refused++;
        assertThat(e).hasMessageStartingWith("Cannot ").message().doesNotContain("\n");
      } catch (RuntimeException | Error e) {
        throw new AssertionError("mutation " + i + " of " + mutated.length + " bytes", e);
      }
      most = Math.max(most, threads.getCurrentThreadAllocatedBytes() - before);
    }
    assertThat(most).as("most bytes allocated by one file").isLessThan(MOST_BYTES);
    assertThat(opened).as("files that still opened").isGreaterThan(MUTATIONS / 100);
    assertThat(refused).as("files that were refused").isGreaterThan(MUTATIONS / 2);
  }

  private static void readAll(SafeTensors file) {
    for (TensorInfo info : file.tensors().values()) {
      if (DType.FLOATS.contains(info.dtype())) {
        assertThat(file.floats(info.name())).hasSize((int) info.elements());
      } else if (DType.LONGS.contains(info.dtype())) {
        assertThat(file.longs(info.name())).hasSize((int) info.elements());
      }
    }
  }

  private byte[] valid() throws IOException {
    Path path = folder.resolve("valid.safetensors");
    new SafeTensorsWriter()
        .metadata("format", "pt")
        .add("a", List.of(2L, 3L), new float[] {1, 2, 3, 4, 5, 6})
        .add("b.weight", DType.F16, List.of(4L), new float[] {1, 2, 3, 4})
        .add("c", DType.I64, List.of(1L, 2L), new long[] {7, 8})
        .add("scalar", List.of(), new float[] {9})
        .write(path);
    return Files.readAllBytes(path);
  }

  private static byte[] mutate(byte[] valid, SplittableRandom random) {
    int headerEnd = 8 + (int) ByteBuffer.wrap(valid).order(ByteOrder.LITTLE_ENDIAN).getLong(0);
    byte[] bytes = valid.clone();
    int rounds = random.nextInt(1, 4);
    switch (random.nextInt(8)) {
      case 0 -> {
        for (int i = 0; i < rounds; i++) {
          bytes[random.nextInt(headerEnd)] ^= (byte) (1 << random.nextInt(8));
        }
      }
      case 1 -> {
        for (int i = 0; i < rounds; i++) {
          bytes[random.nextInt(8, headerEnd)] = (byte) random.nextInt();
        }
      }
      case 2 -> bytes = Arrays.copyOf(bytes, random.nextInt(bytes.length));
      case 3 -> {
        long length =
            random.nextBoolean() ? random.nextLong() >>> random.nextInt(64) : random.nextInt(400);
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putLong(0, length);
      }
      case 4 -> {
        int digit = random.nextInt(8, headerEnd);
        while (!Character.isDigit(bytes[digit])) {
          digit = digit + 1 < headerEnd ? digit + 1 : 8;
        }
        bytes[digit] = (byte) ('0' + random.nextInt(10));
      }
      case 5 -> {
        byte[] splice =
            SPLICES.get(random.nextInt(SPLICES.size())).getBytes(StandardCharsets.UTF_8);
        bytes = replace(valid, headerEnd, random, splice);
      }
      case 6 -> {
        int from = random.nextInt(8, headerEnd);
        int to = random.nextInt(from, headerEnd);
        bytes = replace(valid, headerEnd, random, Arrays.copyOfRange(valid, from, to));
      }
      default -> bytes = insertWhiteSpace(valid, headerEnd, random);
    }
    return bytes;
  }

  /** Puts bytes in place of up to 20 of the header's, and corrects the length field. */
  private static byte[] replace(byte[] valid, int headerEnd, SplittableRandom random, byte[] put) {
    int from = random.nextInt(8, headerEnd);
    int to = Math.min(headerEnd, from + random.nextInt(20));
    ByteBuffer header = ByteBuffer.allocate(headerEnd - 8 - (to - from) + put.length);
    header.put(valid, 8, from - 8).put(put).put(valid, to, headerEnd - to);
    return SafeTensorsBytes.of(header.array(), Arrays.copyOfRange(valid, headerEnd, valid.length));
  }

  private static byte[] insertWhiteSpace(byte[] valid, int headerEnd, SplittableRandom random) {
    int at = random.nextInt(8, headerEnd);
    ByteBuffer header = ByteBuffer.allocate(headerEnd - 8 + 3);
    header.put(valid, 8, at - 8).put("  \n".getBytes(StandardCharsets.UTF_8));
    header.put(valid, at, headerEnd - at);
    return SafeTensorsBytes.of(header.array(), Arrays.copyOfRange(valid, headerEnd, valid.length));
  }
}
