package org.peftsweep.compute.nd4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.peftsweep.compute.BackendUnavailableException;
import org.peftsweep.compute.BlasLibrary;

/** What the nd4j backend says where ND4J is that for GPUs, of which there is none here. */
class Nd4jOnGpusTest {
  private static Nd4jBackendProvider on(double capability) {
    return new Nd4jBackendProvider(true, address -> Optional.of(capability), Optional::empty);
  }

  @ParameterizedTest
  @CsvSource({"9.0", "10.0", "12.1"})
  void refusesGpusThatNd4jHasNoCodeForInASentenceThatNamesCuda(double capability) {
    String sentence =
        "Cannot compute by nd4j on GPU %s: ND4J has no code for compute capability "
            + capability
            + ", choose backend = cuda and the program built without -Pnd4j-cuda";
    assertThat(on(capability).lack()).hasValue(sentence.formatted("0"));
    assertThatThrownBy(() -> on(capability).open(1, BlasLibrary.AUTO, Optional.of("3")))
        .isInstanceOf(BackendUnavailableException.class)
        .hasMessage(sentence.formatted("3"));
  }

  @ParameterizedTest
  @CsvSource({"6.1", "7.0", "8.9"})
  void takesOthers(double capability) {
    assertThat(on(capability).usesGpus()).isTrue();
    assertThat(on(capability).lack()).isEmpty();
  }

  /** What the driver and CUDA 11.6 lack is said before ND4J's own start, which prints a trace. */
  @Test
  void refusesAMachineWithoutALibraryInASentenceThatNamesIt() {
    Nd4jBackendProvider provider =
        new Nd4jBackendProvider(true, address -> Optional.empty(), CudaOfNd4j::lack);
    // The bindings of the tests are those of CUDA 13, whose libraries are missing here too.
    assumeTrue(provider.lack().isPresent(), "this machine has CUDA's libraries and a GPU");
    assertThat(provider.lack().orElseThrow())
        .matches(
            "Cannot compute by nd4j on GPU 0: libcu\\w+\\.so[.\\d]* cannot be loaded; install NVIDIA's"
                + " driver and CUDA 11\\.6, name their folders in LD_LIBRARY_PATH, or choose backend ="
                + " cpu");
    assertThatThrownBy(() -> provider.open(1, BlasLibrary.AUTO, Optional.of("1")))
        .isInstanceOf(BackendUnavailableException.class)
        .hasMessageStartingWith("Cannot compute by nd4j on GPU 1: libcu");
  }

  @Test
  void knowsGpusByNumberOnly() {
    assertThatThrownBy(() -> on(8.0).open(1, BlasLibrary.AUTO, Optional.of("GPU-8f6b")))
        .isInstanceOf(BackendUnavailableException.class)
        .hasMessage(
            "Cannot compute by nd4j on GPU GPU-8f6b: ND4J knows GPUs by their numbers, let Spark"
                + " hand out those");
  }

  @Test
  void aPlatformOfProcessorsUsesNone() {
    Nd4jBackendProvider provider = new Nd4jBackendProvider();
    assertThat(provider.usesGpus()).isFalse();
    assertThat(provider.lack()).isEmpty();
  }

  @Test
  void whatNvidiaSmiPrintsIsANumberOrNothing() {
    assertThat(ComputeCapability.of("echo", "8.6")).hasValue(8.6);
    assertThat(ComputeCapability.of("echo", "No devices were found")).isEmpty();
    assertThat(ComputeCapability.of("/nonexistent/nvidia-smi")).isEmpty();
  }
}
