package org.peftsweep.compute.cpu;

import static org.bytedeco.dnnl.global.dnnl.*;

import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.bytedeco.dnnl.dnnl_engine;
import org.bytedeco.dnnl.dnnl_exec_arg_t;
import org.bytedeco.dnnl.dnnl_memory;
import org.bytedeco.dnnl.dnnl_memory_desc;
import org.bytedeco.dnnl.dnnl_post_ops;
import org.bytedeco.dnnl.dnnl_primitive;
import org.bytedeco.dnnl.dnnl_primitive_attr;
import org.bytedeco.dnnl.dnnl_primitive_desc;
import org.bytedeco.dnnl.dnnl_stream;
import org.bytedeco.dnnl.dnnl_version_t;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Pointer;
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
  static final int BLOCK = 256;

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

  private record Layout(ElementType type, int n, int k) {}

  static final class Library {
    static final dnnl_engine ENGINE = open();

    /** Returns null where there is no library for this platform. */
    private static dnnl_engine open() {
      try {
        dnnl_engine engine = new dnnl_engine();
        return dnnl_engine_create(engine, dnnl_cpu, 0) == dnnl_success ? engine : null;
      } catch (LinkageError e) {
        return null;
      }
    }
  }

  private static final Map<Layout, dnnl_memory_desc> LAYOUTS = new ConcurrentHashMap<>();

  private OneDnn() {}

  /** Whether there is a library for this platform. */
  static boolean isThere() {
    return Library.ENGINE != null;
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

  static void require(int status, String what) {
    if (status != dnnl_success) {
      throw new IllegalStateException("Cannot " + what + ": oneDNN answers " + status);
    }
  }

  private static int type(ElementType type) {
    return type == ElementType.BF16 ? dnnl_bf16 : dnnl_f32;
  }

  /** Returns the memory of one element. */
  static int bytes(ElementType type) {
    return type == ElementType.BF16 ? Short.BYTES : Float.BYTES;
  }

  static dnnl_memory_desc matrix(
      ElementType type, int rows, int columns, int rowStride, int columnStride) {
    dnnl_memory_desc matrix = new dnnl_memory_desc();
    require(
        dnnl_memory_desc_create_with_strides(
            matrix,
            2,
            new long[] {rows, columns},
            type(type),
            new long[] {rowStride, columnStride}),
        "describe a matrix");
    return matrix;
  }

  private static dnnl_memory_desc right(Product product) {
    return switch (product.order) {
      case PLAIN -> matrix(product.type, product.k, product.n, product.strideB, 1);
      case TRANSPOSED -> matrix(product.type, product.k, product.n, 1, product.strideB);
      case OWN -> layout(product.type, product.n, product.k);
    };
  }

  /** Returns the order in which kernels want a right-hand factor {@code [k, n]}. */
  static dnnl_memory_desc layout(ElementType type, int n, int k) {
    return LAYOUTS.computeIfAbsent(
        new Layout(type, n, k),
        missing -> {
          dnnl_memory_desc a = matrix(type, BLOCK, k, k, 1);
          dnnl_memory_desc any = new dnnl_memory_desc();
          require(
              dnnl_memory_desc_create_with_tag(
                  any, 2, new long[] {k, n}, type(type), dnnl_format_tag_any),
              "describe a matrix");
          dnnl_memory_desc c = matrix(ElementType.F32, BLOCK, n, n, 1);
          dnnl_primitive_desc primitive = new dnnl_primitive_desc();
          require(
              dnnl_matmul_primitive_desc_create(primitive, Library.ENGINE, a, any, null, c, null),
              "multiply [%d, %d] by [%d, %d]".formatted(BLOCK, k, k, n));
          dnnl_memory_desc layout = new dnnl_memory_desc();
          require(
              dnnl_memory_desc_clone(
                  layout, dnnl_primitive_desc_query_md(primitive, dnnl_query_weights_md, 0)),
              "describe a matrix");
          dnnl_primitive_desc_destroy(primitive);
          dnnl_memory_desc_destroy(a);
          dnnl_memory_desc_destroy(any);
          dnnl_memory_desc_destroy(c);
          return layout;
        });
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
      dnnl_stream stream = stream();
      reordering.run(stream, address, made.address(0));
      dnnl_stream_destroy(stream);
    }
    return made;
  }

  static dnnl_memory memory(dnnl_memory_desc description, Pointer at) {
    dnnl_memory memory = new dnnl_memory();
    require(dnnl_memory_create(memory, description, Library.ENGINE, at), "describe memory");
    return memory;
  }

  private static dnnl_stream stream() {
    dnnl_stream stream = new dnnl_stream();
    require(dnnl_stream_create(stream, Library.ENGINE, dnnl_stream_default_flags), "open a stream");
    return stream;
  }

  /** A pointer that is aimed anew for every call, so that calls make no garbage. */
  static final class Aim extends BytePointer {
    Aim() {
      super((Pointer) null);
    }

    Aim at(long place) {
      address = place;
      return this;
    }
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
              ? matrix(product.type, product.m, product.k, 1, product.strideA)
              : matrix(product.type, product.m, product.k, product.strideA, 1);
      dnnl_memory_desc right = right(product);
      dnnl_memory_desc out = matrix(ElementType.F32, product.m, product.n, product.strideC, 1);
      dnnl_primitive_attr attributes = attributes(product);
      dnnl_primitive_desc description = new dnnl_primitive_desc();
      require(
          dnnl_matmul_primitive_desc_create(
              description, Library.ENGINE, left, right, null, out, attributes),
          what);
      require(dnnl_primitive_create(primitive, description), what);
      dnnl_memory_desc needed =
          dnnl_primitive_desc_query_md(description, dnnl_query_scratchpad_md, 0);
      scratchBytes = dnnl_memory_desc_get_size(needed);
      Aim nowhere = new Aim();
      a = memory(left, nowhere);
      b = memory(right, nowhere);
      c = memory(out, nowhere);
      scratch = memory(needed, nowhere);
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
      require(dnnl_primitive_attr_create(attributes), "set attributes");
      // Scratch of the library's own belongs to the thread that made the kernel.
      require(
          dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user),
          "set attributes");
      if (product.alpha != 1 || product.beta != 0) {
        dnnl_post_ops after = new dnnl_post_ops();
        require(dnnl_post_ops_create(after), "set attributes");
        if (product.alpha != 1) {
          require(
              dnnl_post_ops_append_eltwise(after, dnnl_eltwise_linear, product.alpha, 0),
              "set attributes");
        }
        if (product.beta != 0) {
          require(
              dnnl_post_ops_append_sum(after, product.beta, 0, dnnl_data_type_undef),
              "set attributes");
        }
        require(dnnl_primitive_attr_set_post_ops(attributes, after), "set attributes");
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
    private final dnnl_stream stream = stream();
    private final Aim aim = new Aim();
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
        long shiftA = row * (transposeA ? 1 : strideA) * bytes(type);
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
      require(dnnl_primitive_execute(kernel.primitive, stream, 4, kernel.arguments), "multiply");
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
