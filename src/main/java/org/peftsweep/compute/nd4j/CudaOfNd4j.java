package org.peftsweep.compute.nd4j;

import java.util.Optional;
import org.bytedeco.cuda.global.cublas;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.Loader;
import org.peftsweep.compute.MissingLibrary;

/**
 * The driver and CUDA's libraries that ND4J for GPUs links. Where one is missing, ND4J itself
 * prints traces, and fails by classes that cannot be initialised.
 */
final class CudaOfNd4j {
  /** Found out once; null for nothing. */
  private static final String LACK = find();

  private CudaOfNd4j() {}

  /** Returns what this machine lacks for it, and what to do; empty for nothing. */
  static Optional<String> lack() {
    return Optional.ofNullable(LACK);
  }

  private static String find() {
    int[] devices = new int[1];
    try {
      Loader.load(cudart.class);
      Loader.load(cublas.class);
      cudart.cudaGetDeviceCount(devices);
    } catch (LinkageError e) {
      return MissingLibrary.of(e).orElse("CUDA's libraries")
          + " cannot be loaded; install NVIDIA's driver and CUDA 11.6, name their folders in"
          + " LD_LIBRARY_PATH, or choose backend = cpu";
    }
    return devices[0] > 0 ? null : "the driver finds no GPU; choose backend = cpu";
  }
}
