package org.peftsweep.compute.cpu;

import static org.bytedeco.dnnl.global.dnnl.*;

import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.bytedeco.dnnl.dnnl_exec_arg_t;
import org.bytedeco.dnnl.dnnl_memory;
import org.bytedeco.dnnl.dnnl_memory_desc;
import org.bytedeco.dnnl.dnnl_post_ops;
import org.bytedeco.dnnl.dnnl_primitive;
import org.bytedeco.dnnl.dnnl_primitive_attr;
import org.bytedeco.dnnl.dnnl_primitive_desc;
import org.bytedeco.dnnl.dnnl_stream;
import org.bytedeco.dnnl.dnnl_version_t;
import org.peftsweep.compute.ElementType;
import org.peftsweep.compute.Processor;

/**
 * Matrix products through oneDNN, on raw addresses with leading dimensions.
 *
 * <p>A product is cut into blocks of rows, of {@link #BLOCK} and then of powers of two and three:
 * so few kernels are generated, however many rows batches have. Kernels of one row are left out
 * where there are more, as they add up otherwise. Each caller runs its kernels on the calling
 * thread, as far as {@code OMP_NUM_THREADS} is 1: oneDNN decides by it when a kernel is made.
 */
final class OneDnn {
  /** Rows of one call at most. */
  static final int BLOCK = OneDnnMatrices.ROWS;

  /** How the elements of a right-hand factor {@code [k, n]} lie. */
  enum Order {
    PLAIN,
    TRANSPOSED,
    /** As the kernels read them: see {@link #reorder}. */
    OWN
  }

  /**
   * {@code c ← alpha·op(a)·b + beta·c} of some rows.
   *
   * @param type of both factors
   * @param strideA distance of rows as stored, in elements; likewise the others
   */
  private record Product(
      ElementType type,
      int m,
      int n,
      int k,
      boolean transposeA,
      int strideA,
      Order order,
      int strideB,
      float alpha,
      float beta,
      int strideC) {}

  private OneDnn() {}

  /** Whether there is a library for this platform. */
  static boolean isThere() {
    return OneDnnMatrices.Library.ENGINE != null;
  }

  /** Returns the library's version. */
  static String version() {
    dnnl_version_t version = dnnl_version();
    return version.major() + "." + version.minor() + "." + version.patch();
  }

  /** Returns why this processor has no products of such factors; empty where it has. */
  static Optional<String> lack(ElementType factors) {
    if (factors == ElementType.F32 || factors == ElementType.BF16 && multipliesHalves()) {
      return Optional.empty();
    }
    if (factors != ElementType.BF16) {
      return Optional.of(
          "Cannot compute products in %s on processors: use precision = fp32"
              .formatted(factors.name().toLowerCase(Locale.ROOT)));
    }
    return Optional.of(
        "Cannot compute products in %s on %s: it has neither AMX nor AVX512-BF16; use precision = fp32"
            .formatted(factors.name().toLowerCase(Locale.ROOT), Processor.model()));
  }

  private static boolean multipliesHalves() {
    int needed = dnnl_cpu_isa_avx512_core_bf16;
    return isThere() && (dnnl_get_effective_cpu_isa() & needed) == needed;
  }

  private static dnnl_memory_desc right(Product product) {
    return switch (product.order) {
      case PLAIN -> OneDnnMatrices.matrix(product.type, product.k, product.n, product.strideB, 1);
      case TRANSPOSED ->
          OneDnnMatrices.matrix(product.type, product.k, product.n, 1, product.strideB);
      case OWN -> OneDnnMatrices.layout(product.type, product.n, product.k);
    };
  }

