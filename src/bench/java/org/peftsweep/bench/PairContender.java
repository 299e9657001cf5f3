package org.peftsweep.bench;

import org.peftsweep.compute.Backends;
import org.peftsweep.compute.ElementType;

/**
 * Two trials beside each other in one process, as in an executor with two cores; each has the
 * workload's threads. One step is one step of both.
 */
final class PairContender implements Contender {
  private static final int AT_ONCE = 16;

  private final EngineContender first;
  private final EngineContender second;

  PairContender(Workload workload) {
    first = EngineContender.warm("cpu", ElementType.F32, ElementType.F32, workload);
    second = new EngineContender(
            Backends.open("cpu", workload.threads()), ElementType.F32, workload);
  }

  @Override
  public int stepsAtOnce() {
    return AT_ONCE;
  }

  @Override
  public void step() {
    Thread other = new Thread(() -> steps(second));
    other.start();
    steps(first);
    try {
      other.join();
    } catch (InterruptedException e) {
      throw new IllegalStateException("Cannot measure a pair: interrupted", e);
    }
  }

  private static void steps(EngineContender trial) {
    for (int i = 0; i < AT_ONCE; i++) {
      trial.step();
    }
  }

  @Override
  public double loss() {
    // Its calls are several steps: there is nothing to compare it with.
    return Double.NaN;
  }

  @Override
  public long nativeBytes() {
    return first.nativeBytes() + second.nativeBytes();
  }

  @Override
  public void close() {
    first.close();
    second.close();
  }
}
