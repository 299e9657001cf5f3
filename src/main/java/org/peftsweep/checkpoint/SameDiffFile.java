package org.peftsweep.checkpoint;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.nd4j.graph.FlatArray;
import org.nd4j.graph.FlatGraph;
import org.nd4j.graph.FlatVariable;
import org.peftsweep.data.FileFaults;
import org.peftsweep.data.Shown;

/**
 * The variables and constants of a graph of SameDiff that have names of modules, as {@code
 * bert.encoder.layer.0.attention.self.query.weight}. Its operations are not read.
 *
 * <p>Values are those of ND4J: a shape with strides, and floats whose first byte is the highest.
 */
public final class SameDiffFile implements TensorFile {
  /** What shape information ends in where rows lie one after the other. */
  private static final int ROW_MAJOR = 'c';

  private static final int MOST_DIMENSIONS = 8;

  private record Values(FloatBuffer floats, List<Long> shape) implements FloatSource {
    @Override
    public void read(long from, FloatBuffer target) {
      target.put(floats.slice(Math.toIntExact(from), target.remaining()));
    }
  }

  private final Path path;
  private final Map<String, Values> tensors = new LinkedHashMap<>();

  private SameDiffFile(Path path, ByteBuffer bytes) {
    this.path = path;
    FlatGraph graph = FlatGraph.getRootAsFlatGraph(bytes);
    for (int i = 0; i < graph.variablesLength(); i++) {
      FlatVariable variable = graph.variables(i);
      FlatArray array = variable.ndarray();
      String name = variable.name();
      if (array != null && name.contains(".") && array.dtype() == org.nd4j.graph.DType.FLOAT) {
        if (tensors.putIfAbsent(name, values(name, array)) != null) {
          throw fault(path, "two of its variables are " + Shown.value(name));
        }
      }
    }
    for (String name : TensorFile.nested(tensors.keySet()).stream().toList()) {
      throw fault(path, "it has an adapter, " + Shown.value(name) + ", export it with --merged");
    }
    if (tensors.isEmpty()) {
      throw fault(path, "it holds no weights with names of modules, such as encoder.layer.0");
    }
  }

  /**
   * Opens a graph; values are read when they are asked for.
   *
   * @throws CheckpointException if it is missing, damaged or cut, or has no weights with names
   */
  public static SameDiffFile open(Path path) {
    PresentFile.require(path);
    try (FileChannel channel = FileChannel.open(path)) {
      if (channel.size() > Integer.MAX_VALUE) {
        throw fault(path, "it has more than 2 GiB, which the format cannot hold in one file");
      }
      ByteBuffer bytes = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size());
      return new SameDiffFile(path, bytes.order(ByteOrder.LITTLE_ENDIAN));
    } catch (IOException e) {
      throw FileFaults.cannot("read", path, e);
    } catch (IndexOutOfBoundsException
        | IllegalArgumentException
        | NullPointerException
        | ArithmeticException
        | AssertionError e) {
      // The format has no kind of its own for what is cut.
      throw new CheckpointException(message(path, "it is damaged or cut short, fetch it again"), e);
    }
  }

  private Values values(String name, FlatArray array) {
    long rank = array.shape(0);
    if (rank < 0 || rank > MOST_DIMENSIONS || array.shapeLength() < 2 * rank + 1) {
      throw fault(path, "its variable " + Shown.value(name) + " has " + rank + " dimensions");
    }
    List<Long> shape = new ArrayList<>();
    for (int i = 1; i <= rank; i++) {
      shape.add(array.shape(i));
    }
    long bytes =
        shape.stream().anyMatch(size -> size < 0) ? -1 : MappedTensor.bytes(DType.F32, shape);
    if (bytes != array.bufferLength()) {
      throw fault(
          path,
          "its variable %s of sizes %s needs %d bytes and %d are there"
              .formatted(Shown.value(name), shape, bytes, array.bufferLength()));
    }
    if (rank > 1 && array.shape(array.shapeLength() - 1) != ROW_MAJOR) {
      throw fault(path, "its variable " + Shown.value(name) + " is not row by row");
    }
    ByteOrder order =
        array.byteOrder() == org.nd4j.graph.ByteOrder.BE
            ? ByteOrder.BIG_ENDIAN
            : ByteOrder.LITTLE_ENDIAN;
    return new Values(array.bufferAsByteBuffer().slice().order(order).asFloatBuffer(), shape);
  }

  @Override
  public Path path() {
    return path;
  }

  @Override
  public Map<String, List<Long>> shapes() {
    Map<String, List<Long>> shapes = new LinkedHashMap<>();
    tensors.forEach((name, values) -> shapes.put(name, values.shape()));
    return Collections.unmodifiableMap(shapes);
  }

  @Override
  public FloatSource values(String name) {
    Values values = tensors.get(name);
    if (values == null) {
      throw missing(name);
    }
    return values;
  }

  @Override
  public void close() {
    // The garbage collector gives the mapping back.
  }

  private static CheckpointException fault(Path path, String fault) {
    return new CheckpointException(message(path, fault));
  }

  private static String message(Path path, String fault) {
    return "Cannot open " + path + " as a graph of SameDiff: " + fault;
  }
}
