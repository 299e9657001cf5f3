package org.peftsweep.checkpoint;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.InvalidProtocolBufferException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What an ONNX model says of its weights: where each lies, and which node multiplies with it.
 * Values are stepped over. Numbers of fields are those of {@code onnx.proto}.
 */
final class OnnxGraph {
  /**
   * A constant of the graph.
   *
   * @param type {@code TensorProto.DataType}
   * @param file the file beside the model that holds the values; empty for the model itself
   * @param position of the first byte
   * @param bytes length; -1 where the model does not tell
   */
  record Initializer(
      String name, List<Long> shape, int type, Optional<String> file, long position, long bytes) {}

  /**
   * How a projection's weight is used.
   *
   * @param name that the weight has in PyTorch, as far as the graph shows
   * @param isInByOut whether it lies {@code [in, out]}
   */
  record Use(String name, boolean isInByOut) {}

  private record Node(
      String name,
      String operation,
      List<String> inputs,
      List<String> outputs,
      boolean transposesB,
      Initializer value) {}

  /** Wire type of what comes with its length: texts, messages, packed numbers. */
  private static final int CHUNK = 2;

  private static final List<String> QUANTISED =
      List.of(
          "MatMulInteger",
          "QLinearMatMul",
          "DynamicQuantizeLinear",
          "DequantizeLinear",
          "MatMulNBits");

  private final List<Node> nodes = new ArrayList<>();
  private final Map<String, Initializer> initializers = new LinkedHashMap<>();

  private OnnxGraph() {}

  /**
   * Reads a model.
   *
   * @throws InvalidProtocolBufferException if it is no protocol buffer message
   */
  static OnnxGraph read(CodedInputStream in) throws IOException {
    OnnxGraph graph = new OnnxGraph();
    message(
        in,
        tag -> {
          if (tag != (7 << 3 | CHUNK)) {
            return false;
          }
          nested(in, inner -> graph.take(inner, in));
          return true;
        });
    return graph;
  }

  /** All constants by the file's names, in the order of the file. */
  Map<String, Initializer> initializers() {
    return initializers;
  }

  /** Names of operations that only a quantised model has. */
  List<String> quantisedOperations() {
    return nodes.stream().map(Node::operation).filter(QUANTISED::contains).distinct().toList();
  }

  /** How the weights of projections are used, by the file's names. */
  Map<String, Use> projections() {
    Map<String, Node> addedTo = new HashMap<>();
    for (Node node : nodes) {
      if (node.operation().equals("Add")) {
        node.inputs().forEach(input -> addedTo.put(input, node));
      }
    }
    Map<String, Use> uses = new HashMap<>();
    for (Node node : nodes) {
      boolean isGemm = node.operation().equals("Gemm");
      if ((isGemm || node.operation().equals("MatMul")) && node.inputs().size() >= 2) {
        String weight = node.inputs().get(1);
        if (initializers.containsKey(weight)) {
          String name = module(node, addedTo).map(module -> module + ".weight").orElse(weight);
          uses.put(weight, new Use(name, !(isGemm && node.transposesB())));
        }
      }
    }
    return uses;
  }

  /** The module that a product belongs to: of the node's name, or else of the bias. */
  private Optional<String> module(Node node, Map<String, Node> addedTo) {
    String name = node.name();
    if (name.startsWith("/") && name.indexOf('/', 1) > 0) {
      return Optional.of(name.substring(1, name.lastIndexOf('/')).replace('/', '.'));
    }
    List<String> others = new ArrayList<>(node.inputs().subList(2, node.inputs().size()));
    for (String output : node.outputs()) {
      Optional.ofNullable(addedTo.get(output)).ifPresent(add -> others.addAll(add.inputs()));
    }
    return others.stream()
        .filter(other -> initializers.containsKey(other) && other.endsWith(".bias"))
        .map(bias -> bias.substring(0, bias.length() - ".bias".length()))
        .findFirst();
  }

  private boolean take(int tag, CodedInputStream in) throws IOException {
    switch (tag) {
      case 1 << 3 | CHUNK -> {
        Node node = node(in);
        nodes.add(node);
        if (node.value() != null && !node.outputs().isEmpty()) {
          add(node.value(), node.outputs().get(0));
        }
      }
      case 5 << 3 | CHUNK -> {
        Initializer initializer = initializer(in);
        add(initializer, initializer.name());
      }
      default -> {
        return false;
      }
    }
    return true;
  }

