package org.peftsweep.train;

import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.peftsweep.compute.Backend;
import org.peftsweep.spec.Trial;

/** Runs trials as lanes of one pack, each in the thread that asks for it. */
public final class PackRun implements AutoCloseable {
  /** Rows of one pass, unless a single lane has more. */
  public static final int MOST_ROWS = Pack.MOST_ROWS;

  private final String name;
  private final Library library;
  private final Pack pack;
  private final CountDownLatch others;

  /**
   * Opens a pack.
   *
   * @param name for rows
   * @param passes computes the passes of all lanes; closed by the caller, after this
   * @param threads of that backend
   */
  public PackRun(String name, int lanes, Library library, Backend passes, int threads) {
    this.name = name;
    this.library = library;
    this.pack = new Pack(passes, lanes, threads);
    this.others = new CountDownLatch(lanes);
  }

  /**
   * Returns what trials must have in common to train in one pack; null for one that trains alone:
   * it draws its base from its seed, changes it, or starts from an adapter that may have.
   */
  public static Object base(Trial trial) {
    boolean isShared =
        !trial.model().randomInit()
            && trial.model().adapter().isNone()
            && trial.method().sharesBase();
    return isShared
        ? List.of(
            Library.baseKey(trial.model(), ""),
            trial.task().withContentHash(""),
            trial.phase(),
            trial.training().batch(),
            trial.training().maxTokens(),
            trial.training().pad())
        : null;
  }

  /**
   * Runs the trial of a lane as {@link TrialRun#run} does. One for which no memory is free now runs
   * alone after the others: a lane that waited would wait for those that wait for its pass.
   *
   * @param backend for all of the trial but its passes
   */
  public Outcome run(int lane, Trial trial, Backend backend, RunLimits limits, Progress progress) {
    TrialRun run = new TrialRun(library, backend);
    Outcome[] outcome = new Outcome[1];
    boolean isTogether = false;
    try (Pack.Lane own = pack.lane(lane)) {
      pack.work(() -> outcome[0] = run.run(trial, limits, progress, own, false));
      isTogether = true;
    } catch (MemoryBudget.NoRoomException e) {
      // Alone, it may wait.
    } finally {
      others.countDown();
    }
    if (isTogether) {
      return outcome[0].inPack(name, pack.lane(lane).whole());
    }
    awaitOthers();
    pack.work(() -> outcome[0] = run.run(trial, limits, progress));
    return outcome[0];
  }

  private void awaitOthers() {
    try {
      others.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new StoppedException("Stopped while it waited for memory");
    }
  }

  @Override
  public void close() {
    pack.close();
  }
}
