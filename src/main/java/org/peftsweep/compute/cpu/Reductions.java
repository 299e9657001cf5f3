package org.peftsweep.compute.cpu;

import static org.peftsweep.compute.cpu.HostMemory.at;
import static org.peftsweep.compute.cpu.HostMemory.buffer;
import static org.peftsweep.compute.cpu.Vectors.BYTES;
import static org.peftsweep.compute.cpu.Vectors.LANES;
import static org.peftsweep.compute.cpu.Vectors.load;
import static org.peftsweep.compute.cpu.Vectors.splat;
import static org.peftsweep.compute.cpu.Vectors.store;

import java.nio.ByteBuffer;
import jdk.incubator.vector.FloatVector;
import org.peftsweep.compute.Tensor;

/**
 * Sums over rows and over columns.
 *
 * <p>Sums over rows are cut by columns: each worker adds all rows of its columns in order, so that
 * nothing depends on the number of workers.
 */
final class Reductions {
  /** Rows that are added up on their own first; keeps rounding small and buffers within reach. */
  private static final int BLOCK = 128;

  /** Elements that are added up in single precision. */
  private static final int SHORT_SUM = 1024;

  private Reductions() {}

  /** {@code out[j] ← beta·out[j]}, never reading out where beta is 0. */
  static void start(float beta, Tensor out, long from, long to) {
    int n = (int) (to - from);
    if (beta == 0) {
      Elementwise.fill(0, buffer(out, from), at(out, from), n);
    } else if (beta != 1) {
      ByteBuffer o = buffer(out, from);
      Elementwise.scale(beta, o, at(out, from), o, at(out, from), n);
    }
  }

  /** {@code out[j] ← out[j] + Σᵢ x[i,j]} for columns {@code from} to {@code to}. */
  static void sumRows(Tensor x, Tensor out, long from, long to) {
    int columns = x.columns();
    int stride = columns * Float.BYTES;
    ByteBuffer o = buffer(out, from);
    for (int row = 0; row < x.rows(); row += BLOCK) {
      long first = (long) row * columns + from;
      sumBlock(
          buffer(x, first),
          at(x, first),
          stride,
          Math.min(BLOCK, x.rows() - row),
          o,
          at(out, from),
          (int) (to - from));
    }
  }

  private static void sumBlock(
      ByteBuffer x, int xAt, int stride, int rows, ByteBuffer out, int outAt, int columns) {
    int j = 0;
    for (; j <= (columns - 4 * LANES) * Float.BYTES; j += 4 * BYTES) {
      FloatVector a = splat(0);
      FloatVector b = splat(0);
      FloatVector c = splat(0);
      FloatVector d = splat(0);
      int at = xAt + j;
      for (int i = 0; i < rows; i++, at += stride) {
        a = a.add(load(x, at));
        b = b.add(load(x, at + BYTES));
        c = c.add(load(x, at + 2 * BYTES));
        d = d.add(load(x, at + 3 * BYTES));
      }
      store(load(out, outAt + j).add(a), out, outAt + j);
      store(load(out, outAt + j + BYTES).add(b), out, outAt + j + BYTES);
      store(load(out, outAt + j + 2 * BYTES).add(c), out, outAt + j + 2 * BYTES);
      store(load(out, outAt + j + 3 * BYTES).add(d), out, outAt + j + 3 * BYTES);
    }
    for (; j <= (columns - LANES) * Float.BYTES; j += BYTES) {
      FloatVector a = splat(0);
      int at = xAt + j;
      for (int i = 0; i < rows; i++, at += stride) {
        a = a.add(load(x, at));
      }
      store(load(out, outAt + j).add(a), out, outAt + j);
    }
    for (; j < columns * Float.BYTES; j += Float.BYTES) {
      float a = 0;
      int at = xAt + j;
      for (int i = 0; i < rows; i++, at += stride) {
        a += x.getFloat(at);
      }
      out.putFloat(outAt + j, out.getFloat(outAt + j) + a);
    }
  }

