package org.peftsweep.method;

import java.util.Map;

/** One of each method with settings for {@link org.peftsweep.model.TinyModels}, for all tests. */
public final class MethodSamples {
  private MethodSamples() {}

  /** Returns them by id. */
  public static Map<String, Method> all() {
    return MethodContractTest.SAMPLES;
  }
}
