package org.peftsweep.compute.cuda;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.peftsweep.compute.ElementType;
import org.peftsweep.compute.GpuReading;

/**
 * A device that computes nothing, in no time: what is left is what the host has to do for it, the
 * driver's part aside.
 */
final class IdleDevice implements Device {
  private record Named(String name) implements Kernel {}

  private final Map<Long, Long> allocations = new HashMap<>();
  private final ByteBuffer bytes =
      ByteBuffer.allocateDirect(MOST_AT_ONCE).order(ByteOrder.nativeOrder());
  private long next = 1 << 10;
  private long calls;
  private Map<String, Integer> counts = new TreeMap<>();
  private Map<String, Integer> nodes = Map.of();

  /**
   * Returns how often the largest graph that was captured since this was asked last runs each
   * kernel, and products: of a pack, that of most lanes.
   */
  synchronized Map<String, Integer> nodes() {
    Map<String, Integer> largest = nodes;
    nodes = Map.of();
    return largest;
  }

  private static int sum(Map<String, Integer> counts) {
    return counts.values().stream().mapToInt(Integer::intValue).sum();
  }

  /** Returns how often a driver would have been called. */
  long calls() {
    return calls;
  }

  @Override
  public String name() {
    return "idle GPU";
  }

  @Override
  public GpuReading reading() {
    return new GpuReading("0", "0", null, null);
  }

  @Override
  public boolean isAlone() {
    return true;
  }

  @Override
  public long memoryBytes() {
    return 1L << 36;
  }

  @Override
  public boolean multipliesIn(ElementType factors) {
    return true;
  }

  @Override
  public synchronized long allocate(long count) {
    long address = next;
    next += (count + 255) / 256 * 256;
    allocations.put(address, count);
    return address;
  }

  @Override
  public synchronized void free(long address) {
    allocations.remove(address);
  }

  @Override
  public synchronized void write(long to, int count, Consumer<ByteBuffer> fill) {
    calls++;
    fill.accept(bytes.slice(0, count).order(ByteOrder.nativeOrder()));
  }

  /** Hands out zeros. */
  @Override
  public synchronized void read(long from, int count, Consumer<ByteBuffer> use) {
    calls++;
    use.accept(ByteBuffer.allocate(count).order(ByteOrder.nativeOrder()));
  }

  @Override
  public Kernel kernel(String family, String name) {
    return new Named(name);
  }

  @Override
  public synchronized void launch(Kernel kernel, Grid grid, long[] slots, int used, int count) {
    calls++;
    counts.merge(((Named) kernel).name(), 1, Integer::sum);
  }

  @Override
  public synchronized void multiply(Product product, long a, long b, long bias, long c) {
    calls++;
    counts.merge("product", 1, Integer::sum);
  }

  @Override
  public synchronized Graph capture(Runnable work) {
    counts = new TreeMap<>();
    work.run();
    nodes = sum(counts) > sum(nodes) ? new TreeMap<>(counts) : nodes;
    return new Graph() {
      @Override
      public void run() {
        synchronized (IdleDevice.this) {
          calls++;
        }
      }

      @Override
      public void close() {}
    };
  }
}
