package org.peftsweep.compute.nd4j;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.WeakHashMap;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.peftsweep.compute.ElementType;
import org.peftsweep.compute.Tensor;

/**
 * Tensors as ND4J arrays over the same memory, and scratch memory that is kept from call to call.
 *
 * <p>Making a view costs more than running a small operation and leaves garbage outside the heap,
 * so views are kept: an arena places the tensors of every step alike.
 */
final class Views {
  /** More than the tensors of a step of a 24-layer model; beyond, the least used view goes. */
  private static final int VIEWS_PER_MEMORY = 8192;

  private static final int SLOTS = 4;

  private record Key(long offset, long[] shape, long[] strides) {
    @Override
    public boolean equals(Object other) {
      return other instanceof Key key
          && offset == key.offset
          && Arrays.equals(shape, key.shape)
          && Arrays.equals(strides, key.strides);
    }

    @Override
    public int hashCode() {
      return 31 * (31 * Long.hashCode(offset) + Arrays.hashCode(shape)) + Arrays.hashCode(strides);
    }
  }

  private static final class Cache extends LinkedHashMap<Key, INDArray> {
    Cache() {
      super(16, 0.75f, true);
    }

    @Override
    protected boolean removeEldestEntry(Map.Entry<Key, INDArray> eldest) {
      return size() > VIEWS_PER_MEMORY;
    }
  }

  private final Map<Nd4jMemory, Cache> caches = new WeakHashMap<>();
  private final Nd4jMemory[] scratch = new Nd4jMemory[SLOTS];
  private Nd4jMemory ones;

  // ---- tensors

  INDArray flat(Tensor x) {
    return flat(x, 0, x.size());
  }

  /** Returns {@code count} elements from the {@code from}-th on. */
  INDArray flat(Tensor x, long from, long count) {
    return view(memory(x), x.offset() + from, count);
  }

  /** Returns {@code [rows, columns]}. */
  INDArray matrix(Tensor x) {
    return view(memory(x), x.offset(), x.rows(), x.columns());
  }

  /** Returns {@code [1, size]}, which broadcasts over rows. */
  INDArray row(Tensor x) {
    return view(memory(x), x.offset(), 1, x.size());
  }

  /** Returns {@code [size, 1]}, which broadcasts over columns. */
  INDArray column(Tensor x) {
    return view(memory(x), x.offset(), x.size(), 1);
  }

  /** Returns a view of any strides that starts {@code from} elements after x does. */
  INDArray strided(Tensor x, long from, long[] shape, long[] strides) {
    return view(memory(x), x.offset() + from, shape, strides);
  }

  // ---- scratch

  /** Returns scratch memory of any content; what was in the slot before is lost. */
  INDArray scratch(int slot, long... shape) {
    return view(scratchMemory(slot, length(shape)), 0, shape);
  }

  /** Returns another view of what {@link #scratch} last returned for this slot. */
  INDArray scratchStrided(int slot, long from, long[] shape, long[] strides) {
    return view(scratch[slot], from, shape, strides);
  }

  /** Returns a slot filled with the first {@code count} of {@code values}. */
  INDArray scratch(int slot, float[] values, int count) {
    scratchMemory(slot, count).write(values, 0, 0, count);
    return scratch(slot, count);
  }

  /** Reads the first {@code count} floats of a slot from offset {@code from} on. */
  float[] readScratch(int slot, long from, int count) {
    float[] values = new float[count];
    scratch[slot].read(from, values, 0, count);
    return values;
  }

  /** Returns an array of ones. */
  INDArray ones(long... shape) {
    long length = length(shape);
    if (ones == null || ones.floats() < length) {
      free(ones);
      ones = new Nd4jMemory(length);
      ones.fill(1);
    }
    return view(ones, 0, shape);
  }

  private Nd4jMemory scratchMemory(int slot, long length) {
    if (scratch[slot] == null || scratch[slot].floats() < length) {
      free(scratch[slot]);
      scratch[slot] = null;
      scratch[slot] = new Nd4jMemory(length);
    }
    return scratch[slot];
  }

  // ---- memory

  void free(Nd4jMemory memory) {
    if (memory != null) {
      caches.remove(memory);
      memory.close();
    }
  }

  void close() {
    for (int slot = 0; slot < SLOTS; slot++) {
      free(scratch[slot]);
      scratch[slot] = null;
    }
    free(ones);
    ones = null;
    caches.clear();
  }

  static Nd4jMemory memory(Tensor x) {
    if (x.type() != ElementType.F32) {
      throw new IllegalArgumentException(
          "Cannot run an nd4j kernel on " + x + ": copy it to 32-bit floats first");
    }
    return anyMemory(x);
  }

  /** Returns where elements of any type are. */
  static Nd4jMemory anyMemory(Tensor x) {
    if (x.memory() instanceof Nd4jMemory memory) {
      return memory;
    }
    throw new IllegalArgumentException(
        "Cannot run an nd4j kernel on "
            + x.memory().getClass().getSimpleName()
            + ": allocate the tensor with the nd4j backend");
  }

  private INDArray view(Nd4jMemory memory, long offset, long... shape) {
    return view(memory, offset, shape, rowMajor(shape));
  }

  private INDArray view(Nd4jMemory memory, long offset, long[] shape, long[] strides) {
    Key key = new Key(offset, shape, strides);
    return caches
        .computeIfAbsent(memory, any -> new Cache())
        .computeIfAbsent(key, any -> memory.view(offset, shape, strides));
  }

  private static long length(long[] shape) {
    long length = 1;
    for (long extent : shape) {
      length *= extent;
    }
    return length;
  }

  private static long[] rowMajor(long[] shape) {
    long[] strides = new long[shape.length];
    long stride = 1;
    for (int axis = shape.length - 1; axis >= 0; axis--) {
      strides[axis] = stride;
      stride *= shape[axis];
    }
    return strides;
  }
}
