package org.peftsweep.compute.cpu;

/** Each worker's own memory for intermediate results, kept from call to call. */
final class Scratch implements AutoCloseable {
  private final HostMemory[] memories;

  Scratch(int workers) {
    memories = new HostMemory[workers];
  }

  int workers() {
    return memories.length;
  }

  /**
   * Returns at least so many floats of any content, the same memory at every call if it is enough.
   */
  HostMemory of(int worker, long floats) {
    HostMemory memory = memories[worker];
    if (memory == null || memory.floats() < floats) {
      if (memory != null) {
        memory.free();
      }
      memory = new HostMemory(floats);
      memories[worker] = memory;
    }
    return memory;
  }

  @Override
  public void close() {
    for (int i = 0; i < memories.length; i++) {
      if (memories[i] != null) {
        memories[i].free();
        memories[i] = null;
      }
    }
  }
}
