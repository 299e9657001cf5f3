package org.peftsweep.compute.cpu;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

/**
 * A fixed crew that shares the parts of a kernel; the calling thread is its worker 0.
 *
 * <p>Which worker takes which part does not reach results. Most kernels are cut by their shape
 * alone; products and strips of columns are cut by the number of threads too, which may change how
 * they round. With one thread all parts run in order on the caller, without any synchronisation.
 */
final class Workers implements AutoCloseable {
  /** Work on the elements or rows {@code from} to {@code to} of a kernel. */
  interface Part {
    void run(int worker, long from, long to);
  }

  /** Elements that are worth one hand-over between threads. */
  static final int GRAIN = 1 << 15;

  /** How long a worker looks for work before it sleeps: a few tens of microseconds. */
  private static final int SPINS = 2000;

  private static final class Job {
    final long size;
    final long grain;
    final int parts;
    final Part part;
    final AtomicInteger next = new AtomicInteger();
    final AtomicInteger done = new AtomicInteger();
    volatile Throwable failure;

    Job(long size, long grain, int parts, Part part) {
      this.size = size;
      this.grain = grain;
      this.parts = parts;
      this.part = part;
    }

    void work(int worker) {
      for (int i = next.getAndIncrement(); i < parts; i = next.getAndIncrement()) {
        try {
          if (failure == null) {
            part.run(worker, i * grain, Math.min(size, (i + 1) * grain));
          }
        } catch (Throwable thrown) {
          failure = thrown;
        } finally {
          done.incrementAndGet();
        }
      }
    }
  }

  private final class Crew extends Thread {
    final int worker;
    volatile boolean sleeping;

    Crew(int worker) {
      super("cpu-backend-" + worker);
      this.worker = worker;
      setDaemon(true);
    }

    @Override
    public void run() {
      Job last = null;
      int spins = 0;
      while (!closed) {
        Job current = job;
        if (current != last) {
          last = current;
          spins = 0;
          if (current != null) {
            current.work(worker);
          }
        } else if (spins++ < SPINS) {
          Thread.onSpinWait();
        } else {
          sleeping = true;
          if (job == last && !closed) {
            LockSupport.park(Workers.this);
          }
          sleeping = false;
          spins = 0;
        }
      }
    }
  }

  private final Crew[] crew;
  private volatile Job job;
  private volatile boolean closed;

  /**
   * The caller's part, read back so that the compiler does not know it: each kernel is compiled by
   * itself, as several in one method are too much for its inlining of vectors.
   */
  private volatile Part current;

  Workers(int threads) {
    crew = new Crew[threads - 1];
    for (int i = 0; i < crew.length; i++) {
      crew[i] = new Crew(i + 1);
      crew[i].start();
    }
  }

  /** Returns how many threads work, the caller included. */
  int count() {
    return crew.length + 1;
  }

  /** Runs rows of so many columns in parts of about {@link #GRAIN} elements. */
  void rows(int rows, int columns, Part part) {
    split(rows, Math.max(1, GRAIN / Math.max(1, columns)), part);
  }

  /** Runs all elements in parts of {@link #GRAIN}. */
  void elements(long size, Part part) {
    split(size, GRAIN, part);
  }

  /** Runs {@code size} units of work in parts of {@code grain}. */
  void split(long size, long grain, Part part) {
    int parts = Math.toIntExact((size + grain - 1) / grain);
    current = part;
    if (crew.length == 0 || parts < 2) {
      for (long from = 0; from < size; from += grain) {
        current.run(0, from, Math.min(size, from + grain));
      }
      return;
    }
    Job shared = new Job(size, grain, parts, current);
    job = shared;
    for (int i = 0; i < crew.length && i < parts - 1; i++) {
      if (crew[i].sleeping) {
        LockSupport.unpark(crew[i]);
      }
    }
    shared.work(0);
    for (int spins = 0; shared.done.get() < parts; spins++) {
      if (spins < SPINS) {
        Thread.onSpinWait();
      } else {
        Thread.yield();
      }
    }
    if (shared.failure != null) {
      throw new IllegalStateException("Cannot finish a kernel: " + shared.failure, shared.failure);
    }
  }

  @Override
  public void close() {
    closed = true;
    for (Crew member : crew) {
      LockSupport.unpark(member);
    }
  }
}
