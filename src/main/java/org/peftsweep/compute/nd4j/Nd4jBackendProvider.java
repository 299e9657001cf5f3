package org.peftsweep.compute.nd4j;

import java.util.Optional;
import java.util.function.Function;
import java.util.function.Supplier;
import org.nd4j.linalg.factory.Nd4j;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.BackendProvider;
import org.peftsweep.compute.BackendUnavailableException;
import org.peftsweep.compute.BlasLibrary;

/** Opens {@link Nd4jBackend}, on a GPU where ND4J's platform on the class path is that for GPUs. */
public final class Nd4jBackendProvider implements BackendProvider {
  private static final String PLATFORM_OF_GPUS = "/org/nd4j/linalg/jcublas/JCublasBackend.class";

  /** The first compute capability that ND4J has no code for, not even code to be compiled. */
  private static final double HOPPER = 9.0;

  private static final String FIRST = "0";

  private final boolean isOnGpus;
  private final Function<String, Optional<Double>> capabilities;
  private final Supplier<Optional<String>> lacking;

  public Nd4jBackendProvider() {
    this(
        Nd4jBackendProvider.class.getResource(PLATFORM_OF_GPUS) != null,
        ComputeCapability::ofGpu,
        CudaOfNd4j::lack);
  }

  /**
   * @param isOnGpus whether ND4J computes on GPUs
   * @param capabilities compute capability of the GPU of an address, where it is known
   * @param lacking what ND4J lacks on this machine to compute on GPUs; empty for nothing
   */
  Nd4jBackendProvider(
      boolean isOnGpus,
      Function<String, Optional<Double>> capabilities,
      Supplier<Optional<String>> lacking) {
    this.isOnGpus = isOnGpus;
    this.capabilities = capabilities;
    this.lacking = lacking;
  }

  @Override
  public String name() {
    return "nd4j";
  }

  @Override
  public boolean usesGpus() {
    return isOnGpus;
  }

  @Override
  public Optional<String> lack() {
    return isOnGpus ? lack(FIRST) : Optional.empty();
  }

  private Optional<String> lack(String gpu) {
    return capabilities
        .apply(gpu)
        .filter(capability -> capability >= HOPPER)
        .map(
            capability ->
                "Cannot compute by nd4j on GPU "
                    + gpu
                    + ": ND4J has no code for compute capability "
                    + capability
                    + ", choose backend = cuda and the program built without -Pnd4j-cuda")
        .or(() -> lacking.get().map(lack -> "Cannot compute by nd4j on GPU " + gpu + ": " + lack));
  }

  @Override
  public Backend open(int threads, BlasLibrary blas) {
    return open(threads, blas, Optional.empty());
  }

  @Override
  public Backend open(int threads, BlasLibrary blas, Optional<String> gpu) {
    if (isOnGpus) {
      String address = gpu.orElse(FIRST);
      lack(address)
          .ifPresent(
              lack -> {
                throw new BackendUnavailableException(lack);
              });
      Nd4j.getAffinityManager().unsafeSetDevice(number(address));
    }
    return new Nd4jBackend(threads);
  }

  private static int number(String address) {
    try {
      return Integer.parseInt(address);
    } catch (NumberFormatException e) {
      throw new BackendUnavailableException(
          "Cannot compute by nd4j on GPU "
              + address
              + ": ND4J knows GPUs by their numbers, let Spark hand out those");
    }
  }
}
