package org.peftsweep.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.peftsweep.TestFolders;

class PyTorchFileTest {
  private static final String REBUILD = "ctorch._utils\n_rebuild_tensor_v2\n";
  private static final String DICTIONARY = "ccollections\nOrderedDict\n)R";

  @TempDir Path folder;

  /** Bytes of a pickle as torch.save lays them out. */
  private static final class Bytes {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();

    Bytes raw(String latin) {
      out.writeBytes(latin.getBytes(StandardCharsets.ISO_8859_1));
      return this;
    }

    Bytes number(long value) {
      if (value == (int) value) {
        raw("J").little(4, value);
      } else {
        raw("\u008a\u0008").little(8, value);
      }
      return this;
    }

    Bytes text(String text) {
      byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
      raw("X").little(4, utf8.length);
      out.writeBytes(utf8);
      return this;
    }

    Bytes numbers(long... values) {
      raw("(");
      Arrays.stream(values).forEach(this::number);
      return raw("t");
    }

    Bytes tensor(String storage, String key, long elements, long offset, long[]... sizes) {
      raw(REBUILD).raw("((").text("storage").raw("ctorch\n" + storage + "\n").text(key);
      text("cuda:0").number(elements).raw("tQ").number(offset);
      return numbers(sizes[0]).numbers(sizes[1]).raw("\u0089").raw(DICTIONARY).raw("tR");
    }

    private Bytes little(int bytes, long value) {
      byte[] all = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(value).array();
      out.write(all, 0, bytes);
      return this;
    }

    byte[] bytes() {
      return out.toByteArray();
    }
  }

  private static Bytes start() {
    return new Bytes().raw("\u0080\u0002").raw(DICTIONARY).raw("(");
  }

  private static byte[] floats(float... values) {
    ByteBuffer bytes = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asFloatBuffer().put(values);
    return bytes.array();
  }

  private static byte[] shorts(int... values) {
    ByteBuffer bytes = ByteBuffer.allocate(2 * values.length).order(ByteOrder.LITTLE_ENDIAN);
    Arrays.stream(values).forEach(value -> bytes.putShort((short) value));
    return bytes.array();
  }

  private Path file(byte[] pickle, Map<String, byte[]> storages) {
    return file(pickle, storages, ZipEntry.STORED);
  }

  private Path file(byte[] pickle, Map<String, byte[]> storages, int method) {
    Map<String, byte[]> entries = new TreeMap<>(Map.of("archive/data.pkl", pickle));
    storages.forEach((key, bytes) -> entries.put("archive/data/" + key, bytes));
    Path path = folder.resolve("adapter_model.bin");
    try (OutputStream out = Files.newOutputStream(path);
        ZipOutputStream zip = new ZipOutputStream(out)) {
      for (Map.Entry<String, byte[]> entry : entries.entrySet()) {
        ZipEntry header = new ZipEntry(entry.getKey());
        CRC32 sum = new CRC32();
        sum.update(entry.getValue());
        header.setMethod(method);
        header.setSize(entry.getValue().length);
        header.setCrc(sum.getValue());
        zip.putNextEntry(header);
        zip.write(entry.getValue());
      }
    } catch (IOException e) {
      throw new AssertionError(e);
    }
    return path;
  }

  /** Saved by torch.save of PyTorch 2.13: views, shared storages and tensors that are no floats. */
  @Test
  void aStateDictOfPyTorchIsReadWithAllThatLiesInIt() {
    Path saved = Path.of("src", "test", "resources", "pytorch", "state_dict.bin");
    try (PyTorchFile file = PyTorchFile.open(saved)) {
      assertThat(file.shapes())
          .containsOnlyKeys(
              "embeddings.position_ids",
              "dense.weight",
              "tied.weight",
              "half.weight",
              "brain.weight",
              "double.weight",
              "flags",
              "norm.weight");
      assertThat(file.shapes().get("dense.weight")).containsExactly(3L, 2L);
      assertThat(file.floats("dense.weight")).containsExactly(0, 3, 1, 4, 2, 5);
      assertThat(file.floats("tied.weight")).containsExactly(0, 1, 2, 3, 4, 5);
      assertThat(file.floats("half.weight")).containsExactly(1, -2);
      assertThat(file.floats("brain.weight")).containsExactly(1, -2);
      assertThat(file.floats("norm.weight")).containsExactly(1, 1);
      float[] part = new float[3];
      file.values("dense.weight").read(2, FloatBuffer.wrap(part));
      assertThat(part).containsExactly(1, 4, 2);
      assertThat(file.isFloat("embeddings.position_ids")).isFalse();
      assertThatThrownBy(() -> file.floats("double.weight"))
          .isInstanceOf(CheckpointException.class)
          .hasMessageContaining("its type is F64; save it as one of [F32, F16, BF16]");
    }
  }

