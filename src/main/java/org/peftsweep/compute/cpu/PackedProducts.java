package org.peftsweep.compute.cpu;

import java.nio.ByteBuffer;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.ElementType;
import org.peftsweep.compute.Lanes;
import org.peftsweep.compute.Products;
import org.peftsweep.compute.QuantisedMatrix;
import org.peftsweep.compute.Sizes;
import org.peftsweep.compute.Tensor;

/**
 * Products whose factors are rounded to {@link ElementType#BF16} and whose sums are 32-bit floats,
 * through oneDNN. Those with a factor that is narrower than {@link #LEAST}, as low-rank updates
 * have, are the backend's own: rounding them would take longer than it saves.
 *
 * <p>Weights that trials share are kept in the order that the kernels read them in, one copy for
 * each direction, as long as their memory lives.
 */
final class PackedProducts implements Products, AutoCloseable {
  /** Columns and inner size, or rows of a gradient of weights, from which factors are rounded. */
  static final int LEAST = 32;

  /** Multiply–adds that are worth a hand-over between threads. */
  private static final long WORTH_SPLITTING = 1 << 19;

  /** What is where in shared memory, and which way it is read. */
  private record Place(
      ElementType type, ElementType stored, long offset, boolean isTransposed, int n, int k) {}

  private final ElementType type;
  private final Backend own;
  private final Workers workers;
  private final Scratch scratch;
  private final OneDnn.Caller[] callers;
  private HostMemory left = new HostMemory(1);
  private HostMemory right = new HostMemory(1);

  PackedProducts(ElementType type, Backend own, Workers workers) {
    this.type = type;
    this.own = own;
    this.workers = workers;
    this.scratch = new Scratch(workers.count());
    this.callers = new OneDnn.Caller[workers.count()];
    for (int i = 0; i < callers.length; i++) {
      callers[i] = new OneDnn.Caller();
    }
  }

  @Override
  public void linear(Tensor x, Tensor w, Tensor bias, Tensor y) {
    if (isNarrow(y.columns(), x.columns())) {
      own.linear(x, w, bias, y);
      return;
    }
    Sizes.require(x.columns() == w.columns(), "linear", w, x.columns() + " columns");
    Sizes.require(x.rows() == y.rows(), "linear", y, x.rows() + " rows");
    Sizes.require(w.rows() == y.columns(), "linear", y, w.rows() + " columns");
    Sizes.count("linear", y.columns(), bias);
    multiply(true, 1, x, w, 0, y, bias);
  }

  @Override
  public void linear(Tensor x, Tensor w, Tensor[] biases, Lanes lanes, Tensor y) {
    if (isNarrow(y.columns(), x.columns())) {
      own.linear(x, w, biases, lanes, y);
      return;
    }
    linear(x, w, null, y);
    addBiases(biases, lanes, y);
  }

  private void addBiases(Tensor[] biases, Lanes lanes, Tensor y) {
    for (int i = 0; i < biases.length; i++) {
      if (biases[i] != null) {
        Tensor rows = y.slice(lanes.from(i), lanes.rows(i));
        own.addRow(rows, biases[i], rows);
      }
    }
  }

  @Override
  public void gemm(
      boolean transposeA,
      boolean transposeB,
      float alpha,
      Tensor a,
      Tensor b,
      float beta,
      Tensor c) {
    int k = transposeA ? a.rows() : a.columns();
    if (transposeA ? isNarrow(c.rows(), c.columns()) : isNarrow(c.columns(), k)) {
      own.gemm(transposeA, transposeB, alpha, a, b, beta, c);
      return;
    }
    Sizes.require((transposeB ? b.columns() : b.rows()) == k, "gemm", b, "inner size " + k);
    Sizes.require((transposeA ? a.columns() : a.rows()) == c.rows(), "gemm", c, "op(a)'s rows");
    int columns = transposeB ? b.rows() : b.columns();
    Sizes.require(columns == c.columns(), "gemm", c, columns + " columns");
    if (transposeA) {
      multiplyTransposed(transposeB, alpha, a, b, beta, c);
    } else {
      multiply(transposeB, alpha, a, b, beta, c, null);
    }
  }

