package org.peftsweep.train;

import java.nio.IntBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.LongPredicate;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Memory;
import org.peftsweep.compute.Tensor;
import org.peftsweep.model.PrefixCache;

/**
 * Hidden states of one base's frozen layers, in memory that all trials over it read. It grows as
 * far as it may and then stays as it is, until somebody needs the memory more.
 *
 * <p>Safe for use by several threads.
 */
final class PrefixStore implements PrefixCache {
  private static final long CHUNK = 1 << 20;

  /** A chunk, filled from the start. */
  private static final class Chunk {
    private final Memory memory;
    private long used;

    Chunk(Memory memory) {
      this.memory = memory;
    }

    boolean hasRoom(long floats) {
      return used + floats <= memory.floats();
    }
  }

  private final Backend owner;
  private final LongPredicate room;
  private final Map<IntBuffer, Tensor> kept = new HashMap<>();
  private final List<Chunk> chunks = new ArrayList<>();
  private final ReentrantReadWriteLock lock = new ReentrantReadWriteLock();

  /**
   * @param owner of its memory, of the kind of those that read it; used under its lock alone
   * @param room takes so many bytes more, or tells that they are not there
   */
  PrefixStore(Backend owner, LongPredicate room) {
    this.owner = owner;
    this.room = room;
  }

  @Override
  public boolean read(Backend reader, IntBuffer key, Tensor states) {
    lock.readLock().lock();
    try {
      Tensor found = kept.get(key);
      if (found == null) {
        return false;
      }
      reader.copy(found, states);
      return true;
    } finally {
      lock.readLock().unlock();
    }
  }

  @Override
  public void keep(Backend writer, IntBuffer key, Tensor states) {
    if (!hasRoom(states.size()) && !grow(states.size())) {
      return;
    }
    lock.writeLock().lock();
    try {
      Chunk chunk = last();
      // Another thread may have been here in between.
      if (chunk != null && chunk.hasRoom(states.size()) && !kept.containsKey(key)) {
        Tensor copy = new Tensor(chunk.memory, chunk.used, states.shape());
        writer.copy(states, copy);
        chunk.used += states.size();
        kept.put(key, copy);
      }
    } finally {
      lock.writeLock().unlock();
    }
  }

  private boolean hasRoom(long floats) {
    lock.readLock().lock();
    try {
      Chunk chunk = last();
      return chunk != null && chunk.hasRoom(floats);
    } finally {
      lock.readLock().unlock();
    }
  }

  private boolean grow(long floats) {
    long size = Math.max(CHUNK, floats);
    // The budget may ask for all back while it is asked for more: no lock is held here.
    if (!room.test(Float.BYTES * size)) {
      return false;
    }
    lock.writeLock().lock();
    try {
      chunks.add(new Chunk(owner.allocate(size)));
      return true;
    } catch (OutOfMemoryError e) {
      // The machine has less than the budget says: what is kept is enough.
      return false;
    } finally {
      lock.writeLock().unlock();
    }
  }

  private Chunk last() {
    return chunks.isEmpty() ? null : chunks.get(chunks.size() - 1);
  }

  /**
   * Forgets all and frees its memory.
   *
   * @return how many bytes that was
   */
  long clear() {
    lock.writeLock().lock();
    try {
      long floats = chunks.stream().mapToLong(chunk -> chunk.memory.floats()).sum();
      kept.clear();
      chunks.forEach(chunk -> owner.free(chunk.memory));
      chunks.clear();
      return Float.BYTES * floats;
    } finally {
      lock.writeLock().unlock();
    }
  }
}
