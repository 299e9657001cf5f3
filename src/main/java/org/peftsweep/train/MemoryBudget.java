package org.peftsweep.train;

import java.lang.management.ManagementFactory;
import java.util.ArrayDeque;
import java.util.HashSet;
import java.util.Queue;
import java.util.Set;
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

  /** A trial that may not wait, and for which no memory is free. */
  static final class NoRoomException extends RuntimeException {
    private static final long serialVersionUID = 1;

    NoRoomException() {
      super("No memory is free for it now");
    }
  }

  /** What one trial holds of the budget. */
  interface Share extends AutoCloseable {
    @Override
    void close();
  }

  private static final Logger LOG = LoggerFactory.getLogger(MemoryBudget.class);

  /** Left to the JVM itself and to kernels' own small memory. */
  private static final long RESERVE = 512L << 20;

  private static MemoryBudget shared;

  private final long bytes;
  private final Set<Object> bases = new HashSet<>();
  private final Queue<Object> waiting = new ArrayDeque<>();
  private long baseBytes;
  private long trialBytes;

  public MemoryBudget(long bytes) {
    this.bytes = bytes;
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
   * @throws InterruptedException if interrupted; nothing is held then
   */
  synchronized Share admit(Footprint footprint, Object base) throws InterruptedException {
    Object turn = new Object();
    waiting.add(turn);
    try {
      boolean isLogged = false;
      while (wanted(footprint, base) > freeBytes() || waiting.peek() != turn) {
        if (!isLogged) {
          LOG.info("waiting for {} of {} bytes", footprint.heldBytes(), bytes);
          isLogged = true;
        }
        wait();
      }
      take(footprint, base);
    } finally {
      waiting.remove(turn);
      notifyAll();
    }
    return () -> release(footprint.heldBytes());
  }

  /**
   * Takes a trial's memory where it is free now.
   *
   * @throws NoRoomException if it is not
   * @throws TooLargeException if it can never be
   */
  synchronized Share admitNow(Footprint footprint, Object base) {
    if (wanted(footprint, base) > freeBytes()) {
      throw new NoRoomException();
    }
    take(footprint, base);
    return () -> release(footprint.heldBytes());
  }

  private void take(Footprint footprint, Object base) {
    baseBytes += baseWanted(footprint, base);
    bases.add(base);
    trialBytes += footprint.heldBytes();
  }

  private long wanted(Footprint footprint, Object base) {
    long wanted = footprint.heldBytes() + baseWanted(footprint, base);
    if (wanted + baseBytes > bytes) {
      throw new TooLargeException(
          ("Cannot run in %d bytes: predicted are %d bytes of its own and %d of the base model,"
                  + " raise compute.memory-mebibytes or lower batch or max-tokens")
              .formatted(bytes, footprint.heldBytes(), footprint.sharedBytes()));
    }
    return wanted;
  }

  private long baseWanted(Footprint footprint, Object base) {
    return bases.contains(base) ? 0 : footprint.sharedBytes();
  }

  private synchronized void release(long held) {
    trialBytes -= held;
    notifyAll();
  }

  /** Returns the bytes that nobody holds. */
  synchronized long freeBytes() {
    return bytes - baseBytes - trialBytes;
  }
}
