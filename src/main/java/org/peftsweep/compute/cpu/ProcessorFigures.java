package org.peftsweep.compute.cpu;

import java.util.Arrays;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
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
  private static final int TURNS = 2_000_000;
  private static final int REPEATS = 5;

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
    return best(
        workers,
        FmaChains.operations(TURNS),
        (worker, from, to) -> sink[worker] = FmaChains.run(TURNS, 1f / (from + 2)));
  }

  private static double halves(Workers workers) {
    HalfProducts[] products = new HalfProducts[workers.count()];
    try {
      Arrays.setAll(products, i -> new HalfProducts());
      return best(
          workers,
          HalfProducts.operations(PRODUCTS),
          (worker, from, to) -> products[worker].run(PRODUCTS));
    } finally {
      Arrays.stream(products).filter(Objects::nonNull).forEach(HalfProducts::close);
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
