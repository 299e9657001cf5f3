package org.peftsweep.compute.cuda;

import static org.bytedeco.cuda.global.cudart.*;
import static org.peftsweep.compute.cuda.CudaErrors.check;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Consumer;
import org.bytedeco.cuda.cudart.CUctx_st;
import org.bytedeco.cuda.cudart.CUfunc_st;
import org.bytedeco.cuda.cudart.CUgraphExec_st;
import org.bytedeco.cuda.cudart.CUgraph_st;
import org.bytedeco.cuda.cudart.CUmod_st;
import org.bytedeco.cuda.cudart.CUstream_st;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerPointer;
import org.bytedeco.javacpp.SizeTPointer;
import org.peftsweep.compute.ElementType;
import org.peftsweep.compute.GpuReading;

/**
 * A GPU through CUDA's driver: one stream, in which all threads of the process queue up, so that
 * what one of them writes is there when another reads it.
 */
final class CudaDevice implements Device {
  /** A compute capability that has BF16 and TF32. */
  private static final int AMPERE = 80;

  /** Pinned memory of the host that copies to the device pass through. */
  private static final int RING_BYTES = 4 * MOST_AT_ONCE;

  private static final int ALIGNMENT = 256;

  /** Left to the driver, to graphs, and to what lies between two kernels. */
  private static final long RESERVE = 256L << 20;

  private static final int RESERVED_PART = 32;

  /** Whose context each thread has. */
  private static final ThreadLocal<CudaDevice> BOUND = new ThreadLocal<>();

  private record Function(CUfunc_st function, String name) implements Kernel {}

  private final String address;

  /** Held as long as the process lives; null where another process has it. */
  private final FileLock claim;

  private final String name;
  private final int capability;
  private final CUctx_st context = new CUctx_st();
  private final CUstream_st stream = new CUstream_st();
  private final KernelCompiler compiler;
  private final Map<String, CUmod_st> modules = new HashMap<>();
  private final MatrixPlans products;

  /** Arguments of a launch, which the driver copies. */
  private final LongPointer slots = new LongPointer(Launcher.MOST_SLOTS);

  private final PointerPointer<Pointer> parameters = new PointerPointer<>(Launcher.MOST_SLOTS);

  private final Pointer ring;
  private final ByteBuffer ringBytes;
  private final Pointer arrivals;
  private final ByteBuffer arrivedBytes;
  private final Management management;
  private final long memoryBytes;
  private int ringPosition;
  private boolean isCapturing;

  /**
   * Opens a device.
   *
   * @param address by which the machine knows it
   * @param ordinal by which CUDA knows it
   * @param identifier by which all processes know it
   * @param bus its place on the bus
   */
  CudaDevice(String address, int ordinal, String identifier, String bus) {
    this.management = Management.open(bus);
    this.address = address;
    this.claim = claim(identifier);
    int[] handle = new int[1];
    check(cuDeviceGet(handle, ordinal), what("find"));
    this.name = nameOf(handle[0]);
    this.capability = capabilityOf(handle[0]);
    check(cuDevicePrimaryCtxRetain(context, handle[0]), what("open"));
    bind();
    check(cuStreamCreate(stream, CU_STREAM_NON_BLOCKING), what("open a stream on"));
    this.compiler = new KernelCompiler(capability);
    this.ring = pinned(RING_BYTES);
    this.ringBytes = new BytePointer(ring).capacity(RING_BYTES).asByteBuffer();
    this.arrivals = pinned(MOST_AT_ONCE);
    this.arrivedBytes = new BytePointer(arrivals).capacity(MOST_AT_ONCE).asByteBuffer();
    ringBytes.order(ByteOrder.nativeOrder());
    arrivedBytes.order(ByteOrder.nativeOrder());
    for (int i = 0; i < Launcher.MOST_SLOTS; i++) {
      parameters.put(i, new Slot(slots.address() + (long) i * Long.BYTES));
    }
    this.products = new MatrixPlans(stream, this::allocate);
    this.memoryBytes = usable();
  }

