package org.peftsweep.checkpoint;

import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A file whose tensors lie in mapped files, itself or those beside it. */
abstract class MappedTensors implements TensorFile {
  private final Path path;
  private final Map<String, MappedTensor> tensors = new LinkedHashMap<>();

  MappedTensors(Path path) {
    this.path = path;
  }

  /** Adds a tensor; false where the name is taken. */
  final boolean add(String name, MappedTensor tensor) {
    return tensors.putIfAbsent(name, tensor) == null;
  }

  @Override
  public final Path path() {
    return path;
  }

  @Override
  public final Map<String, List<Long>> shapes() {
    Map<String, List<Long>> shapes = new LinkedHashMap<>();
    tensors.forEach((name, tensor) -> shapes.put(name, tensor.shape()));
    return Collections.unmodifiableMap(shapes);
  }

  @Override
  public final FloatSource values(String name) {
    MappedTensor tensor = tensors.get(name);
    if (tensor == null) {
      throw missing(name);
    }
    return tensor;
  }

  @Override
  public final void close() {
    // The garbage collector gives the mapping back.
  }
}
