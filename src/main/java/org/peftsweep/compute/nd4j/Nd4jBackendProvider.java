package org.peftsweep.compute.nd4j;

import org.peftsweep.compute.Backend;
import org.peftsweep.compute.BackendProvider;

/** Opens {@link Nd4jBackend}. */
public final class Nd4jBackendProvider implements BackendProvider {
  @Override
  public String name() {
    return "nd4j";
  }

  @Override
  public Backend open(int threads) {
    return new Nd4jBackend(threads);
  }
}
