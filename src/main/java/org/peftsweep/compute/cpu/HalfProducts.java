package org.peftsweep.compute.cpu;

import org.peftsweep.compute.ElementType;

/**
 * The most multiply–adds of bf16 factors that a thread does: products with a packed matrix whose
 * factors and result stay in the second-level cache. For one thread, on a processor that has such
 * products.
 */
public final class HalfProducts implements AutoCloseable {
  private static final int SIDE = 256;

  private final HostMemory zeros = new HostMemory((long) SIDE * SIDE);
  private final HostMemory result = new HostMemory((long) SIDE * SIDE);
  private final HostMemory packed =
      OneDnn.reorder(ElementType.F32, zeros.address(0), false, ElementType.BF16, SIDE, SIDE);
  private final OneDnn.Caller caller = new OneDnn.Caller();

  /** Returns the floating-point operations of so many products, two a multiply–add. */
  public static double operations(int products) {
    return 2.0 * SIDE * SIDE * SIDE * products;
  }

  /** Multiplies so many times. */
  public void run(int products) {
    for (int i = 0; i < products; i++) {
      caller.multiply(
          ElementType.BF16,
          false,
          SIDE,
          SIDE,
          SIDE,
          1,
          zeros.address(0),
          SIDE,
          OneDnn.Order.OWN,
          packed.address(0),
          SIDE,
          0,
          result.address(0),
          SIDE);
    }
  }

  @Override
  public void close() {
    caller.close();
    packed.free();
    result.free();
    zeros.free();
  }
}
