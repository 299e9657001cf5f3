package org.peftsweep.checkpoint;

import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.List;

/**
 * A tensor found in a {@link Checkpoint}; its values are read when they are asked for.
 *
 * @param file the open file that holds it
 * @param info its entry there, under the name that the file uses
 */
public record StoredTensor(SafeTensors file, TensorInfo info) {
  /** Sizes, outermost first. */
  public List<Long> shape() {
    return info.shape();
  }

  /** All values, row-major; see {@link SafeTensors#floats(String)}. */
  public float[] floats() {
    return file.floats(info.name());
  }

  /** Some values; see {@link SafeTensors#floats(String, long, FloatBuffer)}. */
  public void floats(long from, FloatBuffer target) {
    file.floats(info.name(), from, target);
  }

  /**
   * This tensor, if it has the shape that the model needs.
   *
   * @throws CheckpointException if it has another; the message holds both
   */
  public StoredTensor requireShape(long... wanted) {
    List<Long> wantedShape = Arrays.stream(wanted).boxed().toList();
    if (!shape().equals(wantedShape)) {
      throw new CheckpointException(
          "Cannot use %s in %s: its shape is %s, and config.json asks for %s"
              .formatted(info.name(), file.path(), shape(), wantedShape));
    }
    return this;
  }
}
