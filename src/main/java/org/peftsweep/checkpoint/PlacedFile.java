package org.peftsweep.checkpoint;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * A tensor of a file as the model has it.
 *
 * @param stored as the file has it
 */
record PlacedFile(StoredTensor stored, Placement placement) implements TensorFile {
  /** Returns the tensor, by the file's name of what it lies in. */
  static StoredTensor tensor(StoredTensor stored, Placement placement) {
    if (placement.parts() > 1) {
      long outputs = stored.shape().get(placement.isTurned() ? stored.shape().size() - 1 : 0);
      if (outputs % placement.parts() != 0) {
        throw new CheckpointException(
            "Cannot use %s in %s: its shape is %s, and it should have %d equal parts"
                .formatted(stored.name(), stored.file().path(), stored.shape(), placement.parts()));
      }
    }
    return new StoredTensor(
        new PlacedFile(stored, placement), stored.name(), placement.shape(stored.shape()));
  }

  @Override
  public Path path() {
    return stored.file().path();
  }

  @Override
  public Map<String, List<Long>> shapes() {
    return Map.of(stored.name(), placement.shape(stored.shape()));
  }

  @Override
  public boolean isFloat(String name) {
    return stored.file().isFloat(name);
  }

  @Override
  public void requireFloat(String name) {
    stored.file().requireFloat(name);
  }

  @Override
  public FloatSource values(String name) {
    return placement.of(stored.values(), stored.shape());
  }

  @Override
  public void close() {
    stored.file().close();
  }
}
