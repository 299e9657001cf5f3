package org.peftsweep.compute.cpu;

import java.util.concurrent.atomic.AtomicLong;
import org.bytedeco.javacpp.Pointer;

/**
 * The off-heap memory of this process, held to JavaCPP's limits {@code
 * org.bytedeco.javacpp.maxBytes} and {@code maxPhysicalBytes} where they are set: JavaCPP itself
 * looks at neither for memory that is handed out zeroed. Unset they mean nothing here, since
 * JavaCPP then takes the heap's size.
 */
final class OffHeap {
  private static final long MOST = limit("maxBytes", Pointer.maxBytes());
  private static final long MOST_PHYSICAL = limit("maxPhysicalBytes", Pointer.maxPhysicalBytes());
  private static final AtomicLong HELD = new AtomicLong();

  private OffHeap() {}

  /**
   * Counts memory that is about to be allocated.
   *
   * @throws OutOfMemoryError if a limit does not allow it
   */
  static void take(long bytes) {
    long held = HELD.addAndGet(bytes);
    String refusal = null;
    if (held + Pointer.totalBytes() > MOST) {
      refusal = held - bytes + " of the " + MOST + " of JavaCPP's maxBytes are in use";
    } else if (MOST_PHYSICAL < Long.MAX_VALUE && Pointer.physicalBytes() + bytes > MOST_PHYSICAL) {
      refusal = "the process is near the " + MOST_PHYSICAL + " of JavaCPP's maxPhysicalBytes";
    }
    if (refusal != null) {
      giveBack(bytes);
      throw refusal(bytes, refusal);
    }
  }

  static void giveBack(long bytes) {
    HELD.addAndGet(-bytes);
  }

  static OutOfMemoryError refusal(long bytes, String reason) {
    return new OutOfMemoryError("Cannot allocate " + bytes + " bytes outside the heap: " + reason);
  }

  private static long limit(String name, long value) {
    boolean isSet = System.getProperty("org.bytedeco.javacpp." + name) != null;
    return isSet && value > 0 ? value : Long.MAX_VALUE;
  }
}
