package org.peftsweep.compute.cuda;

import java.nio.IntBuffer;

/**
 * What kernels say of ids that no table has. It is looked at after each kernel by itself, and of
 * captured kernels when somebody waits for their results.
 */
final class IdReport {
  /** Whether there was one, which, and how many rows its table has. */
  private static final int INTS = 3;

  private final DeviceMemory memory;
  private final Device device;
  private final int[] found = new int[INTS];
  private boolean isCapturing;

  IdReport(Device device) {
    this.device = device;
    this.memory = new DeviceMemory(device, INTS);
  }

  long address() {
    return memory.address();
  }

  /** Says whether kernels are captured, so that there is nothing to look at. */
  void capturing(boolean is) {
    isCapturing = is;
  }

  /**
   * Waits for the kernels launched so far.
   *
   * @throws IllegalArgumentException if one of them met an id that its table has not
   */
  void check() {
    if (isCapturing) {
      return;
    }
    device.read(address(), INTS * Integer.BYTES, bytes -> bytes.asIntBuffer().get(found));
    if (found[0] != 0) {
      device.write(
          address(), INTS * Integer.BYTES, bytes -> bytes.asIntBuffer().put(IntBuffer.allocate(3)));
      throw new IllegalArgumentException(
          "Cannot take row " + found[1] + ": there are " + found[2] + " rows or classes");
    }
  }

  void free() {
    memory.free();
  }
}
