package org.peftsweep.bench;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Products;

/** A backend that tells a listener of every kernel it runs. */
final class Watched {
  /** Told after each kernel. */
  interface Listener {
    void ran(Method kernel, Object[] arguments, long nanos);
  }

  private Watched() {}

  static Backend backend(Backend real, Listener listener) {
    return watched(Backend.class, real, listener);
  }

  private static <T> T watched(Class<T> kind, T real, Listener listener) {
    return kind.cast(
        Proxy.newProxyInstance(
            kind.getClassLoader(),
            new Class<?>[] {kind},
            (proxy, method, arguments) -> {
              long start = System.nanoTime();
              try {
                Object result = method.invoke(real, arguments);
                if (result == real) {
                  return proxy;
                }
                return result instanceof Products products
                    ? watched(Products.class, products, listener)
                    : result;
              } catch (InvocationTargetException e) {
                throw e.getCause();
              } finally {
                listener.ran(method, arguments, System.nanoTime() - start);
              }
            }));
  }
}
