package org.peftsweep.compute.cpu;

import java.util.Optional;
import java.util.OptionalDouble;
import jdk.incubator.vector.FloatVector;
import org.peftsweep.compute.BlasLibrary;
import org.peftsweep.compute.ElementType;

/**
 * What this machine's processor does at most, measured in about a second.
 *
 * @param threads that it was measured with
 * @param fmaGigaflops multiply–adds of 32-bit floats in registers, two operations each, in 10⁹ a
 *     second
 * @param bf16Gigaflops products of 16-bit factors out of the cache, likewise; empty where there are
 *     none
 * @param bf16Refusal why there are none
 * @param gigabytes read and written by a copy of more than the caches hold, in 10⁹ a second
 * @param blas what multiplies in fp32, by the size of a shared weight, and why
 */
public record ProcessorFigures(
    int threads,
    double fmaGigaflops,
    OptionalDouble bf16Gigaflops,
    Optional<String> bf16Refusal,
    double gigabytes,
    String blas) {
  private static final int CHAINS = 16;
  private static final int TURNS = 2_000_000;
  private static final int REPEATS = 5;

  /** Sides of a product whose factors and result stay in the second-level cache. */
  private static final int SIDE = 256;

  private static final int PRODUCTS = 200;

  /** Floats that are copied: 256 MB. */
  private static final long COPIED = 1L << 26;

  /** Measures with so many threads; wants a quiet machine. */
  public static ProcessorFigures measure(int threads) {
    Optional<String> refusal = OneDnn.lack(ElementType.BF16);
    try (Workers workers = new Workers(threads)) {
      return new ProcessorFigures(
          threads,
          fma(workers),
          refusal.isEmpty() ? OptionalDouble.of(halves(workers)) : OptionalDouble.empty(),
          refusal,
          copy(workers),
          BlasChoice.of(BlasLibrary.AUTO).toString());
    }
  }

  /** Returns the units of work that are done in a second, at best, where every thread does some. */
  private static double best(Workers workers, double units, Workers.Part part) {
    double best = 0;
    for (int i = 0; i < REPEATS; i++) {
      long start = System.nanoTime();
      workers.split(workers.count(), 1, part);
      best = Math.max(best, units * workers.count() / (System.nanoTime() - start));
    }
    return best;
  }

  private static double fma(Workers workers) {
    float[] sink = new float[workers.count()];
    double operations = 2.0 * Vectors.LANES * CHAINS * TURNS;
    return best(
        workers, operations, (worker, from, to) -> sink[worker] = chains(TURNS, 1f / (from + 2)));
  }

  /** Independent chains in registers, as many as hide the latency of one. */
  private static float chains(int turns, float start) {
    FloatVector x = Vectors.splat(0.999f);
    FloatVector y = Vectors.splat(start);
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

  private static double halves(Workers workers) {
    HostMemory zeros = new HostMemory((long) SIDE * SIDE);
    HostMemory w =
        OneDnn.reorder(ElementType.F32, zeros.address(0), false, ElementType.BF16, SIDE, SIDE);
    HostMemory[] y = new HostMemory[workers.count()];
    OneDnn.Caller[] callers = new OneDnn.Caller[y.length];
    try {
      for (int i = 0; i < y.length; i++) {
        y[i] = new HostMemory((long) SIDE * SIDE);
        callers[i] = new OneDnn.Caller();
      }
      double operations = 2.0 * SIDE * SIDE * SIDE * PRODUCTS;
      return best(
          workers,
          operations,
          (worker, from, to) -> {
            for (int i = 0; i < PRODUCTS; i++) {
              callers[worker].multiply(
                  ElementType.BF16,
                  false,
                  SIDE,
                  SIDE,
                  SIDE,
                  1,
                  zeros.address(0),
                  SIDE,
                  OneDnn.Order.OWN,
                  w.address(0),
                  SIDE,
                  0,
                  y[worker].address(0),
                  SIDE);
            }
          });
    } finally {
      for (int i = 0; i < y.length; i++) {
        if (callers[i] != null) {
          callers[i].close();
        }
        if (y[i] != null) {
          y[i].free();
        }
      }
      w.free();
      zeros.free();
    }
  }

  private static double copy(Workers workers) {
    HostMemory from = new HostMemory(COPIED);
    HostMemory to = new HostMemory(COPIED);
    try {
      long each = COPIED / workers.count();
      return best(
          workers,
          2.0 * each * Float.BYTES,
          (worker, part, end) ->
              Elementwise.copy(
                  from.window(part * each),
                  HostMemory.position(part * each),
                  to.window(part * each),
                  HostMemory.position(part * each),
                  (int) each));
    } finally {
      from.free();
      to.free();
    }
  }
}
