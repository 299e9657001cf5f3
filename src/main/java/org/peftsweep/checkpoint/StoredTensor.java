package org.peftsweep.checkpoint;

import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.List;
import org.peftsweep.data.Shown;

/**
 * A tensor found in a {@link Checkpoint}; its values are read when they are asked for.
 *
 * @param file the open file that holds it
 * @param name the name that the file uses
 * @param shape sizes, outermost first
 */
public record StoredTensor(TensorFile file, String name, List<Long> shape) {
  private static final int CHUNK = 1 << 16;

  public StoredTensor {
    shape = List.copyOf(shape);
  }

  /** Number of elements: the product of the shape. */
  public long elements() {
    return shape.stream().reduce(1L, Math::multiplyExact);
  }

  /** All values, row-major; see {@link TensorFile#floats(String)}. */
  public float[] floats() {
    return file.floats(name);
  }

  /** All values, row-major, to be read in parts. */
  public FloatSource values() {
    return file.values(name);
  }

  /** Whether it has a shape, but for sizes of 1: some formats have vectors as rows. */
  public boolean hasShape(List<Long> wanted) {
    return withoutOnes(shape).equals(withoutOnes(wanted));
  }

  /**
   * This tensor, if it holds floats and has the shape that the model needs.
   *
   * @throws CheckpointException if it has another shape or type; the message holds both
   */
  public StoredTensor requireShape(long... wanted) {
    List<Long> wantedShape = Arrays.stream(wanted).boxed().toList();
    if (!hasShape(wantedShape)) {
      throw new CheckpointException(
          "Cannot use %s in %s: its shape is %s, and config.json asks for %s"
              .formatted(Shown.value(name), file.path(), shape, wantedShape));
    }
    file.requireFloat(name);
    return this;
  }

  /** A vector may be a matrix of one row: ND4J has them so. */
  private static List<Long> withoutOnes(List<Long> shape) {
    return shape.size() == 2 && shape.get(0) == 1 ? shape.subList(1, 2) : shape;
  }

  /**
   * Reads every value.
   *
   * @throws CheckpointException if one is NaN or infinite
   */
  public void requireFinite() {
    if (!file.isFloat(name)) {
      return;
    }
    FloatSource values = values();
    long elements = elements();
    float[] chunk = new float[(int) Math.min(CHUNK, elements)];
    for (long from = 0; from < elements; from += chunk.length) {
      int count = (int) Math.min(chunk.length, elements - from);
      values.read(from, FloatBuffer.wrap(chunk, 0, count));
      for (int i = 0; i < count; i++) {
        if (!Float.isFinite(chunk[i])) {
          throw new CheckpointException(
              "Cannot use %s in %s: its element %d is %s; supply weights that are numbers"
                  .formatted(Shown.value(name), file.path(), from + i, chunk[i]));
        }
      }
    }
  }
}
