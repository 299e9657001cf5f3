package org.peftsweep.checkpoint;

import java.util.List;

/**
 * One tensor as a safetensors header lists it.
 *
 * @param name its name in the file
 * @param dtype type of the stored elements
 * @param shape sizes, outermost first; empty for a scalar
 * @param begin first byte, counted from the start of the data behind the header
 * @param end byte after the last
 */
public record TensorInfo(String name, DType dtype, List<Long> shape, long begin, long end) {
  public TensorInfo {
    shape = List.copyOf(shape);
  }

  /** Number of elements: the product of the shape. */
  public long elements() {
    return (end - begin) / dtype.bytes();
  }
}
