package org.peftsweep.checkpoint;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.InvalidProtocolBufferException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.iq80.leveldb.table.BytewiseComparator;
import org.iq80.leveldb.table.MMapTable;
import org.iq80.leveldb.util.Slice;
import org.peftsweep.data.FileFaults;
import org.peftsweep.data.Shown;

/**
 * The weights of a TensorFlow checkpoint, as Google published BERT: an index, which is a table of
 * LevelDB with one {@code BundleEntryProto} a variable, and files of raw values beside it. A
 * SavedModel keeps such a pair in {@code variables}; its graph is not read.
 *
 * <p>Variables are offered under PyTorch's names: {@code
 * bert/encoder/layer_0/attention/self/query/kernel [in, out]} is {@code
 * bert.encoder.layer.0.attention.self.query.weight [out, in]}. What an optimizer kept is left out.
 * Source: {@code tensor_bundle.proto} of TensorFlow.
 */
public final class TensorFlowBundle extends MappedTensors {
  private static final String ENDING = ".index";
  private static final int CHUNK = 2;
  private static final int FIXED32 = 5;
  private static final Map<Integer, DType> TYPES =
      Map.of(1, DType.F32, 19, DType.F16, 14, DType.BF16);

  private record Entry(
      int type, List<Long> shape, int shard, long offset, long bytes, boolean isSliced) {}

  private TensorFlowBundle(Path path) throws IOException {
    super(path);
    Map<Integer, MappedFile> shards = new LinkedHashMap<>();
    Map<String, byte[]> entries = entries();
    byte[] header = entries.remove("");
    if (header == null) {
      throw fault("it has no header, so it is no index of a TensorFlow checkpoint");
    }
    int count = shards(header);
    for (Map.Entry<String, byte[]> each : entries.entrySet()) {
      Entry entry = entry(each.getValue());
      String variable = each.getKey();
      if (TYPES.containsKey(entry.type()) && !TensorFlowNames.isOfOptimizer(variable)) {
        if (entry.isSliced()) {
          throw fault("it holds " + Shown.value(variable) + " in slices, save it whole");
        }
        MappedFile shard = shards.get(entry.shard());
        if (shard == null) {
          shard = shard(entry.shard(), count);
          shards.put(entry.shard(), shard);
        }
        add(variable, entry, shard);
      }
    }
    if (shapes().isEmpty()) {
      throw fault("it holds no weights");
    }
  }

  /**
   * Opens the index of a checkpoint and checks it; values are read when they are asked for.
   *
   * @throws CheckpointException if it or a file of values is missing, damaged or cut
   */
  public static TensorFlowBundle open(Path index) {
    PresentFile.require(index);
    try {
      return new TensorFlowBundle(index);
    } catch (IOException e) {
      throw FileFaults.cannot("read", index, e);
    }
  }

  private Map<String, byte[]> entries() throws IOException {
    Map<String, byte[]> entries = new TreeMap<>();
    try (FileChannel channel = FileChannel.open(path())) {
      MMapTable table = new MMapTable(path().toString(), channel, new BytewiseComparator(), true);
      for (Map.Entry<Slice, Slice> entry : (Iterable<Map.Entry<Slice, Slice>>) table::iterator) {
        entries.put(entry.getKey().toString(StandardCharsets.UTF_8), entry.getValue().getBytes());
      }
      return entries;
    } catch (RuntimeException | IOException e) {
      // The library has no kind of its own for a table that breaks off.
      throw new CheckpointException(message("it is damaged or cut short, fetch it again"), e);
    }
  }

  /** {@code BundleHeaderProto}: number of files of values; little-endian ones only. */
  private int shards(byte[] header) {
    int[] numbers = {0, 0};
    try {
      CodedInputStream in = CodedInputStream.newInstance(header);
      for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
        switch (tag) {
          case 1 << 3 -> numbers[0] = in.readInt32();
          case 2 << 3 -> numbers[1] = in.readInt32();
          default -> in.skipField(tag);
        }
      }
    } catch (IOException e) {
      throw fault("its header is damaged, fetch it again");
    }
    if (numbers[1] != 0) {
      throw fault("its numbers are not little-endian");
    }
    return numbers[0];
  }

  private Entry entry(byte[] message) {
    int[] type = {0};
    List<Long> shape = new ArrayList<>();
    long[] place = {0, 0, 0};
    boolean isSliced = false;
    try {
      CodedInputStream in = CodedInputStream.newInstance(message);
      for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
        switch (tag) {
          case 1 << 3 -> type[0] = in.readInt32();
          case 2 << 3 | CHUNK -> shape(in, shape);
          case 3 << 3 -> place[0] = in.readInt32();
          case 4 << 3 -> place[1] = in.readInt64();
          case 5 << 3 -> place[2] = in.readInt64();
          case 6 << 3 | FIXED32 -> in.readFixed32();
          case 7 << 3 | CHUNK -> {
            isSliced = true;
            in.skipField(tag);
          }
          default -> in.skipField(tag);
        }
      }
    } catch (IOException e) {
      throw fault("an entry of it is damaged, fetch it again");
    }
    return new Entry(type[0], shape, (int) place[0], place[1], place[2], isSliced);
  }

  /** {@code TensorShapeProto}. */
  private static void shape(CodedInputStream in, List<Long> shape) throws IOException {
    int limit = in.pushLimit(in.readRawVarint32());
    for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
      if (tag == (2 << 3 | CHUNK)) {
        int inner = in.pushLimit(in.readRawVarint32());
        long size = 0;
        for (int at = in.readTag(); at != 0; at = in.readTag()) {
          if (at == 1 << 3) {
            size = in.readInt64();
          } else {
            in.skipField(at);
          }
        }
        in.popLimit(inner);
        if (size < 0 || shape.size() == 8) {
          throw new InvalidProtocolBufferException("no shape");
        }
        shape.add(size);
      } else {
        in.skipField(tag);
      }
    }
    in.popLimit(limit);
  }

  private MappedFile shard(int number, int count) throws IOException {
    String name = path().getFileName().toString();
    String start = name.substring(0, name.length() - ENDING.length());
    Path file = path().resolveSibling("%s.data-%05d-of-%05d".formatted(start, number, count));
    PresentFile.requireShard(file, path());
    return MappedFile.of(file);
  }

  private void add(String variable, Entry entry, MappedFile shard) {
    DType dtype = TYPES.get(entry.type());
    long wanted = MappedTensor.bytes(dtype, entry.shape());
    if (wanted < 0
        || wanted != entry.bytes()
        || entry.offset() < 0
        || shard.bytes() - entry.offset() < wanted) {
      throw fault(
          "%s of sizes %s needs %d bytes and %d are there"
              .formatted(
                  Shown.value(variable),
                  entry.shape(),
                  wanted,
                  Math.max(0, Math.min(entry.bytes(), shard.bytes() - entry.offset()))));
    }
    MappedTensor tensor = new MappedTensor(shard, dtype, entry.offset(), entry.shape(), false);
    boolean isKernel = TensorFlowNames.isKernel(variable) && entry.shape().size() == 2;
    String name = TensorFlowNames.inPyTorch(variable);
    if (!add(name, isKernel ? tensor.transposed() : tensor)) {
      throw fault("two of its variables are " + Shown.value(name));
    }
  }

  private CheckpointException fault(String fault) {
    return new CheckpointException(message(fault));
  }

  private String message(String fault) {
    return "Cannot open " + path() + " as a TensorFlow checkpoint: " + fault;
  }
}
