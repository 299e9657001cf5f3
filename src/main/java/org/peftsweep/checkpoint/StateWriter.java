package org.peftsweep.checkpoint;

import java.io.IOException;
import java.nio.channels.WritableByteChannel;
import java.util.Arrays;
import java.util.List;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Tensor;

/**
 * Gathers what a running trial remembers, under names, for one safetensors file: tensors as such,
 * single values in its metadata. {@link StateReader} gives all of it back bit for bit.
 */
public final class StateWriter {
  private final SafeTensorsWriter file;
  private final String prefix;

  public StateWriter() {
    this(new SafeTensorsWriter(), "");
  }

  private StateWriter(SafeTensorsWriter file, String prefix) {
    this.file = file;
    this.prefix = prefix;
  }

  /** Returns a writer into the same file that puts this before each name, and a dot. */
  public StateWriter under(String name) {
    return new StateWriter(file, prefix + name + ".");
  }

  /** Adds a tensor, whose values are read when the file is written. */
  public void tensor(String name, Tensor tensor, Backend backend) {
    List<Long> shape = Arrays.stream(tensor.shape()).mapToObj(extent -> (long) extent).toList();
    file.add(
        prefix + name,
        DType.F32,
        shape,
        (from, target) -> {
          float[] values = new float[target.remaining()];
          backend.read(tensor, from, values, 0, values.length);
          target.put(values);
        });
  }

  public void floats(String name, float[] values) {
    file.add(prefix + name, List.of((long) values.length), values);
  }

  public void longs(String name, long[] values) {
    file.add(prefix + name, DType.I64, List.of((long) values.length), values);
  }

  /** Adds the bits of the values as whole numbers. */
  public void doubles(String name, double[] values) {
    longs(name, Arrays.stream(values).mapToLong(Double::doubleToRawLongBits).toArray());
  }

  public void text(String name, String value) {
    file.metadata(prefix + name, value);
  }

  public void number(String name, long value) {
    text(name, Long.toString(value));
  }

  public void number(String name, double value) {
    text(name, Double.toString(value));
  }

  /** Writes the file's bytes. */
  public void write(WritableByteChannel channel) throws IOException {
    file.write(channel);
  }
}
