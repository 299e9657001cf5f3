package org.peftsweep.bench;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;

/** What this process uses of memory and processors, from Linux and the JVM. */
final class ProcessUse {
  private static final com.sun.management.ThreadMXBean THREADS =
      (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();

  private static final com.sun.management.OperatingSystemMXBean SYSTEM =
      (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

  private ProcessUse() {}

  /** Returns the resident memory, in bytes. */
  static long resident() {
    return status("VmRSS:");
  }

  /** Returns the most that was resident since {@link #forgetPeak}, in bytes. */
  static long peak() {
    return status("VmHWM:");
  }

  /** Begins a new peak. */
  static void forgetPeak() {
    System.gc();
    try {
      Files.writeString(Path.of("/proc/self/clear_refs"), "5");
    } catch (IOException e) {
      System.err.println("Cannot reset the memory's peak: it is since the start of the process");
    }
  }

  /** Returns the bytes that all living threads have allocated on the heap so far. */
  static long allocatedOnHeap() {
    long sum = 0;
    for (long bytes : THREADS.getThreadAllocatedBytes(THREADS.getAllThreadIds())) {
      sum += Math.max(0, bytes);
    }
    return sum;
  }

  /** Returns the processor time of all threads so far, in nanoseconds. */
  static long processorNanos() {
    return SYSTEM.getProcessCpuTime();
  }

  private static long status(String key) {
    try {
      return Files.readAllLines(Path.of("/proc/self/status")).stream()
          .filter(line -> line.startsWith(key))
          .mapToLong(line -> 1024 * Long.parseLong(line.replaceAll("[^0-9]", "")))
          .findFirst()
          .orElse(-1);
    } catch (IOException e) {
      return -1;
    }
  }
}
