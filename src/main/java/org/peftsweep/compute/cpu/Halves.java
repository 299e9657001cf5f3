package org.peftsweep.compute.cpu;

import static org.peftsweep.compute.cpu.HostMemory.at;
import static org.peftsweep.compute.cpu.HostMemory.buffer;
import static org.peftsweep.compute.cpu.HostMemory.halfAt;
import static org.peftsweep.compute.cpu.HostMemory.halfBuffer;
import static org.peftsweep.compute.cpu.Vectors.FLOATS;
import static org.peftsweep.compute.cpu.Vectors.INTS;
import static org.peftsweep.compute.cpu.Vectors.LANES;
import static org.peftsweep.compute.cpu.Vectors.ORDER;
import static org.peftsweep.compute.cpu.Vectors.store;

import java.nio.ByteBuffer;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;
import org.peftsweep.compute.BFloat16;
import org.peftsweep.compute.ElementType;
import org.peftsweep.compute.Tensor;

/** Kernels that read or write tensors of {@link ElementType#BF16}. */
final class Halves {
  private static final VectorSpecies<Short> SHORTS =
      VectorSpecies.of(short.class, VectorShape.forBitSize(FLOATS.vectorBitSize() / 2));

  private Halves() {}

  static boolean isHalf(Tensor x) {
    return x.type() == ElementType.BF16;
  }

  private static FloatVector load(ByteBuffer from, int at) {
    IntVector wide =
        (IntVector)
            ShortVector.fromByteBuffer(SHORTS, from, at, ORDER)
                .convertShape(VectorOperators.S2I, INTS, 0);
    return wide.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
  }

  private static float value(ByteBuffer from, int at) {
    return BFloat16.toFloat(from.getShort(at));
  }

  /** {@code y ← x} over n neighbouring elements. */
  static void widen(ByteBuffer x, int xAt, ByteBuffer y, int yAt, int n) {
    int i = 0;
    for (; i <= n - LANES; i += LANES) {
      store(load(x, xAt + i * Short.BYTES), y, yAt + i * Float.BYTES);
    }
    for (; i < n; i++) {
      y.putFloat(yAt + i * Float.BYTES, value(x, xAt + i * Short.BYTES));
    }
  }

  /** {@code y ← x} over n neighbouring elements, rounded as {@link BFloat16} says. */
  static void narrow(ByteBuffer x, int xAt, ByteBuffer y, int yAt, int n) {
    int i = 0;
    for (; i <= n - LANES; i += LANES) {
      IntVector bits = Vectors.load(x, xAt + i * Float.BYTES).reinterpretAsInts();
      IntVector high = bits.lanewise(VectorOperators.LSHR, 16);
      IntVector rounded = high.and(1).add(bits).add(0x7FFF).lanewise(VectorOperators.LSHR, 16);
      IntVector half =
          rounded.blend(
              high.or(0x40), bits.and(0x7FFFFFFF).compare(VectorOperators.GT, 0x7F800000));
      ((ShortVector) half.convertShape(VectorOperators.I2S, SHORTS, 0))
          .intoByteBuffer(y, yAt + i * Short.BYTES, ORDER);
    }
    for (; i < n; i++) {
      y.putShort(yAt + i * Short.BYTES, BFloat16.of(x.getFloat(xAt + i * Float.BYTES)));
    }
  }

  private static void addWidened(ByteBuffer x, int xAt, ByteBuffer y, int yAt, int n) {
    int i = 0;
    for (; i <= n - LANES; i += LANES) {
      int place = yAt + i * Float.BYTES;
      store(load(x, xAt + i * Short.BYTES).add(Vectors.load(y, place)), y, place);
    }
    for (; i < n; i++) {
      int place = yAt + i * Float.BYTES;
      y.putFloat(place, value(x, xAt + i * Short.BYTES) + y.getFloat(place));
    }
  }

  /** Widens elements {@code from} to {@code from + count} of a tensor into memory. */
  static void widen(Tensor x, long from, int count, HostMemory to, long index) {
    widen(
        halfBuffer(x, from), halfAt(x, from), to.window(index), HostMemory.position(index), count);
  }

  /** Copies elements {@code start} to {@code end} from one type to another. */
  static void copy(Tensor from, Tensor to, long start, long end) {
    int n = (int) (end - start);
    if (!isHalf(to)) {
      widen(halfBuffer(from, start), halfAt(from, start), buffer(to, start), at(to, start), n);
      return;
    }
    ByteBuffer y = halfBuffer(to, start);
    int yAt = halfAt(to, start);
    if (!isHalf(from)) {
      narrow(buffer(from, start), at(from, start), y, yAt, n);
      return;
    }
    ByteBuffer x = halfBuffer(from, start);
    int xAt = halfAt(from, start);
    for (int i = 0; i < n; i++) {
      y.putShort(yAt + i * Short.BYTES, x.getShort(xAt + i * Short.BYTES));
    }
  }

  static void write(Tensor target, long targetOffset, float[] source, int from, int count) {
    ByteBuffer y = halfBuffer(target, targetOffset);
    int yAt = halfAt(target, targetOffset);
    for (int i = 0; i < count; i++) {
      y.putShort(yAt + i * Short.BYTES, BFloat16.of(source[from + i]));
    }
  }

  static void read(Tensor source, long sourceOffset, float[] target, int to, int count) {
    ByteBuffer x = halfBuffer(source, sourceOffset);
    int xAt = halfAt(source, sourceOffset);
    for (int i = 0; i < count; i++) {
      target[to + i] = value(x, xAt + i * Short.BYTES);
    }
  }

  static void gather(Tensor table, int[] ids, boolean adds, Tensor out, long from, long to) {
    int n = out.columns();
    for (long i = from; i < to; i++) {
      long source = (long) ids[(int) i] * n;
      ByteBuffer row = halfBuffer(table, source);
      if (adds) {
        addWidened(row, halfAt(table, source), buffer(out, i * n), at(out, i * n), n);
      } else {
        widen(row, halfAt(table, source), buffer(out, i * n), at(out, i * n), n);
      }
    }
  }

  /** Norms of rows {@code from} to {@code to}; scratch holds a row. */
  static void rowNorms(Tensor x, Tensor out, long from, long to, HostMemory scratch) {
    int n = x.columns();
    ByteBuffer row = scratch.window(0);
    for (long i = from; i < to; i++) {
      widen(x, i * n, n, scratch, 0);
      double squares = Reductions.longDot(row, 0, row, 0, n);
      buffer(out, i).putFloat(at(out, i), (float) Math.sqrt(squares));
    }
  }
}
