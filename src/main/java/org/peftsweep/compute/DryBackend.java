package org.peftsweep.compute;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.Arrays;

/**
 * A backend without memory and arithmetic: whatever runs on it takes its real course and counts
 * what it would allocate. Losses and sums are 1, what is read is 0.
 *
 * <p>It answers for every kernel of {@link Backend}, also those that are yet to come.
 */
public final class DryBackend implements InvocationHandler {
  /** So many floats that are nowhere. */
  private record Nowhere(long floats) implements Memory {}

  private final Allocations allocations = new Allocations();

  private DryBackend() {}

  /** Opens one. */
  public static Backend open() {
    return (Backend)
        Proxy.newProxyInstance(
            Backend.class.getClassLoader(), new Class<?>[] {Backend.class}, new DryBackend());
  }

  @Override
  public Object invoke(Object proxy, Method method, Object[] arguments) throws Throwable {
    if (method.isDefault()) {
      return InvocationHandler.invokeDefault(proxy, method, arguments);
    }
    return switch (method.getName()) {
      case "allocate" -> allocations.add(new Nowhere((Long) arguments[0]));
      case "allocateShared" -> new Nowhere((Long) arguments[0]);
      case "free" -> {
        allocations.remove((Memory) arguments[0]);
        yield null;
      }
      case "allocations" -> allocations;
      case "name", "device", "toString" -> "dry";
      case "hashCode" -> System.identityHashCode(proxy);
      case "equals" -> proxy == arguments[0];
      case "plan" -> arguments[0];
      case "stepsBetweenLooks" -> 1;
      case "numbers" -> {
        double[] ones = new double[Math.toIntExact(((Tensor) arguments[0]).size())];
        Arrays.fill(ones, 1);
        yield ones;
      }
      default -> method.getReturnType() == double.class ? 1.0 : null;
    };
  }
}