  /** {@code out[j] ← out[j] + Σᵢ x[i,j]·y[i,j]} for columns {@code from} to {@code to}. */
  static void dotRows(Tensor x, Tensor y, Tensor out, long from, long to) {
    int columns = x.columns();
    int stride = columns * Float.BYTES;
    ByteBuffer o = buffer(out, from);
    for (int row = 0; row < x.rows(); row += BLOCK) {
      long first = (long) row * columns + from;
      dotBlock(
          buffer(x, first),
          at(x, first),
          buffer(y, first),
          at(y, first),
          stride,
          Math.min(BLOCK, x.rows() - row),
          o,
          at(out, from),
          (int) (to - from));
    }
  }

  private static void dotBlock(
      ByteBuffer x,
      int xAt,
      ByteBuffer y,
      int yAt,
      int stride,
      int rows,
      ByteBuffer out,
      int outAt,
      int columns) {
    int j = 0;
    for (; j <= (columns - 2 * LANES) * Float.BYTES; j += 2 * BYTES) {
      FloatVector a = splat(0);
      FloatVector b = splat(0);
      int shift = j;
      for (int i = 0; i < rows; i++, shift += stride) {
        a = load(x, xAt + shift).fma(load(y, yAt + shift), a);
        b = load(x, xAt + shift + BYTES).fma(load(y, yAt + shift + BYTES), b);
      }
      store(load(out, outAt + j).add(a), out, outAt + j);
      store(load(out, outAt + j + BYTES).add(b), out, outAt + j + BYTES);
    }
    for (; j <= (columns - LANES) * Float.BYTES; j += BYTES) {
      FloatVector a = splat(0);
      int shift = j;
      for (int i = 0; i < rows; i++, shift += stride) {
        a = load(x, xAt + shift).fma(load(y, yAt + shift), a);
      }
      store(load(out, outAt + j).add(a), out, outAt + j);
    }
    for (; j < columns * Float.BYTES; j += Float.BYTES) {
      float a = 0;
      int shift = j;
      for (int i = 0; i < rows; i++, shift += stride) {
        a = Math.fma(x.getFloat(xAt + shift), y.getFloat(yAt + shift), a);
      }
      out.putFloat(outAt + j, out.getFloat(outAt + j) + a);
    }
  }

  /** Returns {@code Σ x·y} over n neighbouring floats. */
  static float dot(ByteBuffer x, int xAt, ByteBuffer y, int yAt, int n) {
    FloatVector sums = splat(0);
    int i = 0;
    for (; i <= (n - LANES) * Float.BYTES; i += BYTES) {
      sums = load(x, xAt + i).fma(load(y, yAt + i), sums);
    }
    float rest = 0;
    for (; i < n * Float.BYTES; i += Float.BYTES) {
      rest = Math.fma(x.getFloat(xAt + i), y.getFloat(yAt + i), rest);
    }
    return Vectors.sum(sums) + rest;
  }

  /** Returns {@code Σ x·y}, short stretches of it in single precision. */
  static double longDot(ByteBuffer x, int xAt, ByteBuffer y, int yAt, int n) {
    double total = 0;
    for (int i = 0; i < n; i += SHORT_SUM) {
      int shift = i * Float.BYTES;
      total += dot(x, xAt + shift, y, yAt + shift, Math.min(SHORT_SUM, n - i));
    }
    return total;
  }

  static void dotColumns(Tensor x, Tensor y, float beta, Tensor out, long from, long to) {
    int n = x.columns();
    for (long i = from; i < to; i++) {
      long row = i * n;
      double dot = longDot(buffer(x, row), at(x, row), buffer(y, row), at(y, row), n);
      ByteBuffer o = buffer(out, i);
      int oAt = at(out, i);
      o.putFloat(oAt, (float) (beta == 0 ? dot : beta * o.getFloat(oAt) + dot));
    }
  }

  static void rowNorms(Tensor x, Tensor out, long from, long to) {
    int n = x.columns();
    for (long i = from; i < to; i++) {
      ByteBuffer row = buffer(x, i * n);
      int rowAt = at(x, i * n);
      double squares = longDot(row, rowAt, row, rowAt, n);
      buffer(out, i).putFloat(at(out, i), (float) Math.sqrt(squares));
    }
  }
}
