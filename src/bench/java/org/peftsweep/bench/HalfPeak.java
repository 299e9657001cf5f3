package org.peftsweep.bench;

import java.util.stream.IntStream;
import org.peftsweep.compute.cpu.HalfProducts;

/** The most multiply–adds of bf16 factors: {@link HalfProducts} on every thread at once. */
final class HalfPeak implements Contender {
  private static final int PRODUCTS = 500;

  private final HalfProducts[] products;

  HalfPeak(int threads) {
    products =
        IntStream.range(0, threads)
            .mapToObj(i -> new HalfProducts())
            .toArray(HalfProducts[]::new);
  }

  @Override
  public void step() {
    Crew.run(products.length, i -> products[i].run(PRODUCTS));
  }

  @Override
  public double gigaflops() {
    return HalfProducts.operations(PRODUCTS) * products.length / 1e9;
  }

  @Override
  public double loss() {
    return Double.NaN;
  }

  @Override
  public void close() {
    for (HalfProducts each : products) {
      each.close();
    }
  }
}
