package org.peftsweep.compute.cpu;

import static org.bytedeco.dnnl.global.dnnl.*;

import org.bytedeco.dnnl.dnnl_exec_arg_t;
import org.bytedeco.dnnl.dnnl_memory;
import org.bytedeco.dnnl.dnnl_memory_desc;
import org.bytedeco.dnnl.dnnl_primitive;
import org.bytedeco.dnnl.dnnl_primitive_attr;
import org.bytedeco.dnnl.dnnl_primitive_desc;
import org.bytedeco.dnnl.dnnl_stream;
import org.peftsweep.compute.ElementType;

/** Puts right-hand factors of one size in the order that oneDNN's kernels read. */
final class Reordering implements AutoCloseable {
  private final String what;
  private final dnnl_primitive primitive = new dnnl_primitive();
  private final dnnl_memory from;
  private final dnnl_memory to;
  private final dnnl_exec_arg_t arguments = new dnnl_exec_arg_t(2);
  private final OneDnnMatrices.Aim aim = new OneDnnMatrices.Aim();

  Reordering(ElementType stored, boolean isTransposed, ElementType type, int n, int k) {
    what = "reorder [%d, %d]".formatted(k, n);
    dnnl_memory_desc layout = OneDnnMatrices.layout(type, n, k);
    dnnl_memory_desc source =
        isTransposed
            ? OneDnnMatrices.matrix(stored, k, n, 1, k)
            : OneDnnMatrices.matrix(stored, k, n, n, 1);
    dnnl_primitive_desc description = new dnnl_primitive_desc();
    OneDnnMatrices.require(
        dnnl_reorder_primitive_desc_create(
            description,
            source,
            OneDnnMatrices.Library.ENGINE,
            layout,
            OneDnnMatrices.Library.ENGINE,
            (dnnl_primitive_attr) null),
        what);
    OneDnnMatrices.require(dnnl_primitive_create(primitive, description), what);
    from = OneDnnMatrices.memory(source, aim);
    to = OneDnnMatrices.memory(layout, aim);
    arguments.position(0).arg(DNNL_ARG_FROM).memory(from);
    arguments.position(1).arg(DNNL_ARG_TO).memory(to);
    arguments.position(0);
    dnnl_primitive_desc_destroy(description);
    dnnl_memory_desc_destroy(source);
  }

  /** Returns the memory of a factor in that order, in floats. */
  static long floats(ElementType type, int n, int k) {
    return (dnnl_memory_desc_get_size(OneDnnMatrices.layout(type, n, k)) + 3) / Float.BYTES;
  }

  void run(dnnl_stream stream, long source, long target) {
    dnnl_memory_set_data_handle(from, aim.at(source));
    dnnl_memory_set_data_handle(to, aim.at(target));
    OneDnnMatrices.require(dnnl_primitive_execute(primitive, stream, 2, arguments), what);
  }

  @Override
  public void close() {
    arguments.close();
    dnnl_memory_destroy(from);
    dnnl_memory_destroy(to);
    dnnl_primitive_destroy(primitive);
  }
}
