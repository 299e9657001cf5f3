package org.peftsweep.compute.samediff;

import java.lang.reflect.Proxy;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.BackendProvider;
import org.peftsweep.compute.BlasLibrary;
import org.peftsweep.compute.Graph;
import org.peftsweep.compute.nd4j.Nd4jBackend;

/**
 * Opens a backend whose trials compute and derive their passes by graphs of SameDiff, made anew for
 * each; optimizers, and what methods compute beside passes, run on the kernels of ND4J.
 */
public final class SameDiffBackendProvider implements BackendProvider {
  private static final String NAME = "samediff";

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public Backend open(int threads, BlasLibrary blas) {
    if (threads < 1) {
      throw new IllegalArgumentException(
          "Cannot run " + NAME + " on " + threads + " threads: give at least 1");
    }
    Backend kernels = new Nd4jBackend(threads);
    return (Backend)
        Proxy.newProxyInstance(
            Backend.class.getClassLoader(),
            new Class<?>[] {Backend.class},
            (proxy, method, arguments) ->
                switch (method.getName()) {
                  case "name" -> NAME;
                  case "equals" -> proxy == arguments[0];
                  default -> SameDiffGraph.call(kernels, method, arguments);
                });
  }

  @Override
  public Graph graph(Backend backend) {
    return new SameDiffGraph(backend);
  }
}
