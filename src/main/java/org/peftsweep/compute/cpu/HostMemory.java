package org.peftsweep.compute.cpu;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Pointer;
import org.peftsweep.compute.ElementType;
import org.peftsweep.compute.Memory;
import org.peftsweep.compute.Tensor;

/**
 * Off-heap floats, 64-byte aligned and zeroed at first.
 *
 * <p>A direct buffer ends at 2 GB, so the memory is seen through overlapping windows that start
 * every GB and are up to 2 GB long: any stretch of up to 1 GB lies whole in the window of its
 * start.
 */
final class HostMemory implements Memory {
  private static final int ALIGNMENT = 64;

  /** Distance of two windows: 2²⁸ floats, 1 GB. */
  private static final int WINDOW_BITS = 28;

  private static final long WINDOW_MASK = (1L << WINDOW_BITS) - 1;
  private static final long LONGEST_WINDOW = Integer.MAX_VALUE - ALIGNMENT;

  /** A pointer that may be aimed anywhere without a new object. */
  private static final class Aim extends BytePointer {
    Aim(long address, long bytes) {
      super((Pointer) null);
      this.address = address;
      this.limit = bytes;
      this.capacity = bytes;
    }
  }

  private final long floats;
  private final long bytes;
  private final Pointer allocation;
  private final long address;
  private final boolean isShared;
  private final Map<Object, HostMemory> orders = new ConcurrentHashMap<>();
  private ByteBuffer[] windows;
  private FloatBuffer[] floatWindows;

  HostMemory(long floats) {
    this(floats, false);
  }

