package org.peftsweep.compute.cuda;

import org.peftsweep.compute.ElementType;
import org.peftsweep.compute.Memory;
import org.peftsweep.compute.Tensor;

/** Memory of a device. */
final class DeviceMemory implements Memory {
  private final Device device;
  private final long floats;
  private final long address;
  private boolean isLive = true;

  DeviceMemory(Device device, long floats) {
    this.device = device;
    this.floats = floats;
    this.address = device.allocate(Math.max(1, floats) * Float.BYTES);
  }

  @Override
  public long floats() {
    return floats;
  }

  @Override
  public boolean isLive() {
    return isLive;
  }

  /** Returns where it starts. */
  long address() {
    return address;
  }

  void free() {
    if (isLive) {
      isLive = false;
      device.free(address);
    }
  }

  /** Returns the address of a tensor's first element, 0 for null. */
  static long address(Device device, Tensor tensor, ElementType type) {
    if (tensor == null) {
      return 0;
    }
    if (tensor.type() != type) {
      throw new IllegalArgumentException(
          "Cannot read " + tensor + " as " + type + ": copy it to a tensor of that type first");
    }
    return address(device, tensor);
  }

  /** Returns the address of a tensor's first element, of whatever type. */
  static long address(Device device, Tensor tensor) {
    if (!(tensor.memory() instanceof DeviceMemory memory) || memory.device != device) {
      throw new IllegalArgumentException(
          "Cannot read "
              + tensor
              + " in "
              + tensor.memory().getClass().getSimpleName()
              + ": the cuda backend needs memory of its own device");
    }
    if (!memory.isLive) {
      throw new IllegalStateException("Cannot use memory that was freed");
    }
    return memory.address + tensor.type().bytes(2) / 2 * tensor.offset();
  }
}
