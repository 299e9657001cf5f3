package org.peftsweep.compute;

import java.util.Arrays;

/**
 * The seeds of a step's dropouts in the backend's memory, each drawn from that of its lane; planned
 * steps write all of them at once.
 */
final class DropoutSeeds {
  private static final int BLOCK = 256;

  private final Backend backend;
  private final Arena arena;
  private long[] bases = {};
  private long[] drawn = {};
  private Tensor[] blocks = {};

  /** Whose seed each is, in order. */
  private int[] lanes = new int[BLOCK];

  private int count;

  DropoutSeeds(Backend backend, Arena arena, long... bases) {
    this.backend = backend;
    this.arena = arena;
    restart(bases);
  }

  private void restart(long... seeds) {
    bases = seeds.clone();
    drawn = new long[seeds.length];
  }

  /** Returns the next seed of a lane, {@code I64} of one element. */
  Tensor next(int lane) {
    if (count == blocks.length * BLOCK) {
      blocks = Arrays.copyOf(blocks, blocks.length + 1);
      blocks[blocks.length - 1] = arena.take(ElementType.I64, BLOCK, 1);
    }
    if (count == lanes.length) {
      lanes = Arrays.copyOf(lanes, 2 * count);
    }
    lanes[count] = lane;
    Tensor seed = blocks[count / BLOCK].slice(count % BLOCK, 1);
    backend.write(new long[] {draw(lane)}, seed);
    count++;
    return seed;
  }

  /** Draws all of them anew, in the same order, from other seeds of lanes. */
  void write(long... seeds) {
    if (count == 0) {
      return;
    }
    restart(seeds);
    for (int from = 0; from < count; from += BLOCK) {
      long[] block = new long[Math.min(BLOCK, count - from)];
      for (int i = 0; i < block.length; i++) {
        block[i] = draw(lanes[from + i]);
      }
      backend.write(block, blocks[from / BLOCK].place());
    }
  }

  private long draw(int lane) {
    long mixed = bases[lane] + 0x9E3779B97F4A7C15L * ++drawn[lane];
    mixed = (mixed ^ (mixed >>> 30)) * 0xBF58476D1CE4E5B9L;
    mixed = (mixed ^ (mixed >>> 27)) * 0x94D049BB133111EBL;
    return mixed ^ (mixed >>> 31);
  }
}
