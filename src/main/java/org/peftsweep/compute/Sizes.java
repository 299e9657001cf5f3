package org.peftsweep.compute;

/** Checks that keep kernels, which do not look at shapes, inside their tensors. */
public final class Sizes {
  private Sizes() {}

  /** Requires the same rows and columns of all tensors that are not null. */
  public static void same(String kernel, Tensor x, Tensor... others) {
    for (Tensor other : others) {
      if (other != null && (other.size() != x.size() || other.columns() != x.columns())) {
        throw new IllegalArgumentException(
            "Cannot run " + kernel + " on " + x + " and " + other + ": shapes differ");
      }
    }
  }

  /** Requires so many elements of all tensors that are not null. */
  public static void count(String kernel, long size, Tensor... tensors) {
    for (Tensor tensor : tensors) {
      if (tensor != null && tensor.size() != size) {
        throw new IllegalArgumentException(
            "Cannot run " + kernel + " with " + tensor + ": " + size + " elements are needed");
      }
    }
  }

  /** Requires what the caller found out. */
  public static void require(boolean holds, String kernel, Object wrong, String needed) {
    if (!holds) {
      throw new IllegalArgumentException(
          "Cannot run " + kernel + " with " + wrong + ": " + needed + " needed");
    }
  }

  /** Requires what {@link Backend#sumColumns} takes. */
  public static void columns(Tensor x, int[] starts, int[] columns, Tensor out) {
    String kernel = "sumColumns";
    require(x.rows() == out.rows(), kernel, out, x.rows() + " rows");
    require(starts.length == out.columns() + 1, kernel, starts.length + " starts", "one more is");
    int last = 0;
    for (int start : starts) {
      require(start >= last && start <= columns.length, kernel, "start " + start, "a later one is");
      last = start;
    }
    ids(kernel, columns, 0, x.columns());
  }

  /** Requires ids below the number of rows, and at least {@code lowest}. */
  public static void ids(String kernel, int[] ids, int lowest, int rows) {
    for (int id : ids) {
      if (id >= rows || id < lowest) {
        throw new IllegalArgumentException(
            "Cannot run " + kernel + " with id " + id + ": the table has " + rows + " rows");
      }
    }
  }
}
