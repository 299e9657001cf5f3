package org.peftsweep.compute.cuda;

import org.peftsweep.compute.Backend;

/** Opens the {@code cuda} backend on a device that is emulated. */
public final class EmulatedBackends {
  private EmulatedBackends() {}

  /** Opens one whose threads and blocks run in an order of this seed. */
  public static Backend open(long seed) {
    return on(new EmulatedDevice(seed));
  }

  /** The same on a device with tensor cores. */
  public static Backend openWithTensorCores(long seed) {
    return on(new EmulatedDevice(seed, true, Long.MAX_VALUE));
  }

  static Backend on(Device device) {
    EmulatedKernels.require();
    return new CudaBackend(device, "0");
  }
}