  private HostMemory(long floats, boolean isShared) {
    this.floats = floats;
    this.isShared = isShared;
    // One vector of slack, so that reading a whole vector never leaves the allocation.
    long readable = Math.max(floats, 1) * Float.BYTES + ALIGNMENT;
    this.bytes = readable + ALIGNMENT;
    OffHeap.take(bytes);
    this.allocation = Pointer.calloc(1, bytes);
    if (allocation == null || allocation.isNull()) {
      OffHeap.giveBack(bytes);
      throw OffHeap.refusal(bytes, "the system has no more");
    }
    this.address = (allocation.address() + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    this.windows = new ByteBuffer[(int) ((Math.max(floats, 1) - 1) >>> WINDOW_BITS) + 1];
    this.floatWindows = new FloatBuffer[windows.length];
    for (int i = 0; i < windows.length; i++) {
      long start = ((long) i << WINDOW_BITS) * Float.BYTES;
      long length = Math.min(readable - start, LONGEST_WINDOW);
      windows[i] = new Aim(address + start, length).asByteBuffer().order(ByteOrder.nativeOrder());
      floatWindows[i] = windows[i].asFloatBuffer();
    }
  }

  /** Makes memory that trials share, which nobody writes to once products read it. */
  static HostMemory shared(long floats) {
    return new HostMemory(floats, true);
  }

  @Override
  public long floats() {
    return floats;
  }

  @Override
  public boolean isLive() {
    return windows != null;
  }

  boolean isShared() {
    return isShared;
  }

  /**
   * Returns what is here in another order, which is made at the first request and freed with this
   * memory.
   *
   * @param key of what is where here, and of the order
   */
  HostMemory reordered(Object key, Supplier<HostMemory> make) {
    requireOpen();
    HostMemory made = orders.get(key);
    return made == null ? orders.computeIfAbsent(key, missing -> make.get()) : made;
  }

  void free() {
    if (windows != null) {
      orders.values().forEach(HostMemory::free);
      orders.clear();
      windows = null;
      floatWindows = null;
      Pointer.free(allocation);
      OffHeap.giveBack(bytes);
    }
  }

  /** Returns the address of a float. */
  long address(long index) {
    requireOpen();
    return address + index * Float.BYTES;
  }

  /** Returns a buffer that holds the floats from {@code index} on, at least 1 GB of them. */
  ByteBuffer window(long index) {
    requireOpen();
    return windows[(int) (index >>> WINDOW_BITS)];
  }

  /** Copies floats in; at most 1 GB of them. */
  void write(long index, float[] source, int from, int count) {
    requireOpen();
    floatWindows[(int) (index >>> WINDOW_BITS)].put(
        (int) (index & WINDOW_MASK), source, from, count);
  }

  /** Copies floats out; at most 1 GB of them. */
  void read(long index, float[] target, int to, int count) {
    requireOpen();
    floatWindows[(int) (index >>> WINDOW_BITS)].get((int) (index & WINDOW_MASK), target, to, count);
  }

  /** Returns where float {@code index} starts in its window, in bytes. */
  static int position(long index) {
    return (int) (index & WINDOW_MASK) * Float.BYTES;
  }

  /** Returns where a tensor of 32-bit floats is. */
  static HostMemory of(Tensor tensor) {
    if (tensor.type() == ElementType.F32 && tensor.memory() instanceof HostMemory memory) {
      return memory;
    }
    throw refusal(tensor, ElementType.F32);
  }

  /** Returns where a tensor of 16-bit elements is. */
  static HostMemory ofHalves(Tensor tensor) {
    return of(tensor, ElementType.BF16);
  }

  private static HostMemory of(Tensor tensor, ElementType type) {
    if (tensor.type() == type && tensor.memory() instanceof HostMemory memory) {
      return memory;
    }
    throw refusal(tensor, type);
  }

  /** Copies whole numbers to the start of a tensor. */
  static void write(Tensor tensor, int... values) {
    HostMemory memory = of(tensor, ElementType.I32);
    int at = position(tensor.offset());
    memory
        .window(tensor.offset())
        .slice(at, values.length * Integer.BYTES)
        .order(ByteOrder.nativeOrder())
        .asIntBuffer()
        .put(values);
  }

  /** Returns all elements of a tensor of whole numbers. */
  static int[] ints(Tensor tensor) {
    HostMemory memory = of(tensor, ElementType.I32);
    int[] values = new int[Math.toIntExact(tensor.size())];
    int at = position(tensor.offset());
    memory
        .window(tensor.offset())
        .slice(at, values.length * Integer.BYTES)
        .order(ByteOrder.nativeOrder())
        .asIntBuffer()
        .get(values);
    return values;
  }

  /** Writes an element of a tensor of seeds. */
  static void write(Tensor tensor, int index, long value) {
    long at = 2 * (tensor.offset() + index);
    of(tensor, ElementType.I64).window(at).putLong(position(at), value);
  }

  /** Returns the first element of a tensor of seeds. */
  static long seed(Tensor tensor) {
    long at = 2 * tensor.offset();
    return of(tensor, ElementType.I64).window(at).getLong(position(at));
  }

  /** Writes an element of a tensor of sums. */
  static void write(Tensor tensor, int index, double value) {
    long at = 2 * (tensor.offset() + index);
    of(tensor, ElementType.F64).window(at).putDouble(position(at), value);
  }

  /** Returns an element of a tensor of sums. */
  static double number(Tensor tensor, int index) {
    long at = 2 * (tensor.offset() + index);
    return of(tensor, ElementType.F64).window(at).getDouble(position(at));
  }

  private static IllegalArgumentException refusal(Tensor tensor, ElementType type) {
    return new IllegalArgumentException(
        tensor.type() != type
            ? "Cannot read " + tensor + " as " + type + ": copy it to a tensor of that type first"
            : "Cannot read "
                + tensor
                + " in "
                + tensor.memory().getClass().getSimpleName()
                + ": the cpu backend needs memory of its own kind");
  }

  /** Returns the address of element {@code index} of a tensor. */
  static long address(Tensor tensor, long index) {
    return of(tensor).address(tensor.offset() + index);
  }

  /** Returns the address of element {@code index} of a tensor of 16-bit elements. */
  static long halfAddress(Tensor tensor, long index) {
    return ofHalves(tensor).address(0) + (tensor.offset() + index) * Short.BYTES;
  }

  /** Returns the buffer that holds the stretch from element {@code index} of a tensor on. */
  static ByteBuffer buffer(Tensor tensor, long index) {
    return of(tensor).window(tensor.offset() + index);
  }

  /** Returns where element {@code index} of a tensor starts in its buffer, in bytes. */
  static int at(Tensor tensor, long index) {
    return position(tensor.offset() + index);
  }

  /** The same as {@link #buffer} for a tensor of 16-bit elements. */
  static ByteBuffer halfBuffer(Tensor tensor, long index) {
    return ofHalves(tensor).window((tensor.offset() + index) >>> 1);
  }

  /** The same as {@link #at} for a tensor of 16-bit elements. */
  static int halfAt(Tensor tensor, long index) {
    long element = tensor.offset() + index;
    return position(element >>> 1) + (int) (element & 1) * Short.BYTES;
  }

  private void requireOpen() {
    if (windows == null) {
      throw new IllegalStateException("Cannot use memory that was freed");
    }
  }
}
