package org.peftsweep.method.adapter;

/** Kronecker products as products of all elements with all, in another order. */
public final class Kronecker {
  private Kronecker() {}

  /**
   * Returns where the elements of {@code C ⊗ D} are among the products {@code [c·d, rows·columns]}
   * of C's elements with D's.
   *
   * @param c rows of C, d its columns
   * @param rows of D, columns likewise
   */
  public static int[] order(int c, int d, int rows, int columns) {
    int width = d * columns;
    int block = rows * columns;
    int[] order = new int[c * rows * width];
    for (int i = 0; i < order.length; i++) {
      int row = i / width;
      int column = i % width;
      int ofC = row / rows * d + column / columns;
      int ofD = row % rows * columns + column % columns;
      order[i] = ofC * block + ofD;
    }
    return order;
  }
}
