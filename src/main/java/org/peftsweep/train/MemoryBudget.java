package org.peftsweep.train;

import java.lang.management.ManagementFactory;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.Semaphore;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The off-heap memory that the trials of this process share. A trial waits until what it was
 * predicted to hold is free, in the order in which trials came; one that can never fit is refused.
 *
 * <p>Safe for use by several threads.
 */
public final class MemoryBudget {
  /** A trial that needs more than there is, even alone. */
  static final class TooLargeException extends RuntimeException {
    private static final long serialVersionUID = 1;

    TooLargeException(String message) {
      super(message);
    }
  }

  /** What one trial holds of the budget. */
  interface Share extends AutoCloseable {
    @Override
    void close();
  }

  private static final Logger LOG = LoggerFactory.getLogger(MemoryBudget.class);

  /** Bytes are counted in units of 64 KB. */
  private static final int UNIT_BITS = 16;

  /** Left to the JVM itself and to kernels' own small memory. */
  private static final long RESERVE = 512L << 20;

  private static MemoryBudget shared;

  private final long bytes;
  private final Semaphore free;
  private final Set<Object> bases = new HashSet<>();
  private long baseBytes;

  public MemoryBudget(long bytes) {
    this.bytes = bytes;
    this.free = new Semaphore(units(bytes), true);
  }

  /**
   * Returns this process's budget; the first to ask decides how large it is.
   *
   * @param bytes 0 for what the machine has beside the heap
   */
  public static synchronized MemoryBudget shared(long bytes) {
    if (shared == null) {
      shared = new MemoryBudget(bytes > 0 ? bytes : machineBytes());
    }
    return shared;
  }

  /** Returns the machine's, or the container's, memory beside this JVM's heap. */
  private static long machineBytes() {
    var machine =
        ManagementFactory.getPlatformMXBean(com.sun.management.OperatingSystemMXBean.class);
    long physical = machine.getTotalMemorySize();
    return Math.max(physical / 2, physical - Runtime.getRuntime().maxMemory() - RESERVE);
  }

  /**
   * Waits until a trial's memory is free. The base's memory is counted once and stays.
   *
   * @throws TooLargeException if it can never be
   */
  Share admit(Footprint footprint, Object base) throws InterruptedException {
    int units = units(footprint.heldBytes());
    holdBase(footprint, base);
    if (free.availablePermits() < units) {
      LOG.info("waiting for {} of {} bytes", footprint.heldBytes(), bytes);
    }
    free.acquire(units);
    return () -> free.release(units);
  }

  private void holdBase(Footprint footprint, Object base) throws InterruptedException {
    int units = 0;
    synchronized (this) {
      long more = bases.contains(base) ? 0 : footprint.sharedBytes();
      if (footprint.heldBytes() + more + baseBytes > bytes) {
        throw new TooLargeException(
            ("Cannot run in %d bytes: predicted are %d bytes of its own and %d of the base model,"
                    + " raise compute.memory-mebibytes or lower batch or max-tokens")
                .formatted(bytes, footprint.heldBytes(), footprint.sharedBytes()));
      }
      if (bases.add(base)) {
        units = units(more);
        baseBytes += more;
      }
    }
    free.acquire(units);
  }

  /** Returns the bytes that nobody holds. */
  long freeBytes() {
    return (long) free.availablePermits() << UNIT_BITS;
  }

  private static int units(long bytes) {
    return Math.toIntExact(Math.min(Integer.MAX_VALUE, (bytes >> UNIT_BITS) + 1));
  }
}
