package org.peftsweep.bench;

import java.util.ArrayList;
import java.util.List;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.ElementType;
import org.peftsweep.compute.Memory;
import org.peftsweep.compute.Tensor;

/** The matrix products of the engine's step and nothing else, through the same backend. */
final class ProductsContender implements Contender {
  private final List<Product> products = new ArrayList<>();
  private final Backend backend;
  private final Memory a;
  private final Memory b;
  private final Memory c;

  ProductsContender(Workload workload) {
    Backend real = Backends.open("cpu", workload.threads());
    Backend recorded =
        Watched.backend(
            real, (kernel, arguments, nanos) -> Product.of(kernel.getName(), arguments, products::add));
    try (EngineContender engine = new EngineContender(recorded, ElementType.F32, workload)) {
      products.clear();
      engine.step();
    }
    backend = Backends.open("cpu", workload.threads());
    a = filled(products.stream().mapToLong(each -> (long) each.m() * each.k()).max().orElse(1));
    b = filled(products.stream().mapToLong(each -> (long) each.k() * each.n()).max().orElse(1));
    c = filled(products.stream().mapToLong(each -> (long) each.m() * each.n()).max().orElse(1));
  }

  private Memory filled(long floats) {
    Memory memory = backend.allocate(floats);
    backend.fill(new Tensor(memory, 0, (int) floats), 0.01f);
    return memory;
  }

  @Override
  public void step() {
    for (Product each : products) {
      backend.gemm(
          each.transposeA(),
          each.transposeB(),
          1,
          matrix(a, each.transposeA(), each.m(), each.k()),
          matrix(b, each.transposeB(), each.k(), each.n()),
          0,
          new Tensor(c, 0, each.m(), each.n()));
    }
  }

  private static Tensor matrix(Memory memory, boolean transposed, int rows, int columns) {
    return transposed ? new Tensor(memory, 0, columns, rows) : new Tensor(memory, 0, rows, columns);
  }

  @Override
  public double gigaflops() {
    return products.stream().mapToDouble(Product::gigaflops).sum();
  }

  @Override
  public double loss() {
    return Double.NaN;
  }

  @Override
  public void close() {
    backend.close();
  }
}
