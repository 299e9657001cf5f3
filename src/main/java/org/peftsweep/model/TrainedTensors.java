package org.peftsweep.model;

import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.peftsweep.checkpoint.CheckpointException;
import org.peftsweep.checkpoint.DType;
import org.peftsweep.checkpoint.FloatSource;
import org.peftsweep.checkpoint.SafeTensors;
import org.peftsweep.checkpoint.SafeTensorsWriter;
import org.peftsweep.checkpoint.TensorInfo;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Weight;

/**
 * The tensors by which a trained model differs from its base, under their parameters' names: all
 * that learns, head included, and what adapters cannot draw again.
 *
 * <p>A model is restored by attaching the same method to the same base and reading them back.
 */
public final class TrainedTensors {
  private static final int CHUNK = 1 << 17;

  private TrainedTensors() {}

  /** Returns the parameters that are kept, in a fixed order; no two have the same name. */
  public static List<Parameter> of(Model model) {
    return Stream.concat(
            model.parameters().stream().filter(Parameter::isTrainable),
            model.additions().stream().flatMap(addition -> addition.kept().stream()))
        .toList();
  }

  /** Returns the size of their values, in bytes. */
  public static long bytes(Model model) {
    return Float.BYTES * of(model).stream().mapToLong(Parameter::size).sum();
  }

  /** Adds them to a file; their values are read when it is written, so the model must be open. */
  public static void save(Model model, Backend backend, SafeTensorsWriter writer) {
    for (Parameter parameter : of(model)) {
      writer.add(
          parameter.name(), DType.F32, shape(parameter), source(backend, parameter.asWeight()));
    }
  }

  /** Returns a weight's values in parts, as a writer asks for them. */
  public static FloatSource source(Backend backend, Weight weight) {
    return (from, target) -> {
      float[] part = new float[target.remaining()];
      weight.read(backend, from, part, 0, part.length);
      target.put(part);
    };
  }

  /**
   * Reads them back into a model with the same method attached; other tensors of the file are left
   * alone.
   *
   * @throws CheckpointException if one is missing or of another shape
   */
  public static void restore(SafeTensors file, Model model, Backend backend) {
    for (Parameter parameter : of(model)) {
      TensorInfo info = file.info(parameter.name());
      if (!info.shape().equals(shape(parameter))) {
        throw new CheckpointException(
            "Cannot restore %s from %s: its shape there is %s and here %s"
                .formatted(parameter.name(), file.path(), info.shape(), shape(parameter)));
      }
      float[] part = new float[(int) Math.min(CHUNK, parameter.size())];
      for (long from = 0; from < parameter.size(); from += part.length) {
        int count = (int) Math.min(part.length, parameter.size() - from);
        file.floats(info.name(), from, FloatBuffer.wrap(part, 0, count));
        backend.write(part, 0, parameter.value(), from, count);
      }
    }
  }

  /** Returns a parameter's values, row-major. */
  public static float[] floats(Parameter parameter, Backend backend) {
    float[] values = new float[Math.toIntExact(parameter.size())];
    parameter.asWeight().read(backend, 0, values, 0, values.length);
    return values;
  }

  /** Adds a parameter as it is at this moment to a file, by a name. */
  public static void add(
      SafeTensorsWriter writer, String name, Parameter parameter, Backend backend) {
    writer.add(name, shape(parameter), floats(parameter, backend));
  }

  /** Returns the sizes of a parameter as files have them. */
  public static List<Long> shape(Parameter parameter) {
    return Arrays.stream(parameter.shape()).mapToObj(extent -> (long) extent).toList();
  }
}
