package org.peftsweep.method;

import java.util.Map;
import org.peftsweep.checkpoint.Architecture;

/** One of each method with settings for {@link org.peftsweep.model.TinyModels}, for all tests. */
public final class MethodSamples {
  private MethodSamples() {}

  /** Returns them by id. */
  public static Map<String, Method> all() {
    return MethodContractTest.SAMPLES;
  }

  /** Whether a method has something to do in models of an architecture. */
  public static boolean fits(Method method, Architecture architecture) {
    return MethodContractTest.fits(method, architecture);
  }
}
