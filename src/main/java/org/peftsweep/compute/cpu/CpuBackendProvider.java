package org.peftsweep.compute.cpu;

import java.util.Optional;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.BackendProvider;
import org.peftsweep.compute.BlasLibrary;
import org.peftsweep.compute.ElementType;

/** Opens {@link CpuBackend}. */
public final class CpuBackendProvider implements BackendProvider {
  @Override
  public String name() {
    return "cpu";
  }

  @Override
  public boolean multipliesIn(ElementType factors) {
    return factors == ElementType.F32 || factors == ElementType.BF16;
  }

  @Override
  public Optional<String> refusal(ElementType factors) {
    return OneDnn.lack(factors);
  }

  @Override
  public Backend open(int threads, BlasLibrary blas) {
    return new CpuBackend(threads, blas);
  }
}
