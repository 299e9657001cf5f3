package org.peftsweep.compute;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumMap;
import java.util.IdentityHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A backend that can remember which kernels are called, so that they may be called again.
 *
 * <p>Kernels are the calls that return nothing and take nothing but tensors and settings. What
 * allocates, or moves values between host and device, cannot be called again as it was: it ends the
 * recording without a result.
 */
final class Recorder implements InvocationHandler {
  private record Call(Object target, Method kernel, Object[] arguments) {}

  private static final Set<String> MOVES =
      Set.of("allocate", "allocateShared", "free", "write", "read", "numbers", "close");

  private final Backend target;
  private final Backend backend;
  private final Map<ElementType, Products> products = new EnumMap<>(ElementType.class);
  private final Set<Method> open = Collections.newSetFromMap(new IdentityHashMap<>());
  private List<Call> calls;
  private boolean isRepeatable;

  Recorder(Backend target) {
    this.target = target;
    this.backend =
        (Backend)
            Proxy.newProxyInstance(
                Backend.class.getClassLoader(), new Class<?>[] {Backend.class}, this);
  }

  /** Returns the backend whose calls are remembered. */
  Backend backend() {
    return backend;
  }

  /** Returns products of that backend whose calls are remembered too. */
  Products products(ElementType factors) {
    return factors == ElementType.F32 ? backend : products.computeIfAbsent(factors, this::watch);
  }

  private Products watch(ElementType factors) {
    Products others = target.products(factors);
    return (Products)
        Proxy.newProxyInstance(
            Products.class.getClassLoader(),
            new Class<?>[] {Products.class},
            (proxy, method, arguments) -> run(others, method, arguments));
  }

  void start() {
    calls = new ArrayList<>();
    isRepeatable = true;
  }

  void cancel() {
    calls = null;
  }

  /** Runs what is not remembered. */
  void pause(Runnable part) {
    List<Call> recorded = calls;
    calls = null;
    try {
      part.run();
    } finally {
      calls = recorded;
    }
  }

  /** Ends the recording; null where what ran cannot run again as it was. */
  Kernels stop() {
    List<Call> recorded = calls;
    calls = null;
    return recorded == null || !isRepeatable ? null : new Kernels(recorded);
  }

  @Override
  public Object invoke(Object proxy, Method method, Object[] arguments) throws Throwable {
    return method.getName().equals("products")
        ? products((ElementType) arguments[0])
        : run(target, method, arguments);
  }

  private Object run(Object on, Method method, Object... arguments) throws Throwable {
    if (open.add(method)) {
      // Or each call asks anew whether it may.
      method.setAccessible(true);
    }
    if (calls != null) {
      if (MOVES.contains(method.getName())) {
        isRepeatable = false;
      } else if (method.getReturnType() == void.class) {
        calls.add(new Call(on, method, Kernels.places(arguments)));
      }
    }
    return call(on, method, arguments);
  }

  private static Object call(Object on, Method method, Object... arguments) throws Throwable {
    try {
      return method.invoke(on, arguments);
    } catch (InvocationTargetException e) {
      throw e.getCause();
    }
  }

  /** Kernels with the places of their tensors. */
  static final class Kernels implements Runnable {
    private final Call[] calls;
    private final Memory[] memories;

    private Kernels(List<Call> calls) {
      this.calls = calls.toArray(Call[]::new);
      Set<Memory> used = new LinkedHashSet<>();
      for (Call call : calls) {
        for (Object argument : call.arguments) {
          addMemories(argument, used);
        }
      }
      this.memories = used.toArray(Memory[]::new);
    }

    private static Object[] places(Object... arguments) {
      Object[] places = arguments.clone();
      for (int i = 0; i < places.length; i++) {
        if (places[i] instanceof Tensor tensor) {
          places[i] = tensor.place();
        } else if (places[i] instanceof Tensor[] tensors) {
          Tensor[] each = tensors.clone();
          Arrays.setAll(each, at -> each[at] == null ? null : each[at].place());
          places[i] = each;
        }
      }
      return places;
    }

    private static void addMemories(Object argument, Set<Memory> to) {
      if (argument instanceof Tensor tensor) {
        to.add(tensor.memory());
      } else if (argument instanceof QuantisedMatrix weight) {
        to.add(weight.memory());
      } else if (argument instanceof Tensor[] tensors) {
        for (Tensor tensor : tensors) {
          addMemories(tensor, to);
        }
      } else if (argument instanceof List<?> several) {
        several.forEach(each -> addMemories(each, to));
      } else if (argument instanceof Moments moments) {
        addMemories(moments.tensors(), to);
      }
    }

    /** Whether all memory that they use is still there. */
    boolean isLive() {
      return Arrays.stream(memories).allMatch(Memory::isLive);
    }

    @Override
    public void run() {
      for (Call call : calls) {
        try {
          call(call.target, call.kernel, call.arguments);
        } catch (RuntimeException | Error e) {
          throw e;
        } catch (Throwable e) {
          throw new IllegalStateException(e);
        }
      }
    }
  }
}
