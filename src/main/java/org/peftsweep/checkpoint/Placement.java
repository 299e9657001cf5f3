package org.peftsweep.checkpoint;

import java.nio.FloatBuffer;
import java.util.List;
import java.util.stream.LongStream;

/**
 * Where checkpoints have a tensor of the model: a part of a tensor of theirs, which may lie turned.
 *
 * @param tensor its name in checkpoints
 * @param isTurned whether a matrix is stored {@code [in, out]}, as the reference library's {@code
 *     Conv1D} has it
 * @param part which of its equal parts along the outputs it is
 * @param parts how many there are
 */
public record Placement(String tensor, boolean isTurned, int part, int parts) {
  /** Values of one turned stretch at once. */
  private static final int STRETCH = 1 << 20;

  /** A tensor that checkpoints have as the model does. */
  public static Placement of(String name) {
    return new Placement(name, false, 0, 1);
  }

  /** Returns the same of a file whose matrices are all {@code [out, in]}. */
  Placement unturned() {
    return new Placement(tensor, false, part, parts);
  }

  /** Returns the shape of this part of a stored shape, as the model has it. */
  List<Long> shape(List<Long> stored) {
    boolean turns = isTurned && stored.size() == 2;
    List<Long> whole = turns ? List.of(stored.get(1), stored.get(0)) : stored;
    return parts == 1
        ? whole
        : LongStream.range(0, whole.size())
            .mapToObj(axis -> axis == 0 ? whole.get(0) / parts : whole.get((int) axis))
            .toList();
  }

  /** Returns this part's values, row-major as the model has them. */
  FloatSource of(FloatSource stored, List<Long> shape) {
    boolean turns = isTurned && shape.size() == 2;
    FloatSource whole = turns ? turned(stored, shape.get(0), shape.get(1)) : stored;
    long own = shape.stream().reduce(1L, Math::multiplyExact) / parts;
    return part == 0 ? whole : (from, target) -> whole.read(part * own + from, target);
  }

  /**
   * Returns the stored tensor of these parts, all of one shape.
   *
   * @param values of the parts in order
   */
  public static FloatSource joined(List<FloatSource> values, List<Long> shape, boolean isTurned) {
    long own = shape.stream().reduce(1L, Math::multiplyExact);
    FloatSource whole =
        (from, target) -> {
          long at = from;
          while (target.hasRemaining()) {
            int part = (int) (at / own);
            int count = (int) Math.min(target.remaining(), (part + 1) * own - at);
            FloatBuffer piece = target.slice(target.position(), count);
            values.get(part).read(at - part * own, piece);
            target.position(target.position() + count);
            at += count;
          }
        };
    return isTurned && shape.size() == 2
        ? turned(whole, values.size() * shape.get(0), shape.get(1))
        : whole;
  }

  /** Returns the shape of the stored tensor of so many parts of a shape. */
  public static List<Long> joinedShape(List<Long> shape, int parts, boolean isTurned) {
    if (shape.size() == 1) {
      return List.of(parts * shape.get(0));
    }
    long rows = parts * shape.get(0);
    return isTurned ? List.of(shape.get(1), rows) : List.of(rows, shape.get(1));
  }

  /** Returns {@code [columns, rows]} of a matrix {@code [rows, columns]}. */
  private static FloatSource turned(FloatSource matrix, long rows, long columns) {
    return (from, target) -> {
      long at = from;
      while (target.hasRemaining()) {
        long first = at / rows;
        long left = at % rows + target.remaining();
        long most = Math.max(1, STRETCH / rows);
        int count = (int) Math.min(Math.min(most, columns - first), (left + rows - 1) / rows);
        float[] stretch = new float[Math.toIntExact(rows * count)];
        for (int row = 0; row < rows; row++) {
          matrix.read(row * columns + first, FloatBuffer.wrap(stretch, row * count, count));
        }
        for (long end = (first + count) * rows; at < end && target.hasRemaining(); at++) {
          target.put(stretch[(int) (at % rows * count + at / rows - first)]);
        }
      }
    };
  }
}
