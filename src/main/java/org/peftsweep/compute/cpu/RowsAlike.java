package org.peftsweep.compute.cpu;

import java.nio.ByteBuffer;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.peftsweep.compute.BFloat16;
import org.peftsweep.compute.ElementType;

/**
 * Whether oneDNN's kernels of one width add up a row in one way, however many rows there are:
 * measured once for each width, by products of all rows of a matrix and then of some.
 */
final class RowsAlike {
  /**
   * What is multiplied.
   *
   * @param order how weights lie; null for all orders
   */
  private record Width(ElementType type, int n, int k, OneDnn.Order order) {}

  private static final Map<Width, Boolean> KNOWN = new ConcurrentHashMap<>();
  private static final int ROWS = OneDnn.BLOCK + 45;
  private static final int[][] PARTS = {{0, 1}, {7, 64}, {40, 261}, {150, 15}, {200, 101}};

  private final ElementType type;
  private final int n;
  private final int k;
  private final OneDnn.Order only;

  private RowsAlike(Width width) {
    this.type = width.type;
    this.n = width.n;
    this.k = width.k;
    this.only = width.order;
  }

  static boolean is(ElementType type, int n, int k) {
    return is(new Width(type, n, k, null));
  }

  /** The same of weights that lie as the kernels read them. */
  static boolean isReordered(ElementType type, int n, int k) {
    return is(new Width(type, n, k, OneDnn.Order.OWN));
  }

  private static boolean is(Width width) {
    return KNOWN.computeIfAbsent(width, missing -> new RowsAlike(missing).measure());
  }

  private boolean measure() {
    HostMemory x = drawn(ROWS * k, 31, 251);
    HostMemory w = drawn(n * k, 97, 1021);
    HostMemory all = new HostMemory((long) ROWS * n);
    HostMemory some = new HostMemory((long) ROWS * n);
    HostMemory ordered = null;
    try (OneDnn.Caller caller = new OneDnn.Caller()) {
      ordered = OneDnn.reorder(type, w.address(0), false, type, n, k);
      // Products of 32-bit floats read weights in this order alone, and more rows than one.
      boolean isHalf = type == ElementType.BF16;
      OneDnn.Order[] orders =
          isHalf && only == null ? OneDnn.Order.values() : new OneDnn.Order[] {OneDnn.Order.OWN};
      for (OneDnn.Order order : orders) {
        HostMemory right = order == OneDnn.Order.OWN ? ordered : w;
        multiply(caller, x, 0, ROWS, n, order, right, all);
        for (int[] rows : PARTS) {
          if (rows[1] == 1 && !isHalf) {
            continue;
          }
          multiply(caller, x, rows[0], rows[1], n, order, right, some);
          if (!areEqual(all.window(0), rows[0] * n, some.window(0), rows[1] * n)) {
            return false;
          }
        }
      }
      return true;
    } finally {
      x.free();
      w.free();
      all.free();
      some.free();
      if (ordered != null) {
        ordered.free();
      }
    }
  }

  private static boolean areEqual(ByteBuffer all, int from, ByteBuffer some, int count) {
    for (int i = 0; i < count; i++) {
      if (all.getInt((from + i) * Float.BYTES) != some.getInt(i * Float.BYTES)) {
        return false;
      }
    }
    return true;
  }

  private HostMemory drawn(int count, int factor, int modulus) {
    HostMemory memory = new HostMemory(type.floats(count));
    for (int i = 0; i < count; i++) {
      float value = (i * (long) factor % modulus - modulus / 2) / (float) modulus;
      if (type == ElementType.BF16) {
        memory.window(0).putShort(i * Short.BYTES, BFloat16.of(value));
      } else {
        memory.window(0).putFloat(i * Float.BYTES, value);
      }
    }
    return memory;
  }

  private void multiply(
      OneDnn.Caller caller,
      HostMemory x,
      int from,
      int rows,
      int columns,
      OneDnn.Order order,
      HostMemory right,
      HostMemory y) {
    caller.multiply(
        type,
        false,
        rows,
        columns,
        k,
        1,
        x.address(0) + (long) from * k * OneDnnMatrices.bytes(type),
        k,
        order,
        right.address(0),
        order == OneDnn.Order.TRANSPOSED ? k : n,
        0,
        y.address(0),
        n);
  }
}
