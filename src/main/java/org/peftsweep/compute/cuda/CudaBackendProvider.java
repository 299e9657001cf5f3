package org.peftsweep.compute.cuda;

import java.util.Optional;
import java.util.ServiceLoader;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.BackendProvider;
import org.peftsweep.compute.BlasLibrary;
import org.peftsweep.compute.ElementType;

/** Opens {@link CudaBackend}. */
public final class CudaBackendProvider implements BackendProvider {
  private static final String FIRST = "0";

  @Override
  public String name() {
    return "cuda";
  }

  @Override
  public boolean usesGpus() {
    return true;
  }

  @Override
  public boolean multipliesIn(ElementType factors) {
    return factors == ElementType.F32 || factors == ElementType.BF16;
  }

  /** Opens it on the first GPU. */
  @Override
  public Backend open(int threads, BlasLibrary blas) {
    return open(threads, blas, Optional.empty());
  }

  @Override
  public Backend open(int threads, BlasLibrary blas, Optional<String> gpu) {
    String address = gpu.orElse(FIRST);
    DeviceProvider devices =
        ServiceLoader.load(DeviceProvider.class, CudaBackendProvider.class.getClassLoader())
            .findFirst()
            .orElse(CudaDevices::open);
    return new CudaBackend(devices.open(address), address);
  }
}
