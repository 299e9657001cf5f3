package org.peftsweep.compute.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.peftsweep.compute.BackendUnavailableException;
import org.peftsweep.compute.DeviceLostException;

class CudaDevicesTest {
  /** On a machine that has them there is no 99th GPU; on others the driver is missing. */
  @Test
  void aGpuThatIsNotThereIsRefusedInOneSentence() {
    for (int i = 0; i < 2; i++) {
      assertThatThrownBy(() -> CudaDevices.open("99"))
          .isInstanceOf(BackendUnavailableException.class)
          .hasMessageMatching(
              "Cannot open the cuda backend: lib\\w+\\.so[.\\d]* cannot be loaded; install NVIDIA's"
                  + " driver and CUDA 13, name their folders in LD_LIBRARY_PATH, or choose the"
                  + " backend cpu|Cannot open GPU 99: this machine shows \\d+ GPUs?, numbered from 0"
                  + " as nvidia-smi does");
    }
  }

  @Test
  void whatLosesADeviceIsToldFromWhatDoesNot() {
    assertThat(CudaErrors.isFatal(214)).as("uncorrectable ECC error").isTrue();
    assertThat(CudaErrors.isFatal(700)).as("illegal address").isTrue();
    assertThat(CudaErrors.isFatal(2)).as("out of memory").isFalse();
    assertThat(CudaErrors.isFatal(1)).as("invalid value").isFalse();
    assertThat(new DeviceLostException("Cannot go on")).isInstanceOf(IllegalStateException.class);
  }

  /** A header's text that NVRTC is given must be the one that kernels include. */
  @Test
  void everyFamilyIsInTheJarWithWhatItIncludes() {
    for (String family : EmulatedKernels.FAMILIES) {
      assertThat(KernelCompiler.source(family + ".cu")).contains("#include \"common.cuh\"\n");
    }
    assertThat(KernelCompiler.source("common.cuh"))
        .contains("randomBits")
        .doesNotContain("#include");
  }
}