  @Test
  void readsTensorsOfEveryFloatTypeWithOffsetsAndStrides() {
    byte[] pickle =
        start()
            .text("whole")
            .tensor("FloatStorage", "0", 6, 0, new long[] {2, 3}, new long[] {3, 1})
            .text("transposed")
            .tensor("FloatStorage", "0", 6, 0, new long[] {3, 2}, new long[] {1, 3})
            .text("tail")
            .tensor("FloatStorage", "0", 6, 4, new long[] {2}, new long[] {1})
            .text("half")
            .tensor("HalfStorage", "1", 2, 0, new long[] {2}, new long[] {1})
            .text("brain")
            .tensor("BFloat16Storage", "1", 2, 0, new long[] {2}, new long[] {1})
            .text("scalar")
            .tensor("FloatStorage", "0", 6, 5, new long[] {}, new long[] {})
            .raw("u.")
            .bytes();
    Path path = file(pickle, Map.of("0", floats(1, 2, 3, 4, 5, 6), "1", shorts(0x3c00, 0x4000)));
    try (PyTorchFile file = PyTorchFile.open(path)) {
      assertThat(file.shapes().keySet())
          .containsExactly("whole", "transposed", "tail", "half", "brain", "scalar");
      assertThat(file.shapes()).containsEntry("transposed", List.of(3L, 2L));
      assertThat(file.floats("whole")).containsExactly(1, 2, 3, 4, 5, 6);
      assertThat(file.floats("transposed")).containsExactly(1, 4, 2, 5, 3, 6);
      assertThat(file.floats("tail")).containsExactly(5, 6);
      assertThat(file.floats("half")).containsExactly(1, 2);
      assertThat(file.floats("brain")).containsExactly(0.0078125f, 2);
      assertThat(file.floats("scalar")).containsExactly(6);
      assertThatThrownBy(() -> file.floats("none"))
          .hasMessage("Cannot find none in " + path + ": 6 names present");
    }
  }

  @Test
  void attributesOfADictionaryAreLeftOut() {
    byte[] pickle =
        start()
            .text("x")
            .tensor("FloatStorage", "0", 1, 0, new long[] {1}, new long[] {1})
            .raw("u}")
            .text("_metadata")
            .raw(DICTIONARY)
            .raw("sb.")
            .bytes();
    try (PyTorchFile file = PyTorchFile.open(file(pickle, Map.of("0", floats(7))))) {
      assertThat(file.floats("x")).containsExactly(7);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "'cos\nsystem\n', os.system",
    "'cbuiltins\neval\n', builtins.eval",
    "'cposix\nsystem\n', posix.system",
    "'c__builtin__\nexec\n', __builtin__.exec",
    "'ctorch\nload\n', torch.load",
    "'ctorch._utils\n_rebuild_tensor_v2.__globals__\n', _rebuild_tensor_v2.__globals__",
  })
  void aPickleThatNamesAnythingElseIsRefused(String global, String name) {
    byte[] pickle =
        new Bytes().raw("\u0080\u0002").raw(global).raw("(").text("touch x").raw("tR.").bytes();
    refused(pickle, "names " + (name.startsWith("_re") ? "torch._utils." : "") + name);
  }

  @ParameterizedTest
  @CsvSource({
    // STACK_GLOBAL, INST, OBJ, NEWOBJ, EXT1, PERSID, DUP, FRAME.
    "93, 0x93",
    "69, 0x69",
    "6f, 0x6f",
    "81, 0x81",
    "82, 0x82",
    "50, 0x50",
    "32, 0x32",
    "95, 0x95"
  })
  void anOpcodeThatTensorsDoNotNeedIsRefused(String opcode, String name) {
    String code = String.valueOf((char) Integer.parseInt(opcode, 16));
    refused(new Bytes().raw("\u0080\u0002").raw(code).raw("\0\0\0\0\0\0\0\0.").bytes(), name);
  }

  @Test
  void aPickleThatIsCallingOutOfTurnIsRefused() {
    refused(new Bytes().raw("\u0080\u0002ctorch\nFloatStorage\n)R.").bytes(), "its pickle calls");
    refused(new Bytes().raw("\u0080\u0002tR.").bytes(), "uses an empty stack");
    refused(new Bytes().raw("\u0080\u0002h\5.").bytes(), "recalls what it never stored");
    refused(new Bytes().raw("\u0080\u0002J").bytes(), "ends too early");
    refused(new Bytes().raw("\u0080\u0005.").bytes(), "of a protocol above 3");
    refused(new Bytes().raw("\u0080\u0002X\u00ff\u00ff\u00ff\u007f.").bytes(), "within a text");
    refused(start().text("x").number(3).raw("u.").bytes(), "not that of a dictionary");
    refused(start().text("x").raw("u.").bytes(), "a key without a value");
  }

