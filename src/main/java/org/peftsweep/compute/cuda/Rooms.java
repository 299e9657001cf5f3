package org.peftsweep.compute.cuda;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/** Memory of one backend for what lies between two kernels, which grows with what is asked for. */
final class Rooms implements AutoCloseable {
  /** What lies there, each in memory of its own. */
  enum Room {
    LEFT_FACTOR,
    FIRST_WRITTEN,
    SECOND_WRITTEN,
    THIRD_WRITTEN,
    RIGHT_FACTOR,
    PARTIAL_SUMS,
    NUMBERS
  }

  private final Device device;
  private final Map<Room, DeviceMemory> rooms = new EnumMap<>(Room.class);

  /** What captured kernels may still use. */
  private final List<DeviceMemory> outgrown = new ArrayList<>();

  Rooms(Device device) {
    this.device = device;
  }

  /** Returns the address of memory of any content, which stays until a larger one is asked for. */
  long at(Room room, long bytes) {
    long floats = (bytes + Float.BYTES - 1) / Float.BYTES;
    DeviceMemory memory = rooms.get(room);
    if (memory == null || memory.floats() < floats) {
      if (memory != null) {
        outgrown.add(memory);
      }
      long grown = memory == null ? floats : Math.max(floats, 2 * memory.floats());
      memory = new DeviceMemory(device, grown);
      rooms.put(room, memory);
    }
    return memory.address();
  }

  /** Returns how much memory {@link #at} has handed out last, 0 for none. */
  long bytes(Room room) {
    DeviceMemory memory = rooms.get(room);
    return memory == null ? 0 : Float.BYTES * memory.floats();
  }

  @Override
  public void close() {
    rooms.values().forEach(DeviceMemory::free);
    rooms.clear();
    outgrown.forEach(DeviceMemory::free);
    outgrown.clear();
  }
}
