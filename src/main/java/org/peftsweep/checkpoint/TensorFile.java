package org.peftsweep.checkpoint;

import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import org.peftsweep.data.Shown;

/** An open file of named float tensors, in whatever format. */
public interface TensorFile extends AutoCloseable {
  /** Weights in other formats than safetensors, by their path within the folder. */
  Pattern FOREIGN =
      Pattern.compile(
          "pytorch_model[\\w.-]*\\.(bin|bin\\.index\\.json)|model[\\w.-]*\\.(zip|fb)"
              + "|(onnx/|variables/)?[^/]+(\\.onnx|\\.onnx[._]data|\\.index|\\.data-\\d{5}-of-\\d{5})");

  /** Whether a path within a model folder is one of weights in another format than safetensors. */
  static boolean isForeign(String path) {
    return FOREIGN.matcher(path).matches();
  }

  /**
   * Returns a tensor that lies within a module with a weight of its own, as what an adapter adds to
   * one; empty for plain models.
   */
  static Optional<String> nested(Set<String> names) {
    return names.stream()
        .filter(
            name -> {
              int end = name.lastIndexOf('.');
              String last = name.substring(end + 1);
              boolean isOwn = last.equals("weight") || last.equals("bias");
              int from = isOwn ? name.lastIndexOf('.', end - 1) : end;
              while (from > 0 && !names.contains(name.substring(0, from) + ".weight")) {
                from = name.lastIndexOf('.', from - 1);
              }
              return from > 0;
            })
        .findFirst();
  }

  Path path();

  /** Returns the sizes of all tensors, outermost first, in the order of the file. */
  Map<String, List<Long>> shapes();

  /** Whether all matrices are {@code [out, in]}, whatever the reference library does. */
  default boolean hasOutputsFirst() {
    return false;
  }

  /** Returns whether a tensor's elements are read as floats; others are listed only. */
  default boolean isFloat(String name) {
    return true;
  }

  /**
   * Refuses a tensor whose elements are not read as floats.
   *
   * @throws CheckpointException with its type
   */
  default void requireFloat(String name) {}

  /** Returns what to throw where a tensor's elements are of a type that is not read as floats. */
  default CheckpointException notFloats(String name, DType type) {
    return new CheckpointException(
        "Cannot read %s of %s as floats: its type is %s; save it as one of %s"
            .formatted(Shown.value(name), path(), type, DType.FLOATS));
  }

  /**
   * Returns a tensor's values in row-major order, to be read in parts.
   *
   * @throws CheckpointException if it is missing or is no tensor of floats
   */
  FloatSource values(String name);

  /**
   * Returns a whole tensor, row-major.
   *
   * @throws CheckpointException if it is missing, is no tensor of floats, or is too long for one
   *     array
   */
  default float[] floats(String name) {
    FloatSource source = values(name);
    float[] values = new float[arrayLength(name)];
    source.read(0, FloatBuffer.wrap(values));
    return values;
  }

  /** Returns what to throw where a name is not in the file. */
  default CheckpointException missing(String name) {
    return new CheckpointException(
        "Cannot find %s in %s: %d names present"
            .formatted(Shown.value(name), path(), shapes().size()));
  }

  private int arrayLength(String name) {
    long elements = shapes().get(name).stream().reduce(1L, Math::multiplyExact);
    if (elements > Integer.MAX_VALUE - 8) {
      throw new CheckpointException(
          "Cannot read %s of %s into one array: it has %d elements, read it in parts"
              .formatted(name, path(), elements));
    }
    return (int) elements;
  }

  @Override
  void close();
}
