package org.peftsweep.compute.cuda;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.openblas.global.openblas;
import org.peftsweep.compute.BFloat16;
import org.peftsweep.compute.DeviceLostException;
import org.peftsweep.compute.ElementType;
import org.peftsweep.compute.GpuReading;

/**
 * A device that is this processor: {@link EmulatedKernels}, and products by OpenBLAS. Threads and
 * blocks run in an order that a seed decides.
 */
final class EmulatedDevice implements Device {
  private static final int ROW_MAJOR = 101;
  private static final int PLAIN = 111;
  private static final int TRANSPOSED = 112;
  private static final int ALIGNMENT = 256;

  /** Rows that are multiplied at once, always: among others OpenBLAS may add up a row otherwise. */
  private static final int ROWS = 8;

  /** The kernels have one state for the whole process. */
  private static final Object PROCESSOR = EmulatedKernels.class;

  private record Found(int index, String name) implements Kernel {}

  /** Memory somewhere, as JavaCPP wants it. */
  private static final class Bytes extends BytePointer {
    Bytes(long address, long count) {
      super((Pointer) null);
      this.address = address;
      this.limit = count;
      this.capacity = count;
    }
  }

  private static final class Floats extends FloatPointer {
    Floats(long address) {
      super((Pointer) null);
      this.address = address;
    }
  }

  private final long seed;
  private final boolean hasTensorCores;
  private final long mostBytes;
  private long launchesLeft = Long.MAX_VALUE;
  private boolean isAlone = true;
  private final Map<Long, Pointer> allocations = new HashMap<>();
  private long held;
  private long launches;
  private List<Runnable> captured;

  EmulatedDevice(long seed) {
    this(seed, false, Long.MAX_VALUE);
  }

  /**
   * Makes a device.
   *
   * @param hasTensorCores whether attention is that of devices that have them, which takes longer
   * @param mostBytes that it has memory for
   */
  EmulatedDevice(long seed, boolean hasTensorCores, long mostBytes) {
    this.seed = seed;
    this.hasTensorCores = hasTensorCores;
    this.mostBytes = mostBytes;
  }

  /** Lets it be lost after so many kernels, for good. */
  EmulatedDevice lostAfter(long kernels) {
    launchesLeft = kernels;
    return this;
  }

  /** Lets another process compute on it too. */
  EmulatedDevice shared() {
    isAlone = false;
    return this;
  }

  private void requireThere() {
    if (launchesLeft <= 0) {
      throw new DeviceLostException("Cannot use the " + name() + ": it is lost");
    }
  }

  /** Returns how many kernels ran. */
  long launches() {
    return launches;
  }

  /** Returns how many allocations are not freed. */
  int allocations() {
    return allocations.size();
  }

  @Override
  public String name() {
    return "emulated GPU";
  }

  /** A joule a kernel. */
  @Override
  public GpuReading reading() {
    return new GpuReading("1.2", "3.4", 1980, (double) launches);
  }

  @Override
  public boolean isAlone() {
    return isAlone;
  }

  @Override
  public long memoryBytes() {
    return mostBytes;
  }

  @Override
  public boolean multipliesIn(ElementType factors) {
    return List.of(ElementType.F32, ElementType.TF32, ElementType.BF16).contains(factors);
  }

