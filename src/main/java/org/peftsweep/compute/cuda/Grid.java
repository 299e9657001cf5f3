package org.peftsweep.compute.cuda;

/**
 * How many blocks a kernel runs in, along three axes.
 *
 * @param threads of each block, a multiple of 32
 */
public record Grid(int x, int y, int z, int threads) {
  static final int THREADS = 256;
  private static final int WARPS = THREADS / 32;
  private static final int MOST_BLOCKS = 1 << 14;

  /** So many blocks. */
  static Grid blocks(long count) {
    return new Grid(Math.toIntExact(count), 1, 1, THREADS);
  }

  /** A warp for each row; beyond some number they take several. */
  static Grid warps(long rows) {
    return new Grid(bounded((rows + WARPS - 1) / WARPS), 1, 1, THREADS);
  }

  /** A thread for every four elements; beyond some number they take more. */
  static Grid fours(long elements) {
    return new Grid(bounded((elements + 4 * THREADS - 1) / (4 * THREADS)), 1, 1, THREADS);
  }

  private static int bounded(long blocks) {
    return (int) Math.max(1, Math.min(MOST_BLOCKS, blocks));
  }
}