  @Override
  public void linear(Tensor x, QuantisedMatrix w, Tensor[] biases, Lanes lanes, Tensor y) {
    gemm(true, x, w, 0, y);
    addBiases(biases, lanes, y);
  }

  /**
   * Every thread rounds the values of some columns of op(w) into scratch memory, in the order that
   * kernels read, and multiplies all rows by them.
   */
  @Override
  public void gemm(boolean transposeW, Tensor a, QuantisedMatrix w, float beta, Tensor c) {
    int n = c.columns();
    int k = a.columns();
    if (isNarrow(n, k)) {
      own.gemm(transposeW, a, w, beta, c);
      return;
    }
    Sizes.require(a.rows() == c.rows(), "gemm", c, a.rows() + " rows");
    Sizes.require((transposeW ? w.columns() : w.rows()) == k, "gemm", w, "inner size " + k);
    Sizes.require((transposeW ? w.rows() : w.columns()) == n, "gemm", c, "op(w)'s columns");
    left = rounded(a, left);
    long addressA = address(a, left);
    workers.split(
        n,
        panel(n, k),
        (worker, from, to) -> {
          int size = (int) (to - from);
          long plain = Quantised.STRETCH;
          // Kernels load whole cache lines.
          long ordered = plain + (type.floats((long) size * k) + 15) / 16 * 16;
          HostMemory room = scratch.of(worker, ordered + Reordering.floats(type, size, k));
          ByteBuffer panel = room.window(plain);
          int at = HostMemory.position(plain);
          if (transposeW) {
            Quantised.narrow(w, from * k, size * k, room, panel, at);
          } else {
            for (int row = 0; row < k; row++) {
              int place = at + row * size * Short.BYTES;
              Quantised.narrow(w, (long) row * n + from, size, room, panel, place);
            }
          }
          OneDnn.Caller caller = callers[worker];
          caller.reorder(type, transposeW, size, k, room.address(plain), room.address(ordered));
          caller.multiply(
              type,
              false,
              c.rows(),
              size,
              k,
              1,
              addressA,
              k,
              OneDnn.Order.OWN,
              room.address(ordered),
              size,
              beta,
              HostMemory.address(c, from),
              n);
        });
  }

  /** Returns how many columns of a product with a quantised weight a thread takes at a time. */
  private int panel(int n, int k) {
    return Panels.width(n, k, workers.count(), Panels.ELEMENTS);
  }

  /** Whether products of such factors are the backend's own. */
  static boolean isNarrow(int n, int k) {
    return Math.min(n, k) < LEAST;
  }

  @Override
  public boolean sumsRowsAlike(int rows, int columns, int inner) {
    if (isNarrow(columns, inner)) {
      return own.sumsRowsAlike(rows, columns, inner);
    }
    int panel = panel(columns, inner);
    int rest = columns % panel;
    return RowsAlike.is(type, columns, inner)
        && RowsAlike.isReordered(type, panel, inner)
        && (rest == 0 || RowsAlike.isReordered(type, rest, inner));
  }

