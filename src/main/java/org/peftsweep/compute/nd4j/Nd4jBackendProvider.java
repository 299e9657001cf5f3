package org.peftsweep.compute.nd4j;

import org.peftsweep.compute.Backend;
import org.peftsweep.compute.BackendProvider;
import org.peftsweep.compute.BlasLibrary;

/** Opens {@link Nd4jBackend}. */
public final class Nd4jBackendProvider implements BackendProvider {
  @Override
  public String name() {
    return "nd4j";
  }

  @Override
  public Backend open(int threads, BlasLibrary blas) {
    return new Nd4jBackend(threads);
  }
}
