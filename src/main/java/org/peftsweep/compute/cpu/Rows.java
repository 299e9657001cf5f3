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

/** Kernels that treat each row alike: rows {@code from} to {@code to} of matrices. */
final class Rows {
  private Rows() {}

  /** Sets a block of c to copies of a stretch of {@code start}, which has c's columns. */
  static void spread(Tensor start, Tensor c, long row, long column, int rows, int columns) {
    ByteBuffer from = buffer(start, column);
    int fromAt = at(start, column);
    for (long i = row; i < row + rows; i++) {
      long index = i * c.columns() + column;
      Elementwise.copy(from, fromAt, buffer(c, index), at(c, index), columns);
    }
  }

  static void addRow(Tensor x, Tensor v, Tensor y, long from, long to) {
    int n = x.columns();
    ByteBuffer row = buffer(v, 0);
    for (long i = from; i < to; i++) {
      Elementwise.add(
          buffer(x, i * n), at(x, i * n), row, at(v, 0), buffer(y, i * n), at(y, i * n), n);
    }
  }

  static void multiplyRow(Tensor x, Tensor v, Tensor y, long from, long to) {
    int n = x.columns();
    ByteBuffer row = buffer(v, 0);
    for (long i = from; i < to; i++) {
      Elementwise.multiply(
          buffer(x, i * n), at(x, i * n), row, at(v, 0), buffer(y, i * n), at(y, i * n), n);
    }
  }

  static void multiplyColumn(Tensor x, Tensor v, Tensor y, long from, long to) {
    int n = x.columns();
    for (long i = from; i < to; i++) {
      float factor = buffer(v, i).getFloat(at(v, i));
      Elementwise.scale(factor, buffer(x, i * n), at(x, i * n), buffer(y, i * n), at(y, i * n), n);
    }
  }

  static void gather(Tensor table, int[] ids, boolean adds, Tensor out, long from, long to) {
    int n = out.columns();
    for (long i = from; i < to; i++) {
      long source = (long) ids[(int) i] * n;
      ByteBuffer row = buffer(table, source);
      ByteBuffer target = buffer(out, i * n);
      if (adds) {
        Elementwise.addScaled(1, row, at(table, source), target, at(out, i * n), n);
      } else {
        Elementwise.copy(row, at(table, source), target, at(out, i * n), n);
      }
    }
  }

  /** Adds columns {@code from} to {@code to} of all rows, so that workers never meet. */
  static void scatterAdd(Tensor rows, int[] ids, Tensor table, long from, long to) {
    int n = rows.columns();
    int width = (int) (to - from);
    for (int i = 0; i < ids.length; i++) {
      if (ids[i] >= 0) {
        long source = (long) i * n + from;
        long target = (long) ids[i] * n + from;
        Elementwise.addScaled(
            1,
            buffer(rows, source),
            at(rows, source),
            buffer(table, target),
            at(table, target),
            width);
      }
    }
  }

  static void sumColumns(Tensor x, int[] starts, int[] columns, Tensor out, long from, long to) {
    for (long i = from; i < to; i++) {
      long in = i * x.columns();
      long first = i * out.columns();
      for (int j = 0; j < out.columns(); j++) {
        float sum = 0;
        for (int e = starts[j]; e < starts[j + 1]; e++) {
          sum += buffer(x, in + columns[e]).getFloat(at(x, in + columns[e]));
        }
        buffer(out, first + j).putFloat(at(out, first + j), sum);
      }
    }
  }

  /** Turns the heads of rows {@code from} to {@code to}; {@code direction} is 1 or −1. */
  static void rotary(
      Tensor x,
      Tensor cos,
      Tensor sin,
      int headWidth,
      float direction,
      Tensor y,
      long from,
      long to) {
    int n = x.columns();
    int half = headWidth / 2;
    int tokens = cos.rows();
    ByteBuffer c = buffer(cos, 0);
    ByteBuffer s = buffer(sin, 0);
    for (long i = from; i < to; i++) {
      long angle = i % tokens * half;
      ByteBuffer in = buffer(x, i * n);
      ByteBuffer out = buffer(y, i * n);
      for (int head = 0; head < n; head += headWidth) {
        turn(
            in,
            at(x, i * n + head),
            c,
            at(cos, angle),
            s,
            at(sin, angle),
            direction,
            out,
            at(y, i * n + head),
            half);
      }
    }
  }

  private static void turn(
      ByteBuffer x,
      int xAt,
      ByteBuffer cos,
      int cosAt,
      ByteBuffer sin,
      int sinAt,
      float direction,
      ByteBuffer y,
      int yAt,
      int half) {
    int far = half * Float.BYTES;
    int i = 0;
    for (; i <= (half - LANES) * Float.BYTES; i += BYTES) {
      FloatVector first = load(x, xAt + i);
      FloatVector second = load(x, xAt + far + i);
      FloatVector c = load(cos, cosAt + i);
      FloatVector s = load(sin, sinAt + i).mul(splat(direction));
      store(first.mul(c).sub(second.mul(s)), y, yAt + i);
      store(second.mul(c).add(first.mul(s)), y, yAt + far + i);
    }
    for (; i < far; i += Float.BYTES) {
      float first = x.getFloat(xAt + i);
      float second = x.getFloat(xAt + far + i);
      float c = cos.getFloat(cosAt + i);
      float s = sin.getFloat(sinAt + i) * direction;
      y.putFloat(yAt + i, first * c - second * s);
      y.putFloat(yAt + far + i, second * c + first * s);
    }
  }
}
