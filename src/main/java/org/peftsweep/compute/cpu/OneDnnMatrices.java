package org.peftsweep.compute.cpu;

import static org.bytedeco.dnnl.global.dnnl.*;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.bytedeco.dnnl.dnnl_engine;
import org.bytedeco.dnnl.dnnl_memory;
import org.bytedeco.dnnl.dnnl_memory_desc;
import org.bytedeco.dnnl.dnnl_primitive_desc;
import org.bytedeco.dnnl.dnnl_stream;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Pointer;
import org.peftsweep.compute.ElementType;

/** What oneDNN is told of matrices, before anything is done to them. */
final class OneDnnMatrices {
  /** Rows that the order of right-hand factors is chosen for. */
  static final int ROWS = 256;

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

  private OneDnnMatrices() {}

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

  /** Returns the order in which kernels want a right-hand factor {@code [k, n]}. */
  static dnnl_memory_desc layout(ElementType type, int n, int k) {
    return LAYOUTS.computeIfAbsent(
        new Layout(type, n, k),
        missing -> {
          dnnl_memory_desc a = matrix(type, ROWS, k, k, 1);
          dnnl_memory_desc any = new dnnl_memory_desc();
          require(
              dnnl_memory_desc_create_with_tag(
                  any, 2, new long[] {k, n}, type(type), dnnl_format_tag_any),
              "describe a matrix");
          dnnl_memory_desc c = matrix(ElementType.F32, ROWS, n, n, 1);
          dnnl_primitive_desc primitive = new dnnl_primitive_desc();
          require(
              dnnl_matmul_primitive_desc_create(primitive, Library.ENGINE, a, any, null, c, null),
              "multiply [%d, %d] by [%d, %d]".formatted(ROWS, k, k, n));
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

  static dnnl_memory memory(dnnl_memory_desc description, Pointer at) {
    dnnl_memory memory = new dnnl_memory();
    require(dnnl_memory_create(memory, description, Library.ENGINE, at), "describe memory");
    return memory;
  }

  static dnnl_stream stream() {
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
}
