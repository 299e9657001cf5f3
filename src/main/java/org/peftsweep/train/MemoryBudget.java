package org.peftsweep.train;

import java.lang.management.ManagementFactory;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import org.peftsweep.compute.Backend;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The memory that the trials of this process share, off the heap or on a device. A trial waits
 * until what it was predicted to hold is free, in the order in which trials came; one that can
 * never fit is refused.
 *
 * <p>Safe for use by several threads.
 */
public final class MemoryBudget {
  /** A trial that needs more than there is, even alone. */
  static final class TooLargeException extends RuntimeException {
    private static final long serialVersionUID = 1;

    TooLargeException(String message) {
      super(message);
    }
  }

  /**
   * What the passes of a pack hold: its lanes use the same memory for their activations in turn,
   * which goes back once none of them holds anything.
   */
  static final class Passes {
    private final int least;
    private final int most;

    /** Changed by the budget, read by the pack. */
    private volatile int rows;

    private final List<Footprint> lanes = new ArrayList<>();
    private long bytes;

    /**
     * @param least rows of several lanes that a pass has room for before lanes wait for memory
     * @param most that it has where there is memory for them
     */
    Passes(int least, int most) {
      this.least = least;
      this.most = Math.max(least, most);
      this.rows = this.most;
    }

    /** Those of packs on a backend. */
    static Passes of(Backend backend) {
      return new Passes(backend.passRows(), backend.mostPassRows());
    }

    /** Returns how many rows of several lanes a pass may have. */
    int rows() {
      return rows;
    }

    /**
     * Returns what is held with one lane more: all lanes in a pass, or as many as it takes.
     *
     * @param ofPass rows of a pass
     */
    private long with(Footprint more, int ofPass) {
      long all = more.passBytes();
      double largest = largest(more, ofPass);
      for (Footprint lane : lanes) {
        all += lane.passBytes();
        largest = Math.max(largest, largest(lane, ofPass));
      }
      return Math.max(bytes, (long) Math.min(all, largest));
    }

    /** Returns what a pass of one lane takes, or of lanes like it that have room in one. */
    private static double largest(Footprint lane, int ofPass) {
      return lane.passBytes() * Math.max(1, ofPass / (double) Math.max(1, lane.passRows()));
    }
  }

  /** What one trial holds of the budget. */
  interface Share extends AutoCloseable {
    @Override
    void close();
  }

  private static final Logger LOG = LoggerFactory.getLogger(MemoryBudget.class);

  /** Left to the JVM itself and to kernels' own small memory. */
  private static final long RESERVE = 512L << 20;

  private static final Footprint NOTHING = new Footprint(0, 0, 0, 0, 0, 0, 0);

  private static final String MACHINE = "machine";
  private static final Map<String, MemoryBudget> SHARED = new ConcurrentHashMap<>();

  private final long bytes;

  /** What is counted of a base, and of what products keep of it. */
  private final Map<Object, Footprint> bases = new HashMap<>();

  private final Queue<Object> waiting = new ArrayDeque<>();
  private final List<PrefixStore> caches = new ArrayList<>();
  private long baseBytes;
  private long trialBytes;
  private long cacheBytes;

  public MemoryBudget(long bytes) {
    this.bytes = bytes;
  }

  /**
   * Returns this process's budget of the memory that a backend allocates; the first to ask decides
   * how large it is.
   *
   * @param bytes 0 for what the device has, or the machine beside the heap
   */
  public static MemoryBudget shared(Backend backend, long bytes) {
    boolean isOfMachine = backend.memoryBytes().isEmpty();
    return SHARED.computeIfAbsent(
        isOfMachine ? MACHINE : backend.place(),
        missing ->
            new MemoryBudget(
                bytes > 0 ? bytes : backend.memoryBytes().orElseGet(MemoryBudget::machineBytes)));
  }

  /** Returns the machine's, or the container's, memory beside this JVM's heap. */
  private static long machineBytes() {
    var machine =
        ManagementFactory.getPlatformMXBean(com.sun.management.OperatingSystemMXBean.class);
    long physical = machine.getTotalMemorySize();
    return Math.max(physical / 2, physical - Runtime.getRuntime().maxMemory() - RESERVE);
  }

  /**
   * Waits until a trial's memory is free. The base's memory is counted once and stays.
   *
   * @param passes of the pack that it trains in
   * @throws TooLargeException if it can never be
   * @throws InterruptedException if interrupted; nothing is held then
   */
  synchronized Share admit(Footprint footprint, Object base, Passes passes)
      throws InterruptedException {
    Object turn = new Object();
    waiting.add(turn);
    try {
      boolean isLogged = false;
      while (waiting.peek() != turn || lacks(footprint, base, passes)) {
        if (!isLogged) {
          LOG.info("waiting for {} of {} bytes", footprint.heldBytes(), bytes);
          isLogged = true;
        }
        wait();
      }
      return take(footprint, base, passes);
    } finally {
      waiting.remove(turn);
      notifyAll();
    }
  }