  @Override
  public long allocate(long bytes) {
    synchronized (PROCESSOR) {
      requireThere();
      requireNoCapture("allocate");
      if (held + bytes > mostBytes) {
        throw new OutOfMemoryError("Cannot allocate " + bytes + " bytes on " + name());
      }
      held += bytes;
      Pointer memory = Pointer.calloc(1, bytes + ALIGNMENT);
      memory.limit(bytes);
      long address = (memory.address() + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
      allocations.put(address, memory);
      return address;
    }
  }

  @Override
  public void free(long address) {
    synchronized (PROCESSOR) {
      Pointer memory = allocations.remove(address);
      held -= memory.limit();
      Pointer.free(memory);
    }
  }

  private void requireNoCapture(String what) {
    if (captured != null) {
      throw new IllegalStateException("Cannot " + what + " while kernels are captured");
    }
  }

  private static ByteBuffer bytes(long address, int count) {
    return new Bytes(address, count).asByteBuffer().order(ByteOrder.nativeOrder());
  }

  @Override
  public void write(long to, int count, Consumer<ByteBuffer> fill) {
    synchronized (PROCESSOR) {
      requireNoCapture("write");
      fill.accept(bytes(to, count));
    }
  }

  @Override
  public void read(long from, int count, Consumer<ByteBuffer> use) {
    synchronized (PROCESSOR) {
      requireThere();
      requireNoCapture("read");
      use.accept(bytes(from, count));
    }
  }

  @Override
  public Kernel kernel(String family, String name) {
    boolean isOther = hasTensorCores && family.equals("attention");
    String place = isOther ? EmulatedKernels.ON_TENSOR_CORES : family;
    int index = EmulatedKernels.find(place + "::" + name);
    if (index < 0) {
      throw new IllegalStateException("Cannot find kernel " + name + " of " + family);
    }
    return new Found(index, name);
  }

  @Override
  public void launch(Kernel kernel, Grid grid, long[] slots, int used, int parameters) {
    synchronized (PROCESSOR) {
      Found found = (Found) kernel;
      if (captured == null) {
        run(found, grid, slots, used, parameters);
      } else {
        long[] kept = slots.clone();
        captured.add(() -> run(found, grid, kept, used, parameters));
      }
    }
  }

  private void run(Found kernel, Grid grid, long[] slots, int used, int parameters) {
    requireThere();
    launchesLeft--;
    long order = seed * 0x9E3779B97F4A7C15L + launches++;
    String wrong =
        EmulatedKernels.launch(
            kernel.index(),
            grid.x(),
            grid.y(),
            grid.z(),
            grid.threads(),
            slots,
            used,
            parameters,
            order);
    if (wrong != null) {
      throw new IllegalStateException("Cannot run " + kernel.name() + ": " + wrong);
    }
  }

  @Override
  public void multiply(Product product, long a, long b, long bias, long c) {
    synchronized (PROCESSOR) {
      if (captured == null) {
        run(product, a, b, bias, c);
      } else {
        captured.add(() -> run(product, a, b, bias, c));
      }
    }
  }

  private static void run(Product p, long a, long b, long bias, long c) {
    openblas.blas_set_num_threads(1);
    FloatPointer left = factor(p, a, (long) p.m() * p.k());
    FloatPointer right = factor(p, b, (long) p.k() * p.n());
    if (p.transposeA()) {
      multiply(p, p.m(), left, right, new Floats(c));
    } else {
      int whole = p.m() / ROWS * ROWS;
      for (int row = 0; row < whole; row += ROWS) {
        FloatPointer to = new Floats(c + (long) row * p.n() * Float.BYTES);
        multiply(p, ROWS, left.getPointer((long) row * p.k()), right, to);
      }
      multiplyLast(p, whole, left, right, c);
    }
    if (p.hasBias()) {
      for (int i = 0; i < p.m(); i++) {
        openblas.cblas_saxpy(
            p.n(), 1, new Floats(bias), 1, new Floats(c + (long) i * p.n() * Float.BYTES), 1);
      }
    }
  }

  /** Multiplies the rows that are fewer than others at once, with rows of zeros behind them. */
  private static void multiplyLast(
      Product p, int from, FloatPointer left, FloatPointer right, long c) {
    int rows = p.m() - from;
    if (rows > 0) {
      float[] factor = new float[ROWS * p.k()];
      left.getPointer((long) from * p.k()).get(factor, 0, rows * p.k());
      FloatPointer to = new Floats(c + (long) from * p.n() * Float.BYTES);
      float[] sums = new float[ROWS * p.n()];
      to.get(sums, 0, rows * p.n());
      try (FloatPointer padded = new FloatPointer(factor);
          FloatPointer result = new FloatPointer(sums)) {
        multiply(p, ROWS, padded, right, result);
        result.get(sums);
      }
      to.put(sums, 0, rows * p.n());
    }
  }

  private static void multiply(
      Product p, int rows, FloatPointer left, FloatPointer right, FloatPointer to) {
    openblas.cblas_sgemm(
        ROW_MAJOR,
        p.transposeA() ? TRANSPOSED : PLAIN,
        p.transposeB() ? TRANSPOSED : PLAIN,
        rows,
        p.n(),
        p.k(),
        p.alpha(),
        left,
        p.transposeA() ? p.m() : p.k(),
        right,
        p.transposeB() ? p.k() : p.n(),
        p.beta(),
        to,
        p.n());
  }

  private static FloatPointer factor(Product product, long address, long count) {
    if (product.factors() == ElementType.F32) {
      return new Floats(address);
    }
    ByteBuffer halves = bytes(address, Math.toIntExact(count * Short.BYTES));
    float[] values = new float[Math.toIntExact(count)];
    for (int i = 0; i < values.length; i++) {
      values[i] = BFloat16.toFloat(halves.getShort(i * Short.BYTES));
    }
    return new FloatPointer(values);
  }

  @Override
  public Graph capture(Runnable work) {
    synchronized (PROCESSOR) {
      captured = new ArrayList<>();
      List<Runnable> all = captured;
      try {
        work.run();
      } finally {
        captured = null;
      }
      return new Graph() {
        private boolean isOpen = true;

        @Override
        public void run() {
          synchronized (PROCESSOR) {
            if (!isOpen) {
              throw new IllegalStateException("Cannot run a graph that was closed");
            }
            all.forEach(Runnable::run);
          }
        }

        @Override
        public void close() {
          isOpen = false;
        }
      };
    }
  }
}
