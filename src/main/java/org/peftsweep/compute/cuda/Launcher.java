package org.peftsweep.compute.cuda;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import org.peftsweep.compute.ElementType;
import org.peftsweep.compute.Tensor;

/** Gives a device what one backend has to do, with memory for what lies between two kernels. */
final class Launcher implements AutoCloseable {
  /** Slots of arguments that all devices take, 4 KB. */
  static final int MOST_SLOTS = 512;

  private final Device device;
  private final Map<String, Device.Kernel> kernels = new HashMap<>();
  private final Rooms rooms;
  private final RoundedFactors rounded;
  private final long[] slots = new long[MOST_SLOTS];
  private Runnable first = () -> {};
  private Device.Kernel kernel;
  private int used;
  private int parameters;

  Launcher(Device device) {
    this.device = device;
    this.rooms = new Rooms(device);
    this.rounded = new RoundedFactors(device, rooms);
  }

  Device device() {
    return device;
  }

  /** Returns what lies rounded beside the floats that launches write. */
  RoundedFactors rounded() {
    return rounded;
  }

  /** Says that something else than these launches changed memory, or will. */
  void changed() {
    rounded.clear();
  }

  /** Returns what lies between two kernels. */
  Rooms rooms() {
    return rooms;
  }

  /** Says what comes before each call, if it waits. */
  void first(Runnable waiting) {
    first = waiting;
  }

  /** Begins a call; what follows are its arguments in order. */
  Launcher call(String family, String name) {
    first.run();
    return begin(family, name);
  }

  /** The same for a call that may come before what waits, or wait itself. */
  Launcher begin(String family, String name) {
    kernel = kernels.computeIfAbsent(name, missing -> device.kernel(family, missing));
    used = 0;
    parameters = 0;
    return this;
  }

  Launcher floats(Tensor tensor) {
    return address(DeviceMemory.address(device, tensor, ElementType.F32));
  }

  Launcher halves(Tensor tensor) {
    return address(DeviceMemory.address(device, tensor, ElementType.BF16));
  }

  Launcher ints(Tensor tensor) {
    return address(DeviceMemory.address(device, tensor, ElementType.I32));
  }

  Launcher seed(Tensor tensor) {
    return address(DeviceMemory.address(device, tensor, ElementType.I64));
  }

  Launcher doubles(Tensor tensor) {
    return address(DeviceMemory.address(device, tensor, ElementType.F64));
  }

  Launcher address(long address) {
    parameters++;
    slots[used++] = address;
    return this;
  }

  Launcher value(long value) {
    return address(value);
  }

  /** A 32-bit number, whose upper half no kernel reads. */
  Launcher value(int value) {
    return address(value);
  }

  Launcher value(float value) {
    return value(Float.floatToRawIntBits(value));
  }

  Launcher value(double value) {
    return value(Double.doubleToRawLongBits(value));
  }

  /** The last argument: a structure of 64-bit members. */
  Launcher structure(long... members) {
    parameters++;
    System.arraycopy(members, 0, slots, used, members.length);
    used += members.length;
    return this;
  }

  /** The last argument: a structure of 64-bit members, and 32-bit ones after them. */
  Launcher structure(long[] members, int... more) {
    structure(members);
    for (int i = 0; i < more.length; i += 2) {
      long high = i + 1 < more.length ? more[i + 1] : 0;
      slots[used++] = Integer.toUnsignedLong(more[i]) | high << Integer.SIZE;
    }
    return this;
  }

  /** Returns what runs the call, which may be later and only once; it says itself what changes. */
  Runnable held(Grid grid) {
    Device.Kernel own = kernel;
    long[] values = Arrays.copyOf(slots, used);
    int count = parameters;
    return () -> device.launch(own, grid, values, values.length, count);
  }

  /** Runs a call that may write to any memory. */
  void run(Grid grid) {
    rounded.clear();
    launch(grid);
  }

  /**
   * Runs a call that writes to no other floats than those of tensors, null for none, and those that
   * {@link RoundedFactors#alsoTo} was asked for.
   */
  void runWriting(Grid grid, Tensor... written) {
    for (Tensor each : written) {
      if (each != null) {
        long from = DeviceMemory.address(device, each, ElementType.F32);
        rounded.overwritten(from, from + each.size() * Float.BYTES);
      }
    }
    launch(grid);
  }

  private void launch(Grid grid) {
    if (grid.x() > 0) {
      device.launch(kernel, grid, slots, used, parameters);
    }
  }

  @Override
  public void close() {
    rooms.close();
  }
}
