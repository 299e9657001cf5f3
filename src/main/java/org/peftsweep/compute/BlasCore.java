package org.peftsweep.compute;

import com.sun.jna.Function;
import com.sun.jna.Platform;
import java.util.List;

/**
 * Which of its kernels OpenBLAS takes.
 *
 * <p>OpenBLAS 0.3.31 does not know AMD's Zen 5 and falls back to kernels for AVX2, which reach half
 * of the speed (123 against 240 GFLOP/s at 4096×768×768). The environment variable {@code
 * OPENBLAS_CORETYPE}, which it reads when it is loaded, names others.
 */
public final class BlasCore {
  private static final String VARIABLE = "OPENBLAS_CORETYPE";

  /** What the kernels that OpenBLAS calls SKYLAKEX need. */
  private static final List<String> NEEDED = List.of("avx512f", "avx512bw", "avx512dq", "avx512vl");

  private static boolean chosen;

  private BlasCore() {}

  /**
   * Asks for AVX-512 kernels where the processor has them and nobody asked for others; to be called
   * before OpenBLAS is loaded.
   */
  public static synchronized void choose() {
    boolean asked = System.getenv(VARIABLE) != null;
    if (!chosen && !asked && Platform.isLinux() && Processor.flags().containsAll(NEEDED)) {
      Function setenv = Function.getFunction("c", "setenv");
      setenv.invokeInt(new Object[] {VARIABLE, "SKYLAKEX", 1});
    }
    chosen = true;
  }
}
