package org.peftsweep.checkpoint;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UTFDataFormatException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32;
import java.util.zip.CheckedInputStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;
import org.peftsweep.data.FileFaults;
import org.peftsweep.data.Shown;

/**
 * The parameters of a ComputationGraph that Deeplearning4j's {@code ModelSerializer} wrote. Nothing
 * in it is made or run: its configuration is read for the names and sizes of layers alone.
 *
 * <p>A dense layer named {@code bert.encoder.layer.0.attention.self.query} offers {@code W [in,
 * out]} as {@code ….query.weight [out, in]} and {@code b} as {@code ….query.bias}; layers that this
 * program exports, their parameters by their own names. Values are unpacked to a temporary file.
 */
public final class NetworkFile extends MappedTensors {
  private static final String CONFIGURATION = "configuration.json";
  private static final String COEFFICIENTS = "coefficients.bin";
  private static final String THEIRS = "org.deeplearning4j.nn.conf.layers.";

  /** Layers of Deeplearning4j that have no parameters. */
  private static final List<String> EMPTY =
      List.of("ActivationLayer", "DropoutLayer", "GlobalPoolingLayer", "LossLayer");

  /** What exported layers call what they have that is no tensor of the model. */
  private static final String CONSTANT = "constant\\d+";

  private static final int MOST_TEXT = 1 << 28;

  /** What deflating can make of a byte. */
  private static final long MOST_PACKED = 1100;

  private static final int CHUNK = 1 << 16;

  /**
   * A parameter in the order of the file.
   *
   * @param name null for one that is not offered
   * @param isCopy whether another layer may have it as its own, frozen as it is here
   */
  private record Slot(String name, List<Long> shape, boolean isTransposed, boolean isCopy) {
    long elements() {
      return MappedTensor.bytes(DType.F32, shape) / Float.BYTES;
    }
  }

  private NetworkFile(Path path) throws IOException {
    super(path);
    try (ZipFile zip = new ZipFile(path.toFile())) {
      List<Slot> slots = slots(configuration(zip));
      long elements = 0;
      for (Slot slot : slots) {
        if (slot.elements() < 0) {
          throw fault("a layer of it has a parameter of sizes " + slot.shape());
        }
        elements += slot.elements();
      }
      if (elements > MOST_PACKED * Files.size(path)) {
        throw fault("its layers have " + elements + " parameters, which it is too short for");
      }
      MappedFile values = unpacked(zip, elements);
      Map<String, MappedTensor> copies = new LinkedHashMap<>();
      long position = 0;
      for (Slot slot : slots) {
        if (slot.name() != null) {
          MappedTensor stored = new MappedTensor(values, DType.F32, position, slot.shape(), false);
          MappedTensor tensor = slot.isTransposed() ? stored.transposed() : stored;
          if (slot.isCopy()) {
            copies.put(slot.name(), tensor);
          } else if (!add(slot.name(), tensor)) {
            throw fault("two of its parameters are " + Shown.value(slot.name()));
          }
        }
        position += slot.elements() * Float.BYTES;
      }
      copies.forEach(this::add);
    }
    for (String name : TensorFile.nested(shapes().keySet()).stream().toList()) {
      throw fault("it has an adapter, " + Shown.value(name) + ", export it with --merged");
    }
    if (shapes().isEmpty()) {
      throw fault("none of its layers has a name of a module, such as encoder.layer.0");
    }
  }

  /**
   * Opens a file and unpacks it.
   *
   * @throws CheckpointException if it is missing, damaged or cut, or of layers that are not known
   */
  public static NetworkFile open(Path path) {
    PresentFile.require(path);
    try {
      return new NetworkFile(path);
    } catch (ZipException
        | EOFException
        | UTFDataFormatException
        | JsonProcessingException
        | IllegalArgumentException e) {
      throw new CheckpointException(message(path, "it is damaged or cut short, fetch it again"), e);
    } catch (IOException e) {
      throw FileFaults.cannot("read", path, e);
    }
  }

  @Override
  public boolean hasOutputsFirst() {
    return true;
  }

  private InputStream entry(ZipFile zip, String name) throws IOException {
    ZipEntry entry = zip.getEntry(name);
    if (entry == null) {
      throw fault("it has no " + name + ", save it with ModelSerializer.writeModel");
    }
    return zip.getInputStream(entry);
  }

  private JsonNode configuration(ZipFile zip) throws IOException {
    try (InputStream in = entry(zip, CONFIGURATION)) {
      byte[] text = in.readNBytes(MOST_TEXT);
      JsonNode read = new ObjectMapper().readTree(text);
      if (!read.path("vertices").isObject() || !read.path("topologicalOrderStr").isArray()) {
        throw fault("it is no ComputationGraph, convert it with toComputationGraph");
      }
      return read;
    }
  }

