package org.peftsweep.compute.cuda;

import java.util.List;
import java.util.Optional;
import java.util.ServiceLoader;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.BackendProvider;
import org.peftsweep.compute.BackendUnavailableException;
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
  public Optional<String> lack() {
    try {
      devices().open(FIRST);
      return Optional.empty();
    } catch (BackendUnavailableException e) {
      return Optional.of(e.getMessage());
    }
  }

  @Override
  public boolean multipliesIn(ElementType factors) {
    return List.of(ElementType.F32, ElementType.TF32, ElementType.BF16).contains(factors);
  }

  /** Opens it on the first GPU. */
  @Override
  public Backend open(int threads, BlasLibrary blas) {
    return open(threads, blas, Optional.empty());
  }

  @Override
  public Backend open(int threads, BlasLibrary blas, Optional<String> gpu) {
    if (threads < 1) {
      throw new IllegalArgumentException(
          "Cannot run cuda on " + threads + " threads: give at least 1");
    }
    String address = gpu.orElse(FIRST);
    return new CudaBackend(devices().open(address), address);
  }

  private static DeviceProvider devices() {
    return ServiceLoader.load(DeviceProvider.class, CudaBackendProvider.class.getClassLoader())
        .findFirst()
        .orElse(CudaDevices::open);
  }
}
