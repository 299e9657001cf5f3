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
    int width = (int) (to - from);
    ByteBuffer o = buffer(out, from);
    int oAt = at(out, from);
    int row = 0;
    for (; row + 4 <= x.rows(); row += 4) {
      long first = (long) row * columns + from;
      addFour(buffer(x, first), at(x, first), columns * Float.BYTES, o, oAt, width);
    }
    for (; row < x.rows(); row++) {
      long first = (long) row * columns + from;
      Elementwise.addScaled(1, buffer(x, first), at(x, first), o, oAt, width);
    }
  }

  /** Adds four rows at once, each read in order as memory delivers it fastest. */
  private static void addFour(
      ByteBuffer x, int xAt, int stride, ByteBuffer out, int outAt, int columns) {
    int j = 0;
    for (; j <= (columns - LANES) * Float.BYTES; j += BYTES) {
      int at = xAt + j;
      FloatVector upper = load(x, at).add(load(x, at + stride));
      FloatVector lower = load(x, at + 2 * stride).add(load(x, at + 3 * stride));
      store(load(out, outAt + j).add(upper.add(lower)), out, outAt + j);
    }
    for (; j < columns * Float.BYTES; j += Float.BYTES) {
      int at = xAt + j;
      float upper = x.getFloat(at) + x.getFloat(at + stride);
      float lower = x.getFloat(at + 2 * stride) + x.getFloat(at + 3 * stride);
      out.putFloat(outAt + j, out.getFloat(outAt + j) + (upper + lower));
    }
  }

  /** {@code out[j] ← out[j] + Σᵢ x[i,j]·y[i,j]} for columns {@code from} to {@code to}. */
  static void dotRows(Tensor x, Tensor y, Tensor out, long from, long to) {
    int columns = x.columns();
    int width = (int) (to - from);
    ByteBuffer o = buffer(out, from);
    int oAt = at(out, from);
    for (int row = 0; row < x.rows(); row++) {
      long first = (long) row * columns + from;
      addProducts(buffer(x, first), at(x, first), buffer(y, first), at(y, first), o, oAt, width);
    }
  }

  private static void addProducts(
      ByteBuffer x, int xAt, ByteBuffer y, int yAt, ByteBuffer out, int outAt, int n) {
    int i = 0;
    for (; i <= (n - LANES) * Float.BYTES; i += BYTES) {
      FloatVector sum = load(x, xAt + i).fma(load(y, yAt + i), load(out, outAt + i));
      store(sum, out, outAt + i);
    }
    for (; i < n * Float.BYTES; i += Float.BYTES) {
      float sum = Math.fma(x.getFloat(xAt + i), y.getFloat(yAt + i), out.getFloat(outAt + i));
      out.putFloat(outAt + i, sum);
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
