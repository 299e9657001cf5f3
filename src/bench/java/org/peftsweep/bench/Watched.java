package org.peftsweep.bench;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import org.peftsweep.compute.Backend;

/** A backend that tells a listener of every kernel it runs. */
final class Watched {
  /** Told after each kernel. */
  interface Listener {
    void ran(Method kernel, Object[] arguments, long nanos);
  }

  private Watched() {}

  static Backend backend(Backend real, Listener listener) {
    return (Backend)
        Proxy.newProxyInstance(
            Backend.class.getClassLoader(),
            new Class<?>[] {Backend.class},
            (proxy, method, arguments) -> {
              long start = System.nanoTime();
              try {
                return method.invoke(real, arguments);
              } catch (InvocationTargetException e) {
                throw e.getCause();
              } finally {
                listener.ran(method, arguments, System.nanoTime() - start);
              }
            });
  }
}
