package org.peftsweep.compute;

import java.util.Arrays;

/**
 * A dense, row-major block of elements in a backend's memory: 32-bit floats unless it was made with
 * another {@link ElementType}, which only those kernels take that say so.
 *
 * <p>Kernels see every tensor as a matrix {@code [rows, columns]}: {@code columns} is the last axis
 * and {@code rows} the product of the others; a vector is one row.
 */
public final class Tensor {
  /** Some rows of a tensor of the arena, which hold the whole of it until they are given back. */
  private static final class Part extends Block {
    private final Tensor whole;
    private final Block block;

    Part(Tensor whole, Block block) {
      this.whole = whole;
      this.block = block;
      holders = 1;
      block.holders++;
      block.parts++;
    }

    Tensor whole() {
      return whole;
    }

    boolean isOf(Block other) {
      return block == other;
    }

    /** Rows may be overwritten once nobody else holds them, be it as part of the whole. */
    @Override
    boolean isSolelyHeld() {
      return super.isSolelyHeld() && block.isHeldInParts();
    }

    @Override
    boolean isHeldInParts() {
      return super.isHeldInParts() && block.isHeldInParts();
    }

    @Override
    boolean isOfThisStep() {
      return block.isOfThisStep();
    }

    @Override
    void free() {
      if (isOfThisStep()) {
        block.parts--;
        if (--block.holders == 0) {
          block.free();
        }
      }
    }
  }

  private final ElementType type;
  private final Memory memory;
  private final long offset;
  private final int[] shape;
  private final long size;
  private final Block block;

  /**
   * Makes a view of {@code memory} that starts {@code offset} floats in.
   *
   * @throws IllegalArgumentException if the shape is empty, negative or reaches past the memory's
   *     end
   */
  public Tensor(Memory memory, long offset, int... shape) {
    this(ElementType.F32, memory, offset, null, shape);
  }

  /**
   * Makes a view of {@code memory} that starts {@code offset} elements of a type in.
   *
   * @throws IllegalArgumentException if the shape is empty, negative or reaches past the memory's
   *     end
   */
  public Tensor(ElementType type, Memory memory, long offset, int... shape) {
    this(type, memory, offset, null, shape);
  }

  Tensor(ElementType type, Memory memory, long offset, Block block, int... shape) {
    this.size = sizeOf(shape);
    if (offset < 0 || type.floats(offset + size) > memory.floats()) {
      throw new IllegalArgumentException(
          "Cannot place "
              + name(type, shape)
              + " at "
              + offset
              + " of a memory of "
              + memory.floats()
              + " floats: it reaches past the end");
    }
    this.type = type;
    this.memory = memory;
    this.offset = offset;
    this.block = block;
    this.shape = shape.clone();
  }

  /** Returns the number of elements of a shape. */
  static long sizeOf(int... shape) {
    if (shape.length == 0) {
      throw new IllegalArgumentException("Cannot make a tensor of no axes: give at least one");
    }
    long size = 1;
    for (int extent : shape) {
      if (extent < 0) {
        throw new IllegalArgumentException(
            "Cannot make a tensor of shape " + Arrays.toString(shape) + ": extents are at least 0");
      }
      size = Math.multiplyExact(size, (long) extent);
    }
    return size;
  }

  public ElementType type() {
    return type;
  }

  /**
   * Returns where the elements are.
   *
   * @throws IllegalStateException if they are an arena's and were given back to it
   */
  public Memory memory() {
    if (block != null && !block.isLive()) {
      throw new IllegalStateException(
          "Cannot use " + this + ": its memory was given back to the arena");
    }
    return memory;
  }

  /** Returns the distance from the start of the memory, in elements. */
  public long offset() {
    return offset;
  }

  public int[] shape() {
    return shape.clone();
  }

  /** Returns the product of all axes but the last. */
  public int rows() {
    return (int) (columns() == 0 ? 0 : size / columns());
  }

  /** Returns the extent of the last axis. */
  public int columns() {
    return shape[shape.length - 1];
  }

  public long size() {
    return size;
  }

  /** Returns the same elements under another shape of the same size. */
  public Tensor reshape(int... other) {
    if (sizeOf(other) != size) {
      throw new IllegalArgumentException(
          "Cannot view " + this + " as " + Arrays.toString(other) + ": sizes differ");
    }
    return new Tensor(type, memory, offset, block, other);
  }

  /**
   * Returns rows {@code from} to {@code from + count} as {@code [count, columns]}, sharing memory.
   */
  public Tensor slice(int from, int count) {
    if (from < 0 || count < 0 || from + count > rows()) {
      throw new IllegalArgumentException(
          "Cannot take rows " + from + " to " + (from + count) + " of " + this + ": it has fewer");
    }
    return new Tensor(type, memory, offset + (long) from * columns(), block, count, columns());
  }

  /** Returns the same place, whatever becomes of the elements that are there now. */
  Tensor place() {
    return block == null ? this : new Tensor(type, memory, offset, null, shape);
  }

  /** Takes part in the ownership of arena memory; does nothing elsewhere. */
  Tensor retain() {
    if (block != null) {
      block.holders++;
    }
    return this;
  }

  /**
   * Gives arena memory back once nobody holds it; does nothing elsewhere or after the step.
   *
   * @throws IllegalStateException if nobody held it
   */
  void release() {
    if (block == null || !block.isOfThisStep()) {
      return;
    }
    if (block.holders == 0) {
      throw new IllegalStateException("Cannot give back " + this + ": nobody holds it");
    }
    if (--block.holders == 0) {
      block.free();
    }
  }

  /** Whether nobody else relies on these elements, so that they may be overwritten. */
  boolean isSolelyHeld() {
    return block != null && block.isSolelyHeld();
  }

  /** Whether these rows have one holder, whoever else may hold the whole that they are part of. */
  boolean isHeldOnce() {
    return block != null && block.holders == 1;
  }

  /**
   * Returns rows {@code from} to {@code from + count} as a tensor that is held and given back for
   * itself, sharing memory; a plain slice where this is no memory of an arena.
   */
  Tensor part(int from, int count) {
    Tensor rows = slice(from, count);
    return block == null
        ? rows
        : new Tensor(type, memory, rows.offset, new Part(this, block), count, columns());
  }

  /** Whether these are rows of another tensor's block, made by {@link #part}. */
  boolean isPartOf(Tensor whole) {
    return block instanceof Part part && part.isOf(whole.block);
  }

  /** Returns the tensor whose rows these parts are, all of them in order; null if it is none. */
  static Tensor joined(Tensor... parts) {
    if (parts[0] == null || !(parts[0].block instanceof Part first)) {
      return null;
    }
    Tensor whole = first.whole();
    long end = whole.offset;
    for (Tensor rows : parts) {
      if (rows == null || !rows.isPartOf(whole) || rows.offset != end) {
        return null;
      }
      end += rows.size();
    }
    return end == whole.offset + whole.size() ? whole : null;
  }

  @Override
  public String toString() {
    return name(type, shape);
  }

  private static String name(ElementType type, int... shape) {
    return (type == ElementType.F32 ? "" : type + " ") + Arrays.toString(shape);
  }
}