  private void add(Initializer of, String name) {
    initializers.put(
        name, new Initializer(name, of.shape(), of.type(), of.file(), of.position(), of.bytes()));
  }

  private static Node node(CodedInputStream in) throws IOException {
    List<String> inputs = new ArrayList<>();
    List<String> outputs = new ArrayList<>();
    String[] words = {"", ""};
    boolean[] transposesB = {false};
    Initializer[] value = {null};
    nested(
        in,
        tag -> {
          switch (tag) {
            case 1 << 3 | CHUNK -> inputs.add(in.readString());
            case 2 << 3 | CHUNK -> outputs.add(in.readString());
            case 3 << 3 | CHUNK -> words[0] = in.readString();
            case 4 << 3 | CHUNK -> words[1] = in.readString();
            case 5 << 3 | CHUNK -> attribute(in, transposesB, value);
            default -> {
              return false;
            }
          }
          return true;
        });
    boolean isConstant = words[1].equals("Constant");
    return new Node(
        words[0], words[1], inputs, outputs, transposesB[0], isConstant ? value[0] : null);
  }

  private static void attribute(CodedInputStream in, boolean[] transposesB, Initializer[] value)
      throws IOException {
    String[] name = {""};
    long[] number = {0};
    nested(
        in,
        tag -> {
          switch (tag) {
            case 1 << 3 | CHUNK -> name[0] = in.readString();
            case 3 << 3 -> number[0] = in.readInt64();
            case 5 << 3 | CHUNK -> value[0] = initializer(in);
            default -> {
              return false;
            }
          }
          return true;
        });
    transposesB[0] |= name[0].equals("transB") && number[0] == 1;
  }

  private static Initializer initializer(CodedInputStream in) throws IOException {
    List<Long> shape = new ArrayList<>();
    int[] type = {0};
    String[] name = {""};
    long[] place = {0, 0};
    Map<String, String> external = new HashMap<>();
    nested(
        in,
        tag -> {
          switch (tag) {
            case 1 << 3 -> shape.add(in.readInt64());
            case 1 << 3 | CHUNK -> numbers(in, shape);
            case 2 << 3 -> type[0] = in.readInt32();
            case 8 << 3 | CHUNK -> name[0] = in.readString();
            // float_data or raw_data: both lie as they are.
            case 4 << 3 | CHUNK, 9 << 3 | CHUNK -> {
              place[1] = in.readRawVarint32();
              place[0] = in.getTotalBytesRead();
              in.skipRawBytes((int) place[1]);
            }
            case 13 << 3 | CHUNK -> entry(in, external);
            default -> {
              return false;
            }
          }
          return true;
        });
    if (external.containsKey("location")) {
      return new Initializer(
          name[0],
          shape,
          type[0],
          Optional.of(external.get("location")),
          number(external.getOrDefault("offset", "0")),
          number(external.getOrDefault("length", "-1")));
    }
    return new Initializer(name[0], shape, type[0], Optional.empty(), place[0], place[1]);
  }

  private static void numbers(CodedInputStream in, List<Long> numbers) throws IOException {
    int limit = in.pushLimit(in.readRawVarint32());
    while (in.getBytesUntilLimit() > 0) {
      numbers.add(in.readInt64());
    }
    in.popLimit(limit);
  }

  private static void entry(CodedInputStream in, Map<String, String> entries) throws IOException {
    String[] words = {"", ""};
    nested(
        in,
        tag -> {
          switch (tag) {
            case 1 << 3 | CHUNK -> words[0] = in.readString();
            case 2 << 3 | CHUNK -> words[1] = in.readString();
            default -> {
              return false;
            }
          }
          return true;
        });
    entries.put(words[0], words[1]);
  }

  private static long number(String text) throws InvalidProtocolBufferException {
    if (!text.matches("-1|\\d{1,18}")) {
      throw new InvalidProtocolBufferException("no number");
    }
    return Long.parseLong(text);
  }

  /** Takes up one field of a message, by number and wire type; false leaves it to be skipped. */
  private interface Fields {
    boolean take(int tag) throws IOException;
  }

  private static void nested(CodedInputStream in, Fields fields) throws IOException {
    int limit = in.pushLimit(in.readRawVarint32());
    message(in, fields);
    in.checkLastTagWas(0);
    in.popLimit(limit);
  }

  private static void message(CodedInputStream in, Fields fields) throws IOException {
    for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
      if (!fields.take(tag)) {
        in.skipField(tag);
      }
    }
  }
}
