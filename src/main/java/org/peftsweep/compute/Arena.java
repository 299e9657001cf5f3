package org.peftsweep.compute;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.TreeSet;

/**
 * Memory for one step's activations and gradients, kept from step to step: touching fresh memory
 * costs more than the arithmetic done in it.
 *
 * <p>A best-fit allocator with coalescing. It grows by chunks while a step needs more than any
 * before; {@link #reset} then joins them into one chunk of the size that was needed, so that the
 * steady state never grows.
 */
public final class Arena implements AutoCloseable {
  /** Blocks start on multiples of 16 floats: 64 bytes, a cache line. */
  private static final long ALIGNMENT = 16;

  private static final long SMALLEST_CHUNK = 1 << 18;

  /** What it grows by at least, whatever little is asked for, in bytes. */
  public static final long SMALLEST_BYTES = Float.BYTES * SMALLEST_CHUNK;

  /** By size, then place; asked several times for each tensor, so in plain steps. */
  private static final Comparator<Stretch> BY_SIZE =
      (a, b) -> {
        if (a.length != b.length) {
          return a.length < b.length ? -1 : 1;
        }
        return a.chunk != b.chunk
            ? Integer.compare(a.chunk, b.chunk)
            : Long.compare(a.start, b.start);
      };

  /** A stretch of one chunk, linked to its neighbours. */
  private final class Stretch extends Block {
    private final int chunk;
    private final long start;
    private long length;
    private Stretch before;
    private Stretch after;
    private boolean isFree;
    private final int generation = Arena.this.generation;

    private Stretch(int chunk, long start, long length) {
      this.chunk = chunk;
      this.start = start;
      this.length = length;
    }

    @Override
    boolean isOfThisStep() {
      return generation == Arena.this.generation;
    }

    @Override
    void free() {
      if (isOfThisStep()) {
        Arena.this.free(this);
      }
    }
  }

  private final Backend backend;
  private final long smallestChunk;
  private final List<Memory> chunks = new ArrayList<>();
  private final TreeSet<Stretch> freeBlocks = new TreeSet<>(BY_SIZE);
  private int generation;
  private long used;
  private long peak;

  public Arena(Backend backend) {
    this(backend, SMALLEST_CHUNK);
  }

  /**
   * Makes an arena.
   *
   * @param smallestChunk floats that it allocates at least
   */
  Arena(Backend backend, long smallestChunk) {
    this.backend = backend;
    this.smallestChunk = smallestChunk;
  }

  /** Hands out memory of any content. */
  public Tensor take(int... shape) {
    return take(ElementType.F32, shape);
  }

  /** Hands out memory of any content for elements of a type. */
  Tensor take(ElementType type, int... shape) {
    long wanted = Math.max(ALIGNMENT, roundUp(type.floats(Tensor.sizeOf(shape))));
    Stretch block = freeBlocks.ceiling(new Stretch(-1, -1, wanted));
    if (block == null) {
      block = grow(wanted);
    }
    freeBlocks.remove(block);
    if (block.length > wanted) {
      split(block, wanted);
    }
    block.isFree = false;
    block.holders = 1;
    used += block.length;
    peak = Math.max(peak, used);
    // Two elements, as bytes are counted in whole floats.
    long offset = block.start * ElementType.F32.bytes(2) / type.bytes(2);
    return new Tensor(type, chunks.get(block.chunk), offset, block, shape);
  }

  /** Takes everything back; tensors handed out before must not be used any more. */
  public void reset() {
    generation++;
    freeBlocks.clear();
    if (chunks.size() > 1) {
      long joined = roundUp(Math.max(peak + peak / 16, smallestChunk));
      if (chunks.get(0).floats() >= joined) {
        // It was cut up too finely, not too small: only room helps, or every step would grow.
        joined = chunks.stream().mapToLong(Memory::floats).sum();
      }
      chunks.forEach(backend::free);
      chunks.clear();
      chunks.add(backend.allocate(joined));
    }
    for (int i = 0; i < chunks.size(); i++) {
      freeBlocks.add(freeBlock(i, 0, chunks.get(i).floats()));
    }
    used = 0;
  }

  /** Returns the memory that it holds, used or not, in bytes. */
  public long bytes() {
    return Float.BYTES * chunks.stream().mapToLong(Memory::floats).sum();
  }

  /** Returns the memory that somebody holds now, in bytes. */
  public long usedBytes() {
    return Float.BYTES * used;
  }

  /** Returns the most that was in use at once, in bytes. */
  public long peakBytes() {
    return Float.BYTES * peak;
  }

  @Override
  public void close() {
    generation++;
    freeBlocks.clear();
    chunks.forEach(backend::free);
    chunks.clear();
    used = 0;
  }

  private Stretch grow(long wanted) {
    long length = Math.max(wanted, Math.max(smallestChunk, used / 4));
    length = roundUp(length);
    chunks.add(backend.allocate(length));
    Stretch block = freeBlock(chunks.size() - 1, 0, length);
    freeBlocks.add(block);
    return block;
  }

  private void split(Stretch block, long wanted) {
    Stretch rest = freeBlock(block.chunk, block.start + wanted, block.length - wanted);
    rest.before = block;
    rest.after = block.after;
    if (rest.after != null) {
      rest.after.before = rest;
    }
    block.after = rest;
    block.length = wanted;
    freeBlocks.add(rest);
  }

  private void free(Stretch block) {
    used -= block.length;
    Stretch joined = block;
    if (block.after != null && block.after.isFree) {
      freeBlocks.remove(block.after);
      joinWithNext(block);
    }
    if (block.before != null && block.before.isFree) {
      joined = block.before;
      freeBlocks.remove(joined);
      joinWithNext(joined);
    }
    joined.isFree = true;
    freeBlocks.add(joined);
  }

  private static void joinWithNext(Stretch block) {
    block.length += block.after.length;
    block.after = block.after.after;
    if (block.after != null) {
      block.after.before = block;
    }
  }

  private Stretch freeBlock(int chunk, long start, long length) {
    Stretch block = new Stretch(chunk, start, length);
    block.isFree = true;
    return block;
  }

  private static long roundUp(long floats) {
    return (floats + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  }
}
