package org.peftsweep.checkpoint;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.InvalidProtocolBufferException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.peftsweep.data.FileFaults;
import org.peftsweep.data.Shown;

/**
 * The weights of an ONNX model under the names of the model that it was exported from. The graph is
 * read for names and orientation only and is never executed.
 *
 * <p>Exporters fold a projection's transposition into its weight, which then has no name and lies
 * {@code [in, out]}: it is named by the node that multiplies with it, or else by the bias that is
 * added to the product, and read {@code [out, in]} as PyTorch has it.
 *
 * <p>Values lie in the file, or in files beside it. Source: {@code onnx.proto} of ONNX, IR version
 * 10.
 */
public final class OnnxFile extends MappedTensors {
  /** Why a file is refused. */
  private static final class Fault extends Exception {
    private static final long serialVersionUID = 1;

    Fault(String message) {
      super(message);
    }
  }

  private static final Map<Integer, DType> TYPES =
      Map.of(1, DType.F32, 10, DType.F16, 16, DType.BF16);

  private static final int MOST_DIMENSIONS = 8;

  private final Map<String, OnnxGraph.Initializer> stored;
  private final OnnxGraph graph;
  private final Map<Path, MappedFile> files = new HashMap<>();

  private OnnxFile(Path path) throws IOException, Fault {
    super(path);
    if (Files.size(path) > Integer.MAX_VALUE) {
      throw new Fault("it has more than 2 GiB, which the format cannot hold in one file");
    }
    try (FileChannel channel = FileChannel.open(path)) {
      ByteBuffer bytes = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size());
      this.graph = OnnxGraph.read(CodedInputStream.newInstance(bytes));
    }
    this.stored = graph.initializers();
    if (stored.isEmpty()) {
      throw new Fault("it holds no weights");
    }
    for (String operation : graph.quantisedOperations()) {
      throw new Fault("it is quantised (" + operation + "), supply the model in 32 or 16 bits");
    }
    Map<String, OnnxGraph.Use> uses = graph.projections();
    for (OnnxGraph.Initializer initializer : stored.values()) {
      if (TYPES.containsKey(initializer.type())) {
        OnnxGraph.Use use = uses.get(initializer.name());
        boolean isTransposed = use != null && use.isInByOut() && initializer.shape().size() == 2;
        MappedTensor tensor = tensor(initializer);
        String name =
            use != null && isAnonymous(initializer.name()) ? use.name() : initializer.name();
        if (!add(name, isTransposed ? tensor.transposed() : tensor)) {
          throw new Fault("two of its weights are named " + Shown.value(name));
        }
      }
    }
  }

  /**
   * Opens a file and checks its structure; values are read when they are asked for.
   *
   * @throws CheckpointException if it is missing or anything but such a file
   */
  public static OnnxFile open(Path path) {
    PresentFile.require(path);
    try {
      return new OnnxFile(path);
    } catch (Fault e) {
      throw refused(path, e.getMessage(), e);
    } catch (InvalidProtocolBufferException e) {
      throw refused(path, "it is damaged or cut short, fetch it again", e);
    } catch (IOException e) {
      throw FileFaults.cannot("read", path, e);
    }
  }

  private static CheckpointException refused(Path path, String fault, Exception e) {
    return new CheckpointException("Cannot open " + path + " as ONNX: " + fault, e);
  }

  /** Whether an exporter made a name up, as {@code onnx::MatMul_787} or {@code 1234}. */
  private static boolean isAnonymous(String name) {
    return name.startsWith("onnx::") || !name.contains(".");
  }

  private MappedTensor tensor(OnnxGraph.Initializer initializer) throws IOException, Fault {
    DType dtype = TYPES.get(initializer.type());
    String name = Shown.value(initializer.name());
    boolean isNone =
        initializer.shape().size() > MOST_DIMENSIONS
            || initializer.shape().stream().anyMatch(size -> size < 0);
    long bytes = isNone ? -1 : MappedTensor.bytes(dtype, initializer.shape());
    if (bytes < 0) {
      throw new Fault("its tensor " + name + " has sizes " + initializer.shape());
    }
    Path place = initializer.file().isEmpty() ? path() : beside(initializer.file().get());
    MappedFile file = files.get(place);
    if (file == null) {
      file = MappedFile.of(place);
      files.put(place, file);
    }
    long held = initializer.bytes() < 0 ? bytes : initializer.bytes();
    if (held != bytes
        || initializer.position() < 0
        || file.bytes() - initializer.position() < bytes) {
      throw new Fault(
          "its tensor %s of sizes %s needs %d bytes and %s holds %d"
              .formatted(
                  name,
                  initializer.shape(),
                  bytes,
                  place.getFileName(),
                  Math.max(0, Math.min(held, file.bytes() - initializer.position()))));
    }
    return new MappedTensor(file, dtype, initializer.position(), initializer.shape(), false);
  }

  private Path beside(String location) throws Fault {
    // Files of other names would not count for what the model is.
    if (!location.matches("[\\w-][\\w.-]*") || !TensorFile.isForeign(location)) {
      throw new Fault(
          "it keeps values in "
              + Shown.value(location)
              + ", save it with all of them in one file beside it, such as model.onnx_data");
    }
    Path file = path().resolveSibling(location);
    PresentFile.requireShard(file, path());
    return file;
  }
}
