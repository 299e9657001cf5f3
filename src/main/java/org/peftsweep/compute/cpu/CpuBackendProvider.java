package org.peftsweep.compute.cpu;

import org.peftsweep.compute.Backend;
import org.peftsweep.compute.BackendProvider;

/** Opens {@link CpuBackend}. */
public final class CpuBackendProvider implements BackendProvider {
  @Override
  public String name() {
    return "cpu";
  }

  @Override
  public Backend open(int threads) {
    return new CpuBackend(threads);
  }
}
