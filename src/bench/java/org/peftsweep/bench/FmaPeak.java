package org.peftsweep.bench;

import java.util.stream.IntStream;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The most multiply–adds that the processor does: sixteen independent chains of vector FMAs in
 * registers, on every thread at once, without touching memory.
 */
final class FmaPeak implements Contender {
  private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;
  private static final int CHAINS = 16;
  private static final int TURNS = 4_000_000;

  private final int threads;
  private volatile float sink;

  FmaPeak(int threads) {
    this.threads = threads;
  }

  @Override
  public void step() {
    Thread[] crew =
        IntStream.range(0, threads)
            .mapToObj(i -> new Thread(() -> sink = run(TURNS, 1f / (i + 2))))
            .toArray(Thread[]::new);
    for (Thread thread : crew) {
      thread.start();
    }
    for (Thread thread : crew) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        throw new IllegalStateException("Cannot measure the peak: interrupted", e);
      }
    }
  }

  @Override
  public double gigaflops() {
    return 2.0 * SPECIES.length() * CHAINS * TURNS * threads / 1e9;
  }

  @Override
  public double loss() {
    return Double.NaN;
  }

  private static float run(int turns, float start) {
    FloatVector x = FloatVector.broadcast(SPECIES, 0.999f);
    FloatVector y = FloatVector.broadcast(SPECIES, start);
    FloatVector a0 = y;
    FloatVector a1 = y;
    FloatVector a2 = y;
    FloatVector a3 = y;
    FloatVector a4 = y;
    FloatVector a5 = y;
    FloatVector a6 = y;
    FloatVector a7 = y;
    FloatVector a8 = y;
    FloatVector a9 = y;
    FloatVector a10 = y;
    FloatVector a11 = y;
    FloatVector a12 = y;
    FloatVector a13 = y;
    FloatVector a14 = y;
    FloatVector a15 = y;
    for (int i = 0; i < turns; i++) {
      a0 = a0.fma(x, y);
      a1 = a1.fma(x, y);
      a2 = a2.fma(x, y);
      a3 = a3.fma(x, y);
      a4 = a4.fma(x, y);
      a5 = a5.fma(x, y);
      a6 = a6.fma(x, y);
      a7 = a7.fma(x, y);
      a8 = a8.fma(x, y);
      a9 = a9.fma(x, y);
      a10 = a10.fma(x, y);
      a11 = a11.fma(x, y);
      a12 = a12.fma(x, y);
      a13 = a13.fma(x, y);
      a14 = a14.fma(x, y);
      a15 = a15.fma(x, y);
    }
    FloatVector low = a0.add(a1).add(a2).add(a3).add(a4).add(a5).add(a6).add(a7);
    FloatVector high = a8.add(a9).add(a10).add(a11).add(a12).add(a13).add(a14).add(a15);
    return low.add(high).lane(0);
  }

  @Override
  public void close() {}
}