  /**
   * Returns a right-hand factor {@code [k, n]} in the order that kernels read, in memory of its
   * own, rounded to the type.
   *
   * @param from how it is stored, without gaps
   */
  static HostMemory reorder(
      ElementType stored, long address, boolean isTransposed, ElementType type, int n, int k) {
    HostMemory made = new HostMemory(Reordering.floats(type, n, k));
    try (Reordering reordering = new Reordering(stored, isTransposed, type, n, k)) {
      dnnl_stream stream = OneDnnMatrices.stream();
      reordering.run(stream, address, made.address(0));
      dnnl_stream_destroy(stream);
    }
    return made;
  }

  /** One kernel with its arguments. */
  private static final class Kernel implements AutoCloseable {
    private final dnnl_primitive primitive = new dnnl_primitive();
    private final dnnl_memory a;
    private final dnnl_memory b;
    private final dnnl_memory c;
    private final dnnl_memory scratch;
    private final long scratchBytes;
    private final dnnl_exec_arg_t arguments = new dnnl_exec_arg_t(4);

    Kernel(Product product) {
      String what =
          "multiply [%d, %d] by [%d, %d]".formatted(product.m, product.k, product.k, product.n);
      dnnl_memory_desc left =
          product.transposeA
              ? OneDnnMatrices.matrix(product.type, product.m, product.k, 1, product.strideA)
              : OneDnnMatrices.matrix(product.type, product.m, product.k, product.strideA, 1);
      dnnl_memory_desc right = right(product);
      dnnl_memory_desc out =
          OneDnnMatrices.matrix(ElementType.F32, product.m, product.n, product.strideC, 1);
      dnnl_primitive_attr attributes = attributes(product);
      dnnl_primitive_desc description = new dnnl_primitive_desc();
      OneDnnMatrices.require(
          dnnl_matmul_primitive_desc_create(
              description, OneDnnMatrices.Library.ENGINE, left, right, null, out, attributes),
          what);
      OneDnnMatrices.require(dnnl_primitive_create(primitive, description), what);
      dnnl_memory_desc needed =
          dnnl_primitive_desc_query_md(description, dnnl_query_scratchpad_md, 0);
      scratchBytes = dnnl_memory_desc_get_size(needed);
      OneDnnMatrices.Aim nowhere = new OneDnnMatrices.Aim();
      a = OneDnnMatrices.memory(left, nowhere);
      b = OneDnnMatrices.memory(right, nowhere);
      c = OneDnnMatrices.memory(out, nowhere);
      scratch = OneDnnMatrices.memory(needed, nowhere);
      arguments.position(0).arg(DNNL_ARG_SRC).memory(a);
      arguments.position(1).arg(DNNL_ARG_WEIGHTS).memory(b);
      arguments.position(2).arg(DNNL_ARG_DST).memory(c);
      arguments.position(3).arg(DNNL_ARG_SCRATCHPAD).memory(scratch);
      arguments.position(0);
      dnnl_primitive_desc_destroy(description);
      dnnl_primitive_attr_destroy(attributes);
      dnnl_memory_desc_destroy(left);
      dnnl_memory_desc_destroy(out);
      if (product.order != Order.OWN) {
        dnnl_memory_desc_destroy(right);
      }
    }

    private static dnnl_primitive_attr attributes(Product product) {
      dnnl_primitive_attr attributes = new dnnl_primitive_attr();
      OneDnnMatrices.require(dnnl_primitive_attr_create(attributes), "set attributes");
      // Scratch of the library's own belongs to the thread that made the kernel.
      OneDnnMatrices.require(
          dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user),
          "set attributes");
      if (product.alpha != 1 || product.beta != 0) {
        dnnl_post_ops after = new dnnl_post_ops();
        OneDnnMatrices.require(dnnl_post_ops_create(after), "set attributes");
        if (product.alpha != 1) {
          OneDnnMatrices.require(
              dnnl_post_ops_append_eltwise(after, dnnl_eltwise_linear, product.alpha, 0),
              "set attributes");
        }
        if (product.beta != 0) {
          OneDnnMatrices.require(
              dnnl_post_ops_append_sum(after, product.beta, 0, dnnl_data_type_undef),
              "set attributes");
        }
        OneDnnMatrices.require(
            dnnl_primitive_attr_set_post_ops(attributes, after), "set attributes");
        dnnl_post_ops_destroy(after);
      }
      return attributes;
    }

