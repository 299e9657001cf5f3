package org.peftsweep.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicBoolean;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.ElementType;
import org.peftsweep.compute.Tensor;

/** Says which kernels a step of the engine spends its time in. */
public final class Profile {
  private static final class Sum {
    private int calls;
    private long nanos;
    private double gigaflops;
  }

  private Profile() {}

  /** Arguments: shape, method, threads, seconds, and bf16 for products of such factors. */
  public static void main(String[] arguments) {
    Workload workload =
        new Workload(
            Workload.named(Workload.Shape.class, arguments[0]),
            Workload.named(Workload.Tuning.class, arguments[1]),
            Integer.parseInt(arguments[2]));
    double seconds = Double.parseDouble(arguments[3]);
    ElementType factors =
        arguments.length > 4 && arguments[4].equals("bf16") ? ElementType.BF16 : ElementType.F32;
    Map<String, Sum> sums = new TreeMap<>();
    AtomicBoolean counts = new AtomicBoolean();
    Backend backend =
        Watched.backend(
            Backends.open("cpu", workload.threads()),
            (kernel, values, nanos) -> {
              if (counts.get()) {
                add(sums, kernel.getName(), values, nanos);
              }
            });
    try (EngineContender engine = new EngineContender(backend, factors, workload)) {
      run(engine, seconds);
      counts.set(true);
      long start = System.nanoTime();
      int steps = run(engine, seconds);
      print(workload, sums, steps, (System.nanoTime() - start) / 1e6 / steps);
    }
  }

  private static int run(EngineContender engine, double seconds) {
    long start = System.nanoTime();
    int steps = 0;
    while (steps < 2 || System.nanoTime() - start < seconds * 1e9) {
      engine.step();
      steps++;
    }
    return steps;
  }

  private static void add(Map<String, Sum> sums, String kernel, Object[] values, long nanos) {
    List<Product> products = new ArrayList<>();
    Product.of(kernel, values, products::add);
    Sum sum = sums.computeIfAbsent(label(kernel, values, products), missing -> new Sum());
    sum.calls++;
    sum.nanos += nanos;
    sum.gigaflops += products.stream().mapToDouble(Product::gigaflops).sum();
  }

  private static String label(String kernel, Object[] values, List<Product> products) {
    if (products.size() == 1) {
      Product p = products.get(0);
      return String.format(
          Locale.ROOT,
          "%s %s%s %dx%dx%d",
          kernel,
          p.transposeA() ? "T" : "N",
          p.transposeB() ? "T" : "N",
          p.m(),
          p.n(),
          p.k());
    }
    for (int i = values == null ? 0 : values.length; i-- > 0; ) {
      if (values[i] instanceof Tensor tensor && tensor.rows() > 1) {
        return kernel + " " + tensor;
      }
    }
    return kernel;
  }

  private static void print(Workload workload, Map<String, Sum> sums, int steps, double millis) {
    System.out.printf(Locale.ROOT, "%s: %.3f ms a step%n%n", workload.id(), millis);
    System.out.println("| kernel | calls | ms a step | share | GFLOP/s |");
    System.out.println("| --- | ---: | ---: | ---: | ---: |");
    sums.entrySet().stream()
        .sorted((a, b) -> Long.compare(b.getValue().nanos, a.getValue().nanos))
        .forEach(
            entry -> {
              Sum sum = entry.getValue();
              double each = sum.nanos / 1e6 / steps;
              System.out.printf(
                  Locale.ROOT,
                  "| %s | %.1f | %.3f | %.1f %% | %s |%n",
                  entry.getKey(),
                  (double) sum.calls / steps,
                  each,
                  100 * each / millis,
                  sum.gigaflops == 0
                      ? ""
                      : String.format(Locale.ROOT, "%.1f", sum.gigaflops * 1e9 / sum.nanos));
            });
    double kernels = sums.values().stream().mapToLong(sum -> sum.nanos).sum() / 1e6 / steps;
    System.out.printf(
        Locale.ROOT,
        "| outside of kernels | | %.3f | %.1f %% | |%n",
        millis - kernels,
        100 * (millis - kernels) / millis);
  }
}
