package org.peftsweep.compute.cuda;

import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.bytedeco.cuda.global.cublas;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.cuda.global.nvrtc;
import org.bytedeco.javacpp.Loader;
import org.peftsweep.compute.BackendUnavailableException;

/** CUDA's own libraries, which are the machine's: the driver, NVRTC and cuBLASLt. */
final class CudaLibraries {
  private static final Pattern LIBRARY = Pattern.compile("\\blib(cu|nv)\\w*\\.so(\\.\\d+)*");

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
          + missing(e)
          + " cannot be loaded; install NVIDIA's driver and CUDA 13, name their folders in"
          + " LD_LIBRARY_PATH, or choose the backend cpu";
    }
  }

  private static String missing(Throwable error) {
    for (Throwable cause = error; cause != null; cause = cause.getCause()) {
      Matcher library = LIBRARY.matcher(String.valueOf(cause.getMessage()));
      if (library.find()) {
        return library.group();
      }
    }
    return "CUDA's libraries";
  }
}