  @Test
  void aTensorThatNeedsMoreThanTheFileHoldsIsRefused() {
    long huge = 1L << 40;
    refused(tensor(4, 0, new long[] {huge, huge}, new long[] {0, 0}), "more than any file holds");
    refused(tensor(4, 0, new long[] {huge}, new long[] {0}), "reaches past its storage of 4");
    refused(tensor(4, 1, new long[] {4}, new long[] {1}), "reaches past its storage of 4");
    refused(tensor(4, 0, new long[] {2, 2}, new long[] {3, 1}), "reaches past its storage of 4");
    refused(tensor(4, 0, new long[] {-1}, new long[] {1}), "a negative size");
    refused(tensor(huge, 0, new long[] {4}, new long[] {1}), "and it has 16");
    refused(tensor(Long.MAX_VALUE, 0, new long[] {4}, new long[] {1}), "and it has 16");
    refused(tensor(5, 0, new long[] {4}, new long[] {1}), "would have 20 bytes, and it has 16");
  }

  private static byte[] tensor(long elements, long offset, long[] shape, long[] strides) {
    return start()
        .text("x")
        .tensor("FloatStorage", "0", elements, offset, shape, strides)
        .raw("u.")
        .bytes();
  }

  @Test
  void aCompressedEntryIsRefusedBeforeItIsUnpacked() {
    byte[] pickle = tensor(1 << 22, 0, new long[] {1 << 22}, new long[] {1});
    Path bomb = file(pickle, Map.of("0", new byte[1 << 24]), ZipEntry.DEFLATED);
    assertThat(bomb.toFile().length()).isLessThan(100_000);
    assertThatThrownBy(() -> PyTorchFile.open(bomb))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining("is compressed or larger than the file");
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 30, 100, 300})
  void aTruncatedFileIsRefused(int bytes) throws IOException {
    Path whole =
        file(tensor(4, 0, new long[] {4}, new long[] {1}), Map.of("0", floats(1, 2, 3, 4)));
    Path cut = folder.resolve("cut.bin");
    Files.write(cut, Arrays.copyOf(Files.readAllBytes(whole), bytes));
    assertThatThrownBy(() -> PyTorchFile.open(cut))
        .isInstanceOf(CheckpointException.class)
        .hasMessageStartingWith("Cannot open " + cut + " as a PyTorch file: it is no whole zip");
  }

  @Test
  void otherFilesAndNoneAreRefused() throws IOException {
    Path text = Files.writeString(folder.resolve("text.bin"), "version https://git-lfs.github.com");
    assertThatThrownBy(() -> PyTorchFile.open(text)).hasMessageContaining("it is no whole zip");
    assertThatThrownBy(() -> PyTorchFile.open(folder.resolve("none.bin")))
        .hasMessageContaining("no such file");
    Path other = folder.resolve("other.bin");
    try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(other))) {
      zip.putNextEntry(new ZipEntry("a.txt"));
    }
    assertThatThrownBy(() -> PyTorchFile.open(other)).hasMessageContaining("holds no data.pkl");
  }

  @Test
  void mutatedFilesOpenOrAreRefused() throws IOException {
    byte[] whole =
        Files.readAllBytes(
            file(tensor(4, 0, new long[] {4}, new long[] {1}), Map.of("0", floats(1, 2, 3, 4))));
    SplittableRandom random = new SplittableRandom(3);
    Path path = folder.resolve("mutated.bin");
    int refused = 0;
    for (int i = 0; i < 3000; i++) {
      byte[] bytes = whole.clone();
      for (int change = random.nextInt(1, 4); change > 0; change--) {
        bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
      }
      Files.write(path, bytes);
      try (PyTorchFile file = PyTorchFile.open(path)) {
        file.shapes().keySet().forEach(file::floats);
      } catch (CheckpointException e) {
        refused++;
      }
    }
    assertThat(refused).isBetween(1000, 2999);
  }

  @Test
  void aRealLoraHasIts52Tensors() {
    Path path = TestFolders.shared("checkpoints/roberta-base-lora-mnli/roberta_base_lora_mnli.bin");
    try (PyTorchFile file = PyTorchFile.open(path)) {
      assertThat(file.shapes()).hasSize(52);
      assertThat(file.shapes().get("roberta.encoder.layer.3.attention.self.value.lora_A"))
          .isEqualTo(List.of(8L, 768L));
      assertThat(file.shapes().get("classifier.out_proj.weight")).isEqualTo(List.of(3L, 768L));
      for (String name : file.shapes().keySet()) {
        double squares = 0;
        for (float value : file.floats(name)) {
          squares += (double) value * value;
        }
        assertThat(Math.sqrt(squares)).as("norm of %s", name).isBetween(1e-3, 100.0);
      }
    }
  }

  private void refused(byte[] pickle, String fault) {
    Path path = file(pickle, Map.of("0", floats(1, 2, 3, 4)));
    assertThatThrownBy(() -> PyTorchFile.open(path))
        .isInstanceOf(CheckpointException.class)
        .hasMessageStartingWith("Cannot open " + path + " as a PyTorch file: ")
        .hasMessageContaining(fault);
  }
}