  /**
   * Takes a trial's memory where it is free now and nobody waits.
   *
   * @throws TooLargeException if it can never be
   */
  synchronized Optional<Share> admitNow(Footprint footprint, Object base, Passes passes) {
    boolean isFree = waiting.isEmpty() && !lacks(footprint, base, passes);
    return isFree ? Optional.of(take(footprint, base, passes)) : Optional.empty();
  }

  /**
   * Whether a trial's memory is not free, not even what caches hold, nor with fewer rows in a pass.
   */
  private boolean lacks(Footprint footprint, Object base, Passes passes) {
    int rows = passes.rows;
    while (rows > passes.least
        && wanted(footprint, base, passes, rows) > freeBytes() + cacheBytes) {
      rows = Math.max(passes.least, rows / 2);
    }
    long wanted = wanted(footprint, base, passes, rows);
    if (wanted > freeBytes() && wanted <= freeBytes() + cacheBytes) {
      for (PrefixStore cache : caches) {
        cacheBytes -= cache.clear();
      }
    }
    boolean lacks = wanted > freeBytes();
    if (!lacks) {
      // Who comes next has no more either, so long as these lanes are there.
      passes.rows = rows;
    }
    return lacks;
  }

  /**
   * Makes a cache of hidden states that grows where memory is free, and gives it back where a trial
   * needs it.
   *
   * @param owner of its memory
   * @param mostBytes of all caches together
   */
  synchronized PrefixStore cache(Backend owner, long mostBytes) {
    PrefixStore cache = new PrefixStore(owner, more -> reserve(more, mostBytes));
    caches.add(cache);
    return cache;
  }

  private synchronized boolean reserve(long more, long mostBytes) {
    boolean isFree = waiting.isEmpty() && more <= freeBytes() && cacheBytes + more <= mostBytes;
    cacheBytes += isFree ? more : 0;
    return isFree;
  }

  private Share take(Footprint footprint, Object base, Passes passes) {
    baseBytes += baseWanted(footprint, base);
    bases.merge(base, footprint, MemoryBudget::both);
    long ofPasses = passes.with(footprint, passes.rows);
    long own = own(footprint, ofPasses - passes.bytes);
    trialBytes += own + ofPasses - passes.bytes;
    passes.bytes = ofPasses;
    passes.lanes.add(footprint);
    return () -> release(footprint, own, passes);
  }

  private long wanted(Footprint footprint, Object base, Passes passes, int rows) {
    long shared = baseWanted(footprint, base);
    // Alone it can wait for, as those leave that it would share passes with.
    if (footprint.heldBytes() + shared + baseBytes > bytes) {
      throw new TooLargeException(
          ("Cannot run in %d bytes: predicted are %d bytes of its own and %d of the base model"
                  + (footprint.packedBytes() == 0
                      ? ""
                      : " with what products keep of it, nothing in fp32 with blas = openblas")
                  + ", raise compute.memory-mebibytes or lower batch or max-tokens")
              .formatted(bytes, footprint.heldBytes(), shared(footprint)));
    }
    long ofPasses = passes.with(footprint, rows) - passes.bytes;
    return own(footprint, ofPasses) + ofPasses + shared;
  }

  /**
   * Returns what a trial takes besides more for passes, so that there is room for its start: it
   * comes before these, but the passes of other lanes hold their memory meanwhile.
   */
  private static long own(Footprint footprint, long forPasses) {
    return Math.max(footprint.ownBytes(), footprint.startBytes() - forPasses);
  }

  private long baseWanted(Footprint footprint, Object base) {
    Footprint counted = bases.getOrDefault(base, NOTHING);
    Footprint all = both(counted, footprint);
    return shared(all) - shared(counted);
  }

  private static Footprint both(Footprint a, Footprint b) {
    return new Footprint(
        0,
        0,
        0,
        0,
        0,
        Math.max(a.sharedBytes(), b.sharedBytes()),
        Math.max(a.packedBytes(), b.packedBytes()));
  }

  private static long shared(Footprint footprint) {
    return footprint.sharedBytes() + footprint.packedBytes();
  }

  private synchronized void release(Footprint footprint, long own, Passes passes) {
    trialBytes -= own;
    passes.lanes.remove(footprint);
    if (passes.lanes.isEmpty()) {
      trialBytes -= passes.bytes;
      passes.bytes = 0;
      passes.rows = passes.most;
    }
    notifyAll();
  }

  /** Returns the bytes that nobody holds. */
  synchronized long freeBytes() {
    return bytes - baseBytes - trialBytes - cacheBytes;
  }
}