  /** Claims a device for this process; null where another process has it. */
  private static FileLock claim(String identifier) {
    Path file = Path.of(System.getProperty("java.io.tmpdir"), "peft-sweep-" + identifier + ".lock");
    try {
      return FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE).tryLock();
    } catch (IOException | OverlappingFileLockException e) {
      // Another account's file: that account computes on it, or did.
      return null;
    }
  }

  /** A place of the host. */
  private static final class Slot extends Pointer {
    Slot(long place) {
      address = place;
    }
  }

  static String nameOf(int handle) {
    byte[] bytes = new byte[256];
    check(cuDeviceGetName(bytes, bytes.length, handle), "name a GPU");
    return new String(bytes, StandardCharsets.UTF_8).replace("\0", "").strip();
  }

  /** Returns a compute capability, such as 90 for 9.0. */
  static int capabilityOf(int handle) {
    int[] major = new int[1];
    int[] minor = new int[1];
    check(
        cuDeviceGetAttribute(major, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, handle),
        "look at a GPU");
    check(
        cuDeviceGetAttribute(minor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, handle),
        "look at a GPU");
    return 10 * major[0] + minor[0];
  }

  private String what(String doing) {
    return doing + " GPU " + address;
  }

  private Pointer pinned(int bytes) {
    Pointer memory = new Pointer((Pointer) null);
    check(cuMemAllocHost(memory, bytes), what("pin memory of the host for"));
    return memory;
  }

  /** Makes this device that of the calling thread. */
  private void bind() {
    if (BOUND.get() != this) {
      check(cuCtxSetCurrent(context), what("use"));
      BOUND.set(this);
    }
  }

  @Override
  public String name() {
    return name + " (sm_" + capability + ")";
  }

  @Override
  public boolean multipliesIn(ElementType factors) {
    return switch (factors) {
      case F32 -> true;
      case TF32, BF16 -> capability >= AMPERE;
      default -> false;
    };
  }

  @Override
  public synchronized long allocate(long bytes) {
    bind();
    requireNoCapture();
    long[] place = new long[1];
    check(cuMemAlloc(place, bytes), "allocate " + bytes + " bytes on GPU " + address);
    check(cuMemsetD8Async(place[0], (byte) 0, bytes, stream), what("clear memory of"));
    return place[0];
  }

  @Override
  public synchronized void free(long place) {
    bind();
    await();
    check(cuMemFree(place), what("free memory of"));
  }

  @Override
  public GpuReading reading() {
    return new GpuReading(
        management.driver(),
        compiler.version(),
        management.clockMegahertz(),
        management.energyJoules());
  }

  @Override
  public boolean isAlone() {
    return claim != null;
  }

  @Override
  public long memoryBytes() {
    return memoryBytes;
  }

  /** Returns what nobody uses now, but what kernels and graphs take of their own. */
  private long usable() {
    try (SizeTPointer free = new SizeTPointer(1);
        SizeTPointer all = new SizeTPointer(1)) {
      check(cuMemGetInfo(free, all), what("look at the memory of"));
      return Math.max(0, free.get() - RESERVE - all.get() / RESERVED_PART);
    }
  }

  private void requireNoCapture() {
    if (isCapturing) {
      throw new IllegalStateException("Cannot wait or allocate while kernels are captured");
    }
  }

  private void await() {
    requireNoCapture();
    check(cuStreamSynchronize(stream), what("wait for"));
  }

  @Override
  public synchronized void write(long to, int bytes, Consumer<ByteBuffer> fill) {
    bind();
    requireNoCapture();
    if (ringPosition + bytes > RING_BYTES) {
      // What is further ahead may still be on its way to the device.
      await();
      ringPosition = 0;
    }
    fill.accept(ringBytes.slice(ringPosition, bytes).order(ByteOrder.nativeOrder()));
    Slot source = new Slot(ring.address() + ringPosition);
    check(cuMemcpyHtoDAsync(to, source, bytes, stream), what("copy to"));
    ringPosition += (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  }

  @Override
  public synchronized void read(long from, int bytes, Consumer<ByteBuffer> use) {
    bind();
    requireNoCapture();
    check(cuMemcpyDtoHAsync(arrivals, from, bytes, stream), what("copy from"));
    await();
    use.accept(arrivedBytes.slice(0, bytes).order(ByteOrder.nativeOrder()));
  }

  @Override
  public synchronized Kernel kernel(String family, String kernel) {
    bind();
    CUmod_st module = modules.computeIfAbsent(family, this::load);
    CUfunc_st function = new CUfunc_st();
    check(
        cuModuleGetFunction(function, module, kernel),
        "find the kernel " + kernel + " of " + family);
    return new Function(function, kernel);
  }

  private CUmod_st load(String family) {
    CUmod_st module = new CUmod_st();
    try (BytePointer code = new BytePointer(compiler.compiled(family))) {
      check(cuModuleLoadData(module, code), "load the kernels of " + family);
    }
    return module;
  }

  @Override
  public synchronized void launch(
      Kernel kernel, Grid grid, long[] values, int used, int parameterCount) {
    bind();
    Function found = (Function) kernel;
    slots.put(values, 0, used);
    check(
        cuLaunchKernel(
            found.function(),
            grid.x(),
            grid.y(),
            grid.z(),
            grid.threads(),
            1,
            1,
            0,
            stream,
            parameters,
            (PointerPointer<Pointer>) null),
        "run the kernel " + found.name() + " on GPU " + address);
  }

  @Override
  public synchronized void multiply(Product product, long a, long b, long bias, long c) {
    bind();
    products.multiply(product, a, b, bias, c);
  }

  @Override
  public synchronized Graph capture(Runnable work) {
    bind();
    check(
        cuStreamBeginCapture(stream, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL),
        what("capture kernels on"));
    isCapturing = true;
    CUgraph_st graph = new CUgraph_st();
    boolean isWhole = false;
    try {
      work.run();
      isWhole = true;
    } finally {
      isCapturing = false;
      int ended = cuStreamEndCapture(stream, graph);
      if (isWhole) {
        check(ended, what("capture kernels on"));
      }
    }
    CUgraphExec_st executable = new CUgraphExec_st();
    check(cuGraphInstantiate(executable, graph, 0L), what("make a graph for"));
    return new CapturedGraph(graph, executable);
  }

  private final class CapturedGraph implements Graph {
    private final CUgraph_st graph;
    private final CUgraphExec_st executable;

    CapturedGraph(CUgraph_st graph, CUgraphExec_st executable) {
      this.graph = graph;
      this.executable = executable;
    }

    @Override
    public void run() {
      synchronized (CudaDevice.this) {
        bind();
        check(cuGraphLaunch(executable, stream), what("run a graph on"));
      }
    }

    @Override
    public void close() {
      synchronized (CudaDevice.this) {
        bind();
        await();
        check(cuGraphExecDestroy(executable), what("free a graph of"));
        check(cuGraphDestroy(graph), what("free a graph of"));
      }
    }
  }
}
