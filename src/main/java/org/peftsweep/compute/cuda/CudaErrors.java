package org.peftsweep.compute.cuda;

import static org.bytedeco.cuda.global.cudart.CUDA_ERROR_OUT_OF_MEMORY;
import static org.bytedeco.cuda.global.cudart.CUDA_SUCCESS;

import java.util.Locale;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Pointer;
import org.peftsweep.compute.DeviceLostException;

/** Turns the results of CUDA's functions into exceptions. */
final class CudaErrors {
  private CudaErrors() {}

  /**
   * Does nothing after a success.
   *
   * @param what was to be done, as in "Cannot copy to GPU 0"
   * @throws OutOfMemoryError if the device has not so much memory
   * @throws DeviceLostException if the device serves this process no more
   */
  static void check(int result, String what) {
    if (result == CUDA_SUCCESS) {
      return;
    }
    if (result == CUDA_ERROR_OUT_OF_MEMORY) {
      throw new OutOfMemoryError("Cannot " + what + ": the device has no more memory");
    }
    String sentence = "Cannot " + what + ": CUDA reports " + name(result);
    if (isFatal(result)) {
      throw new DeviceLostException(sentence + ", after which this process cannot use the device");
    }
    throw new IllegalStateException(sentence);
  }

  /** Refuses what another library than the driver answered. */
  static void checkLibrary(int result, String library, String what) {
    if (result != 0) {
      throw new IllegalStateException(
          "Cannot " + what + ": " + library + " reports status " + result);
    }
  }

  /** Whether the context is lost: hardware faults, and kernels that were stopped. */
  static boolean isFatal(int result) {
    return switch (result) {
      // ECC and NVLink errors; a device that fell off the bus or must be reset.
      case 214, 220, 226, 46, 802 -> true;
      // Faults of kernels, which leave the context unusable.
      case 700, 702, 709, 710, 714, 715, 716, 717, 718, 719, 721 -> true;
      case 999 -> true;
      default -> false;
    };
  }

  private static String name(int result) {
    BytePointer name = new BytePointer((Pointer) null);
    boolean isKnown = cudart.cuGetErrorName(result, name) == CUDA_SUCCESS && !name.isNull();
    String words = isKnown ? name.getString() : "an error";
    return words.replace("CUDA_ERROR_", "").replace('_', ' ').toLowerCase(Locale.ROOT)
        + " ("
        + result
        + ")";
  }
}