  /**
   * {@code c ← alpha·a·op(b) + beta·c + bias}; the rows of a are rounded block by block, on their
   * way into the product, and get the bias, or null, on their way out.
   */
  void multiply(
      boolean transposeB, float alpha, Tensor a, Tensor b, float beta, Tensor c, Tensor bias) {
    int m = c.rows();
    int n = c.columns();
    int k = a.columns();
    OneDnn.Order order;
    long addressB;
    if (isShared(b)) {
      order = OneDnn.Order.OWN;
      addressB = reordered(b, transposeB, n, k).address(0);
    } else {
      order = transposeB ? OneDnn.Order.TRANSPOSED : OneDnn.Order.PLAIN;
      right = rounded(b, right);
      addressB = address(b, right);
    }
    workers.split(
        m,
        grain(m, (long) m * n * k),
        (worker, from, to) -> {
          int rows = (int) (to - from);
          long addressA = HostMemory.address(a, from * k);
          if (type == ElementType.BF16) {
            HostMemory halves = scratch.of(worker, type.floats((long) rows * k));
            Halves.narrow(
                HostMemory.buffer(a, from * k),
                HostMemory.at(a, from * k),
                halves.window(0),
                0,
                rows * k);
            addressA = halves.address(0);
          }
          callers[worker].multiply(
              type,
              false,
              rows,
              n,
              k,
              alpha,
              addressA,
              k,
              order,
              addressB,
              transposeB ? k : n,
              beta,
              HostMemory.address(c, from * n),
              n);
          if (bias != null) {
            Rows.addRow(c, bias, c, from, to);
          }
        });
  }

  /** {@code c ← alpha·aᵀ·op(b) + beta·c}, as gradients of weights are. */
  private void multiplyTransposed(
      boolean transposeB, float alpha, Tensor a, Tensor b, float beta, Tensor c) {
    int m = c.rows();
    int n = c.columns();
    int k = a.rows();
    left = rounded(a, left);
    right = rounded(b, right);
    long addressA = address(a, left);
    long addressB = address(b, right);
    workers.split(
        m,
        grain(m, (long) m * n * k),
        (worker, from, to) ->
            callers[worker].multiply(
                ElementType.BF16,
                true,
                (int) (to - from),
                n,
                k,
                alpha,
                addressA + from * Short.BYTES,
                m,
                transposeB ? OneDnn.Order.TRANSPOSED : OneDnn.Order.PLAIN,
                addressB,
                transposeB ? k : n,
                beta,
                HostMemory.address(c, from * n),
                n));
  }

  private int grain(int rows, long work) {
    int threads = work < WORTH_SPLITTING ? 1 : workers.count();
    int each = (rows + threads - 1) / threads;
    return Math.max(1, Math.min(OneDnn.BLOCK, (each + 15) / 16 * 16));
  }

  /** Whether a weight is one that trials share. */
  static boolean isShared(Tensor w) {
    HostMemory memory = Halves.isHalf(w) ? HostMemory.ofHalves(w) : HostMemory.of(w);
    return memory.isShared();
  }

  private HostMemory reordered(Tensor w, boolean isTransposed, int n, int k) {
    boolean isHalf = Halves.isHalf(w);
    HostMemory memory = isHalf ? HostMemory.ofHalves(w) : HostMemory.of(w);
    return memory.reordered(
        new Place(type, w.type(), w.offset(), isTransposed, n, k),
        () ->
            OneDnn.reorder(
                w.type(),
                isHalf ? HostMemory.halfAddress(w, 0) : HostMemory.address(w, 0),
                isTransposed,
                type,
                n,
                k));
  }

  /** Returns memory that holds x rounded, unless x is stored so. */
  private HostMemory rounded(Tensor x, HostMemory memory) {
    if (Halves.isHalf(x)) {
      return memory;
    }
    HostMemory enough = memory;
    long floats = ElementType.BF16.floats(x.size());
    if (memory.floats() < floats) {
      memory.free();
      enough = new HostMemory(floats);
    }
    Tensor target = new Tensor(ElementType.BF16, enough, 0, x.shape());
    workers.elements(x.size(), (worker, from, to) -> Halves.copy(x, target, from, to));
    return enough;
  }

  private static long address(Tensor x, HostMemory rounded) {
    return Halves.isHalf(x) ? HostMemory.halfAddress(x, 0) : rounded.address(0);
  }

  @Override
  public void close() {
    for (OneDnn.Caller caller : callers) {
      caller.close();
    }
    scratch.close();
    left.free();
    right.free();
  }
}