  private List<Slot> slots(JsonNode configuration) {
    List<Slot> slots = new ArrayList<>();
    JsonNode vertices = configuration.get("vertices");
    for (JsonNode name : configuration.get("topologicalOrderStr")) {
      JsonNode vertex = vertices.path(name.asText());
      JsonNode layer = vertex.path("layerConf").path("layer");
      for (String frozen : List.of("layer", "underlying")) {
        layer = layer.path(frozen).isObject() ? layer.get(frozen) : layer;
      }
      if (layer.isObject()) {
        add(slots, name.asText(), module(name.asText(), vertices), layer);
      }
    }
    return slots;
  }

  /** Returns the module of a layer: a number tells further layers of one from the first. */
  private static String module(String name, JsonNode vertices) {
    int end = name.lastIndexOf('.');
    String rest = name.substring(0, Math.max(end, 0));
    return name.substring(end + 1).matches("\\d+") && vertices.has(rest) ? rest : name;
  }

  /** Whether a layer's parameter is of another module: it has its whole name then. */
  private static boolean isOfAnother(String layer, String parameter) {
    int end = layer.indexOf('.');
    return end > 0 && parameter.startsWith(layer.substring(0, end + 1));
  }

  private void add(List<Slot> slots, String name, String module, JsonNode layer) {
    String type = layer.path("@class").asText();
    if (layer.path("operations").isTextual()) {
      JsonNode parameters = layer.path("parameters");
      // As Deeplearning4j lays them out: those that decay come first.
      for (boolean decays : new boolean[] {true, false}) {
        for (Map.Entry<String, JsonNode> each : parameters.properties()) {
          if (each.getValue().path("decays").asBoolean() == decays) {
            List<Long> shape = new ArrayList<>();
            each.getValue().path("shape").forEach(size -> shape.add(size.asLong(-1)));
            String own = each.getKey().replace('-', '_');
            boolean isElsewhere = isOfAnother(name, own);
            String whole = isElsewhere ? own : module + "." + own;
            boolean isCopy = isElsewhere || !module.equals(name);
            slots.add(new Slot(own.matches(CONSTANT) ? null : whole, shape, false, isCopy));
          }
        }
      }
      return;
    }
    String kind = type.startsWith(THEIRS) ? type.substring(THEIRS.length()) : "";
    long in = layer.path("nin").asLong(-1);
    long out = layer.path("nout").asLong(-1);
    boolean isEmbedding = kind.startsWith("Embedding");
    if (kind.equals("DenseLayer") || kind.equals("OutputLayer") || isEmbedding) {
      // Their weights lie column by column.
      slots.add(new Slot(name + ".weight", List.of(out, in), isEmbedding, false));
      if (layer.path("hasBias").asBoolean(false)) {
        slots.add(new Slot(name + ".bias", List.of(out), false, false));
      }
    } else if (!EMPTY.contains(kind)) {
      throw fault(
          "its layer %s is a %s, whose parameters are not known here; name dense and embedding"
                  .formatted(Shown.value(name), Shown.value(type))
              + " layers after modules, or save another format");
    }
  }

  /** Writes the values to a file that nobody else sees, the lowest byte of each first. */
  private MappedFile unpacked(ZipFile zip, long elements) throws IOException {
    Path file = Files.createTempFile("peft-sweep-network", ".bin");
    try (CheckedInputStream checked =
            new CheckedInputStream(entry(zip, COEFFICIENTS), new CRC32());
        DataInputStream in = new DataInputStream(new BufferedInputStream(checked, CHUNK));
        FileChannel out = FileChannel.open(file, StandardOpenOption.WRITE)) {
      header(in, elements);
      byte[] part = new byte[CHUNK];
      for (long left = elements * Float.BYTES; left > 0; left -= part.length) {
        int count = (int) Math.min(left, part.length);
        in.readFully(part, 0, count);
        ByteBuffer turned = ByteBuffer.allocate(count).order(ByteOrder.LITTLE_ENDIAN);
        turned.asFloatBuffer().put(ByteBuffer.wrap(part, 0, count).asFloatBuffer());
        while (turned.hasRemaining()) {
          out.write(turned);
        }
      }
      if (in.read() >= 0
          || checked.getChecksum().getValue() != zip.getEntry(COEFFICIENTS).getCrc()) {
        throw fault("its values are damaged, fetch it again");
      }
      return MappedFile.of(file);
    } finally {
      Files.delete(file);
    }
  }

  /** An array of ND4J: a buffer of its shape, then one of its values. */
  private void header(DataInputStream in, long elements) throws IOException {
    in.readUTF();
    long numbers = in.readLong();
    in.readUTF();
    if (numbers < 0 || numbers > CHUNK) {
      throw fault("its values are damaged, fetch it again");
    }
    in.skipNBytes(numbers * Long.BYTES);
    in.readUTF();
    long held = in.readLong();
    String type = in.readUTF();
    if (!type.equals("FLOAT")) {
      throw fault("its values are " + Shown.value(type) + ", save them as FLOAT");
    }
    if (held != elements) {
      throw fault("its layers have " + elements + " parameters, and it holds " + held);
    }
  }

  private CheckpointException fault(String fault) {
    return new CheckpointException(message(path(), fault));
  }

  private static String message(Path path, String fault) {
    return "Cannot open " + path + " as a network of Deeplearning4j: " + fault;
  }
}
