package org.peftsweep.compute.cpu;

import static org.peftsweep.compute.cpu.HostMemory.at;
import static org.peftsweep.compute.cpu.HostMemory.buffer;
import static org.peftsweep.compute.cpu.Vectors.FLOATS;
import static org.peftsweep.compute.cpu.Vectors.LANES;
import static org.peftsweep.compute.cpu.Vectors.ORDER;
import static org.peftsweep.compute.cpu.Vectors.store;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;
import org.peftsweep.compute.DynamicTree;
import org.peftsweep.compute.ElementType;
import org.peftsweep.compute.NormalFloat;
import org.peftsweep.compute.QuantisedMatrix;
import org.peftsweep.compute.Tensor;

/** Values of {@link QuantisedMatrix}s. */
final class Quantised {
  private static final int LEAST_VECTOR = 64;

  /** As many bytes as a vector of floats has lanes; null where that is no vector. */
  private static final VectorSpecies<Byte> BYTES =
      FLOATS.vectorBitSize() / Float.BYTES < LEAST_VECTOR
          ? null
          : VectorSpecies.of(
              byte.class, VectorShape.forBitSize(FLOATS.vectorBitSize() / Float.BYTES));

  private static final float[] TREE = DynamicTree.codes(true);
  private static final float[] VALUES = NormalFloat.values();

  /** The two floats that a byte of places stands for, as they lie in memory. */
  private static final long[] PAIRS = pairs();

  private static final int BLOCK = QuantisedMatrix.BLOCK;

  private Quantised() {}

  private static long[] pairs() {
    long[] pairs = new long[256];
    for (int i = 0; i < pairs.length; i++) {
      long first = Integer.toUnsignedLong(Float.floatToRawIntBits(VALUES[i >>> 4]));
      long second = Integer.toUnsignedLong(Float.floatToRawIntBits(VALUES[i & 15]));
      pairs[i] =
          ORDER == ByteOrder.LITTLE_ENDIAN
              ? first | second << Integer.SIZE
              : first << Integer.SIZE | second;
    }
    return pairs;
  }

  /** Writes elements {@code from} to {@code from + count} as 32-bit floats. */
  static void widen(QuantisedMatrix w, long from, int count, HostMemory to, long index) {
    HostMemory memory = memory(w);
    ByteBuffer y = to.window(index);
    int yAt = HostMemory.position(index);
    if (w.type() == ElementType.I8) {
      widenRows(w, memory, from, count, y, yAt);
    } else {
      widenBlocks(w, memory, from, count, y, yAt);
    }
  }

  private static HostMemory memory(QuantisedMatrix w) {
    if (w.memory() instanceof HostMemory memory) {
      return memory;
    }
    throw new IllegalArgumentException(
        "Cannot read " + w + " here: the cpu backend needs memory of its own kind");
  }

  private static float number(HostMemory memory, long index) {
    return memory.window(index).getFloat(HostMemory.position(index));
  }

  private static void widenRows(
      QuantisedMatrix w, HostMemory memory, long from, int count, ByteBuffer y, int yAt) {
    int columns = w.columns();
    for (int done = 0; done < count; ) {
      long element = from + done;
      long row = element / columns;
      int some = (int) Math.min(count - done, (row + 1) * columns - element);
      float scale = QuantisedMatrix.scale(number(memory, w.scalesAt() + row));
      long word = element >>> 2;
      int xAt = HostMemory.position(word) + (int) (element & 3);
      multiply(memory.window(word), xAt, scale, y, yAt + done * Float.BYTES, some);
      done += some;
    }
  }

  /** {@code y ← scale·x} of whole numbers of a byte. */
  private static void multiply(ByteBuffer x, int xAt, float scale, ByteBuffer y, int yAt, int n) {
    int i = 0;
    if (BYTES != null) {
      for (; i <= n - LANES; i += LANES) {
        FloatVector wide =
            (FloatVector)
                ByteVector.fromByteBuffer(BYTES, x, xAt + i, ORDER)
                    .convertShape(VectorOperators.B2F, FLOATS, 0);
        store(wide.mul(scale), y, yAt + i * Float.BYTES);
      }
    }
    for (; i < n; i++) {
      y.putFloat(yAt + i * Float.BYTES, scale * x.get(xAt + i));
    }
  }

  private static void widenBlocks(
      QuantisedMatrix w, HostMemory memory, long from, int count, ByteBuffer y, int yAt) {
    float mean = number(memory, w.meanAt());
    long codes = w.scalesAt();
    long groups = w.groupsAt();
    for (int done = 0; done < count; ) {
      long element = from + done;
      long block = element / BLOCK;
      int some = (int) Math.min(count - done, (block + 1) * BLOCK - element);
      long word = codes + (block >>> 2);
      int code = memory.window(word).get(HostMemory.position(word) + (int) (block & 3)) & 0xFF;
      float scale = TREE[code] * number(memory, groups + block / QuantisedMatrix.GROUP) + mean;
      int place = yAt + done * Float.BYTES;
      look(memory, element, y, place, some);
      Elementwise.scale(scale, y, place, y, place, some);
      done += some;
    }
  }

  /** Writes the values of so many places, up to the end of a block. */
  private static void look(HostMemory memory, long element, ByteBuffer y, int yAt, int n) {
    long word = element >>> 3;
    ByteBuffer x = memory.window(word);
    int xAt = HostMemory.position(word) + ((int) (element & 7) >>> 1);
    int i = 0;
    if ((element & 1) == 1) {
      y.putFloat(yAt, VALUES[x.get(xAt) & 15]);
      xAt++;
      i = 1;
    }
    for (; i < n - 1; i += 2) {
      y.putLong(yAt + i * Float.BYTES, PAIRS[x.get(xAt++) & 0xFF]);
    }
    if (i < n) {
      y.putFloat(yAt + i * Float.BYTES, VALUES[x.get(xAt) >>> 4 & 15]);
    }
  }

  /**
   * Writes elements {@code from} to {@code from + count} rounded to bf16.
   *
   * @param wide scratch memory of {@link #STRETCH} floats
   */
  static void narrow(
      QuantisedMatrix w, long from, int count, HostMemory wide, ByteBuffer y, int yAt) {
    for (int done = 0; done < count; done += STRETCH) {
      int some = Math.min(STRETCH, count - done);
      widen(w, from + done, some, wide, 0);
      Halves.narrow(wide.window(0), 0, y, yAt + done * Short.BYTES, some);
    }
  }

  /** Elements that are widened before they are rounded: so that they stay in the nearest cache. */
  static final int STRETCH = 1 << 12;

  /** Rows {@code from} to {@code to} of a result; ids null for all rows of the table. */
  static void gather(
      QuantisedMatrix table,
      int[] ids,
      boolean adds,
      Tensor out,
      long from,
      long to,
      HostMemory row) {
    int n = table.columns();
    for (long i = from; i < to; i++) {
      widen(table, (ids == null ? i : ids[(int) i]) * n, n, row, 0);
      ByteBuffer y = buffer(out, i * n);
      if (adds) {
        Elementwise.addScaled(1, row.window(0), 0, y, at(out, i * n), n);
      } else {
        Elementwise.copy(row.window(0), 0, y, at(out, i * n), n);
      }
    }
  }
}
