package org.peftsweep.checkpoint;

import com.google.protobuf.ByteString;
import com.google.protobuf.CodedOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;

/** Makes ONNX files: fields of a message by number, one after the other. */
final class OnnxBytes {
  static final int FLOAT = 1;
  static final int INT64 = 7;
  static final int FLOAT16 = 10;

  private final ByteArrayOutputStream graph = new ByteArrayOutputStream();

  /** What fills a message. */
  interface Content {
    void write(CodedOutputStream out) throws IOException;
  }

  static byte[] message(Content content) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    CodedOutputStream out = CodedOutputStream.newInstance(bytes);
    try {
      content.write(out);
      out.flush();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return bytes.toByteArray();
  }

  static byte[] littleEndian(float... values) {
    ByteBuffer bytes = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asFloatBuffer().put(values);
    return bytes.array();
  }

  /** A tensor with raw data. */
  static byte[] tensor(String name, int type, byte[] data, long... shape) {
    return message(
        out -> {
          for (long size : shape) {
            out.writeInt64(1, size);
          }
          out.writeInt32(2, type);
          out.writeString(8, name);
          out.writeByteArray(9, data);
        });
  }

  /** A tensor with packed sizes and typed data, as other writers make it. */
  static byte[] typedTensor(String name, float[] values, long... shape) {
    byte[] sizes =
        message(
            out -> {
              for (long size : shape) {
                out.writeInt64NoTag(size);
              }
            });
    return message(
        out -> {
          out.writeByteArray(4, littleEndian(values));
          out.writeByteArray(1, sizes);
          out.writeString(8, name);
          out.writeInt32(2, FLOAT);
        });
  }

  static byte[] externalTensor(String name, String file, long offset, long bytes, long... shape) {
    return message(
        out -> {
          for (long size : shape) {
            out.writeInt64(1, size);
          }
          out.writeInt32(2, FLOAT);
          out.writeString(8, name);
          out.writeByteArray(13, entry("location", file));
          out.writeByteArray(13, entry("offset", Long.toString(offset)));
          out.writeByteArray(13, entry("length", Long.toString(bytes)));
          out.writeInt32(14, 1);
        });
  }

  private static byte[] entry(String key, String value) {
    return message(
        out -> {
          out.writeString(1, key);
          out.writeString(2, value);
        });
  }

  OnnxBytes add(byte[] tensor) {
    graph.writeBytes(message(out -> out.writeByteArray(5, tensor)));
    return this;
  }

  OnnxBytes node(String name, String operation, List<String> inputs, String output) {
    return node(name, operation, inputs, output, new byte[0]);
  }

  OnnxBytes node(
      String name, String operation, List<String> inputs, String output, byte[] attribute) {
    byte[] node =
        message(
            out -> {
              for (String input : inputs) {
                out.writeString(1, input);
              }
              out.writeString(2, output);
              out.writeString(3, name);
              out.writeString(4, operation);
              if (attribute.length > 0) {
                out.writeByteArray(5, attribute);
              }
            });
    graph.writeBytes(message(out -> out.writeByteArray(1, node)));
    return this;
  }

  static byte[] number(String name, long value) {
    return message(
        out -> {
          out.writeString(1, name);
          out.writeInt64(3, value);
        });
  }

  static byte[] value(byte[] tensor) {
    return message(
        out -> {
          out.writeString(1, "value");
          out.writeByteArray(5, tensor);
        });
  }

  byte[] file() {
    return message(
        out -> {
          out.writeInt64(1, 9);
          out.writeString(2, "a test");
          out.writeBytes(7, ByteString.copyFrom(graph.toByteArray()));
        });
  }
}
