package org.peftsweep.compute.cuda;

import java.util.Optional;
import org.bytedeco.cuda.global.cublas;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.cuda.global.nvrtc;
import org.bytedeco.javacpp.Loader;
import org.peftsweep.compute.BackendUnavailableException;
import org.peftsweep.compute.MissingLibrary;

/** CUDA's own libraries, which are the machine's: the driver, NVRTC and cuBLASLt. */
final class CudaLibraries {
  /** Why they cannot be used, found out once; null where they can. */
  private static final String LACK = load();

  private CudaLibraries() {}

  /** Returns why they cannot be used; empty where they can. */
  static Optional<String> lack() {
    return Optional.ofNullable(LACK);
  }

  /**
   * Loads them.
   *
   * @throws BackendUnavailableException if one is missing
   */
  static void require() {
    if (LACK != null) {
      throw new BackendUnavailableException(LACK);
    }
  }

  /** In this order, each needs those before it. */
  private static String load() {
    try {
      Loader.load(cudart.class);
      Loader.load(nvrtc.class);
      Loader.load(cublas.class);
      return null;
    } catch (UnsatisfiedLinkError | NoClassDefFoundError e) {
      return "Cannot open the cuda backend: "
          + MissingLibrary.of(e).orElse("CUDA's libraries")
          + " cannot be loaded; install NVIDIA's driver and CUDA 13, name their folders in"
          + " LD_LIBRARY_PATH, or choose the backend cpu";
    }
  }
}