    @Override
    public void close() {
      arguments.close();
      dnnl_memory_destroy(a);
      dnnl_memory_destroy(b);
      dnnl_memory_destroy(c);
      dnnl_memory_destroy(scratch);
      dnnl_primitive_destroy(primitive);
    }
  }

  /** One thread's access to products. */
  static final class Caller implements AutoCloseable {
    /** A right-hand factor {@code [k, n]} whose order is changed. */
    private record Factor(ElementType type, boolean isTransposed, int n, int k) {}

    private final Map<Product, Kernel> kernels = new HashMap<>();
    private final Map<Factor, Reordering> reorderings = new HashMap<>();
    private final dnnl_stream stream = OneDnnMatrices.stream();
    private final OneDnnMatrices.Aim aim = new OneDnnMatrices.Aim();
    private HostMemory scratch = new HostMemory(1);

    /**
     * {@code c ← alpha·op(a)·b + beta·c}, row-major; c is {@code [m, n]} of 32-bit floats, the
     * inner size k; the strides are the distances of rows as stored, of no meaning for a b in
     * {@link Order#OWN}.
     */
    void multiply(
        ElementType type,
        boolean transposeA,
        int m,
        int n,
        int k,
        float alpha,
        long addressA,
        int strideA,
        Order order,
        long addressB,
        int strideB,
        float beta,
        long addressC,
        int strideC) {
      int left = m;
      while (left > 0) {
        int rows = rows(left);
        long row = m - left;
        long shiftA = row * (transposeA ? 1 : strideA) * OneDnnMatrices.bytes(type);
        run(
            new Product(
                type, rows, n, k, transposeA, strideA, order, strideB, alpha, beta, strideC),
            addressA + shiftA,
            addressB,
            addressC + row * strideC * Float.BYTES);
        left -= rows;
      }
    }

    /**
     * Puts a right-hand factor {@code [k, n]} without gaps in the order that kernels read, in
     * memory of {@link Reordering#floats}.
     */
    void reorder(ElementType type, boolean isTransposed, int n, int k, long address, long target) {
      reorderings
          .computeIfAbsent(
              new Factor(type, isTransposed, n, k),
              missing -> new Reordering(type, isTransposed, type, n, k))
          .run(stream, address, target);
    }

    /** Returns the rows of the next block; a single one is left only where there is no other. */
    private static int rows(int left) {
      int rows = Math.min(BLOCK, Integer.highestOneBit(left));
      return left == 3 ? 3 : left == rows + 1 && left > 1 ? rows / 2 : rows;
    }

    private void run(Product product, long a, long b, long c) {
      Kernel kernel = kernels.get(product);
      if (kernel == null) {
        kernel = new Kernel(product);
        kernels.put(product, kernel);
      }
      if (scratch.floats() * Float.BYTES < kernel.scratchBytes) {
        scratch.free();
        scratch = new HostMemory(kernel.scratchBytes / Float.BYTES + 1);
      }
      dnnl_memory_set_data_handle(kernel.a, aim.at(a));
      dnnl_memory_set_data_handle(kernel.b, aim.at(b));
      dnnl_memory_set_data_handle(kernel.c, aim.at(c));
      dnnl_memory_set_data_handle(kernel.scratch, aim.at(scratch.address(0)));
      OneDnnMatrices.require(
          dnnl_primitive_execute(kernel.primitive, stream, 4, kernel.arguments), "multiply");
    }

    @Override
    public void close() {
      kernels.values().forEach(Kernel::close);
      kernels.clear();
      reorderings.values().forEach(Reordering::close);
      reorderings.clear();
      scratch.free();
      dnnl_stream_destroy(stream);
    }
  }
}
