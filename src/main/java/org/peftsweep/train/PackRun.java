package org.peftsweep.train;

import java.util.List;
import org.peftsweep.compute.Backend;
import org.peftsweep.spec.Trial;

/** Runs trials as lanes of one pack, each in the thread that asks for it. */
public final class PackRun implements AutoCloseable {
  private final String name;
  private final Library library;
  private final Pack pack;

  /**
   * Opens a pack.
   *
   * @param name for rows
   * @param backend computes the passes of all lanes; closed by the caller, after this
   */
  public PackRun(String name, int lanes, Library library, Backend backend) {
    this.name = name;
    this.library = library;
    this.pack = new Pack(backend, lanes);
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
            trial.training().precision(),
            trial.training().batch(),
            trial.training().maxTokens(),
            trial.training().pad())
        : null;
  }

  /**
   * Runs the trial of a lane as {@link TrialRun#run} does. One for which no memory is free joins
   * the others once there is some.
   *
   * @param backend for all of the trial but its passes
   * @throws StoppedException if it is interrupted before it began
   */
  public Outcome run(int lane, Trial trial, Backend backend, RunLimits limits, Progress progress) {
    Pack.Lane own = pack.lane(lane);
    TrialRun run = new TrialRun(library, backend);
    Outcome[] outcome = new Outcome[1];
    try {
      pack.work(own, () -> outcome[0] = run.run(trial, limits, progress, own));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new StoppedException("Stopped before it began");
    }
    return outcome[0].inPack(name, own.whole());
  }

  @Override
  public void close() {
    pack.close();
  }
}
