package org.peftsweep.checkpoint;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** An open file of named float tensors, in whatever format. */
public interface TensorFile extends AutoCloseable {
  Path path();

  /** Returns the sizes of all tensors, outermost first, in the order of the file. */
  Map<String, List<Long>> shapes();

  /**
   * Returns a whole tensor, row-major.
   *
   * @throws CheckpointException if it is missing or is no tensor of floats
   */
  float[] floats(String name);

  @Override
  void close();
}
