package org.peftsweep.checkpoint;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Tensor;

/**
 * Gives back by name what a {@link StateWriter} wrote. A value that is missing or of another type
 * or shape is a {@link CheckpointException}.
 */
public final class StateReader implements AutoCloseable {
  private static final int CHUNK = 1 << 20;

  private final SafeTensors file;
  private final String prefix;

  private StateReader(SafeTensors file, String prefix) {
    this.file = file;
    this.prefix = prefix;
  }

  /** Opens a file. */
  public static StateReader open(Path path) {
    return new StateReader(SafeTensors.open(path), "");
  }

  /** Returns a reader of the names that begin with this and a dot. */
  public StateReader under(String name) {
    return new StateReader(file, prefix + name + ".");
  }

  /** Whether there is a tensor or array of that name. */
  public boolean has(String name) {
    return file.tensors().containsKey(prefix + name);
  }

  /** Fills a tensor of the same shape. */
  public void tensor(String name, Tensor target, Backend backend) {
    List<Long> shape = Arrays.stream(target.shape()).mapToObj(extent -> (long) extent).toList();
    if (!file.info(prefix + name).shape().equals(shape)) {
      throw new CheckpointException(
          "Cannot use %s of %s: its shape is %s, and %s is needed"
              .formatted(prefix + name, file.path(), file.info(prefix + name).shape(), shape));
    }
    float[] chunk = new float[(int) Math.min(CHUNK, target.size())];
    for (long at = 0; at < target.size(); at += chunk.length) {
      int count = (int) Math.min(chunk.length, target.size() - at);
      file.floats(prefix + name, at, chunk, 0, count);
      backend.write(chunk, 0, target, at, count);
    }
  }

  public float[] floats(String name) {
    return file.floats(prefix + name);
  }

  public long[] longs(String name) {
    return file.longs(prefix + name);
  }

  public double[] doubles(String name) {
    return Arrays.stream(longs(name)).mapToDouble(Double::longBitsToDouble).toArray();
  }

  public String text(String name) {
    String value = file.metadata().get(prefix + name);
    if (value == null) {
      throw new CheckpointException("Cannot find " + prefix + name + " in " + file.path());
    }
    return value;
  }

  /** Returns a text that states of earlier versions lack. */
  public String text(String name, String otherwise) {
    return file.metadata().containsKey(prefix + name) ? text(name) : otherwise;
  }

  public long wholeNumber(String name) {
    return Long.parseLong(text(name));
  }

  public double number(String name) {
    return Double.parseDouble(text(name));
  }

  /** Returns a number that states of earlier versions lack. */
  public double number(String name, double otherwise) {
    return file.metadata().containsKey(prefix + name) ? number(name) : otherwise;
  }

  @Override
  public void close() {
    file.close();
  }
}
