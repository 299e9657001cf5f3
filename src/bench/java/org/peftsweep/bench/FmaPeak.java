package org.peftsweep.bench;

import org.peftsweep.compute.cpu.FmaChains;

/** The most multiply–adds that the processor does: {@link FmaChains} on every thread at once. */
final class FmaPeak implements Contender {
  private static final int TURNS = 4_000_000;

  private final int threads;
  private volatile float sink;

  FmaPeak(int threads) {
    this.threads = threads;
  }

  @Override
  public void step() {
    Crew.run(threads, i -> sink = FmaChains.run(TURNS, 1f / (i + 2)));
  }

  @Override
  public double gigaflops() {
    return FmaChains.operations(TURNS) * threads / 1e9;
  }

  @Override
  public double loss() {
    return Double.NaN;
  }

  @Override
  public void close() {}
}
