package org.peftsweep.compute;

import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;

/**
 * What was allocated through one backend and is not free yet: whoever fails half-way, as for want
 * of memory, leaves nothing behind once its backend is closed.
 */
public final class Allocations {
  private final Set<Memory> live = Collections.newSetFromMap(new IdentityHashMap<>());
  private long held;
  private long peak;

  /** Takes note of new memory. */
  public <M extends Memory> M add(M memory) {
    live.add(memory);
    held += memory.floats();
    peak = Math.max(peak, held);
    return memory;
  }

  /** Forgets memory that is about to be freed. */
  public void remove(Memory memory) {
    if (live.remove(memory)) {
      held -= memory.floats();
    }
  }

  /** Frees all that is left. */
  public void freeAll(Consumer<Memory> free) {
    List<Memory> left = new ArrayList<>(live);
    live.clear();
    held = 0;
    left.forEach(free);
  }

  /** Returns what is allocated now, in bytes. */
  public long heldBytes() {
    return Float.BYTES * held;
  }

  /** Returns the most that was allocated at once, in bytes. */
  public long peakBytes() {
    return Float.BYTES * peak;
  }
}
