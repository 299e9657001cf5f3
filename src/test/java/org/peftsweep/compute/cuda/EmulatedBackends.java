package org.peftsweep.compute.cuda;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import org.peftsweep.compute.Backend;

/** Opens the {@code cuda} backend on a device that is emulated. */
public final class EmulatedBackends {
  private EmulatedBackends() {}

  /** Opens one whose threads and blocks run in an order of this seed. */
  public static Backend open(long seed) {
    return on(new EmulatedDevice(seed));
  }

  static Backend on(Device device) {
    assumeTrue(
        EmulatedKernels.areHere(), "kernels are emulated on this processor's x86-64 kind only");
    return new CudaBackend(device, "0");
  }
}
