package org.peftsweep.compute;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import java.util.function.Predicate;

/**
 * A backend without memory and arithmetic: whatever runs on it takes its real course and counts
 * what it would allocate. Losses and sums are 1, what is read is 0.
 *
 * <p>It answers for every kernel of {@link Backend}, also those that are yet to come.
 */
public final class DryBackend implements InvocationHandler {
  /** So many floats that are nowhere. */
  private static final class Nowhere implements Memory {
    private final long floats;
    private final boolean isShared;

    Nowhere(long floats, boolean isShared) {
      this.floats = floats;
      this.isShared = isShared;
    }

    @Override
    public long floats() {
      return floats;
    }
  }

  /** One order of a weight's elements that products read it in. */
  private record Pack(ElementType factors, Memory of, long offset, boolean isTransposed) {}

  /** What products are asked on which memory depends. */
  private static final Set<String> ASKED = Set.of("takesHalves", "areSmall", "addsBiasInPassing");

  private final Allocations allocations = new Allocations();
  private final Set<Object> packs = new HashSet<>();
  private long packedBytes;

  private final Predicate<ElementType> reorders;

  /** Rows of a pass; 0 for as many as a backend has that says nothing of it. */
  private final int passRows;

  private final int stepsBetweenLooks;

  /** Whose products take what its own do; null for 32-bit floats only. */
  private final Backend other;

  private DryBackend() {
    this.reorders = factors -> false;
    this.passRows = 0;
    this.stepsBetweenLooks = 1;
    this.other = null;
  }

  private DryBackend(Backend other) {
    this.reorders = other::reordersWeights;
    this.passRows = other.passRows();
    this.stepsBetweenLooks = other.stepsBetweenLooks();
    this.other = other;
  }

  /** Opens one whose products keep nothing. */
  public static Backend open() {
    return open(new DryBackend());
  }

  /**
   * Opens one whose products keep what those of another backend do, and whose passes and steps are
   * alike.
   */
  public static Backend like(Backend other) {
    return open(new DryBackend(other));
  }

  private static Backend open(DryBackend made) {
    return (Backend)
        Proxy.newProxyInstance(
            Backend.class.getClassLoader(), new Class<?>[] {Backend.class}, made);
  }

  /** Returns what products keep of shared weights in an order of their own, in bytes. */
  public static long packedBytes(Backend dry) {
    return ((DryBackend) Proxy.getInvocationHandler(dry)).packedBytes;
  }

  /** Counts what a product keeps. */
  private Object multiply(ElementType factors, String kernel, Object[] arguments) {
    boolean isLinear = kernel.equals("linear");
    if ((isLinear || kernel.equals("gemm"))
        && reorders.test(factors)
        && arguments[isLinear ? 1 : 4] instanceof Tensor w
        && !(arguments[2] instanceof QuantisedMatrix)) {
      boolean isTransposed = isLinear || (boolean) arguments[1];
      boolean isKept =
          ((Nowhere) w.memory()).isShared
              && (factors == ElementType.BF16 || w.type() == ElementType.F32);
      if (isKept && packs.add(new Pack(factors, w.memory(), w.offset(), isTransposed))) {
        packedBytes += factors.bytes(w.size());
      }
    }
    return kernel.equals("sumsRowsAlike") ? true : null;
  }

  private Object products(Object proxy, ElementType factors) {
    return factors == ElementType.F32
        ? proxy
        : Proxy.newProxyInstance(
            Products.class.getClassLoader(),
            new Class<?>[] {Products.class},
            (products, method, arguments) ->
                ASKED.contains(method.getName())
                    ? asked(factors, method, arguments)
                    : multiply(factors, method.getName(), arguments));
  }

  private Object asked(ElementType factors, Method question, Object[] arguments)
      throws ReflectiveOperationException {
    return other == null ? (Object) false : question.invoke(other.products(factors), arguments);
  }

  @Override
  public Object invoke(Object proxy, Method method, Object[] arguments) throws Throwable {
    if (passRows > 0 && method.getName().equals("passRows")) {
      return passRows;
    }
    if (method.getName().equals("stepsBetweenLooks")) {
      return stepsBetweenLooks;
    }
    if (ASKED.contains(method.getName())) {
      return asked(ElementType.F32, method, arguments);
    }
    if (method.isDefault() && method.getReturnType() != void.class) {
      return InvocationHandler.invokeDefault(proxy, method, arguments);
    }
    return switch (method.getName()) {
      case "allocate" -> allocations.add(new Nowhere((Long) arguments[0], false));
      case "allocateShared" -> new Nowhere((Long) arguments[0], true);
      case "free" -> {
        allocations.remove((Memory) arguments[0]);
        yield null;
      }
      case "allocations" -> allocations;
      case "gemm", "linear", "sumsRowsAlike" ->
          multiply(ElementType.F32, method.getName(), arguments);
      case "products" -> products(proxy, (ElementType) arguments[0]);
      case "name", "device", "toString" -> "dry";
      case "hashCode" -> System.identityHashCode(proxy);
      case "equals" -> proxy == arguments[0];
      case "plan" -> arguments[0];
      case "numbers" -> {
        double[] ones = new double[Math.toIntExact(((Tensor) arguments[0]).size())];
        Arrays.fill(ones, 1);
        yield ones;
      }
      default -> method.getReturnType() == double.class ? 1.0 : null;
    };
  }
}
