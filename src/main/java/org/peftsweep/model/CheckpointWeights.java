package org.peftsweep.model;

import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.peftsweep.checkpoint.Checkpoint;
import org.peftsweep.checkpoint.FloatSource;
import org.peftsweep.checkpoint.StoredTensor;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.DenseWeight;
import org.peftsweep.compute.ElementType;
import org.peftsweep.compute.Memory;
import org.peftsweep.compute.QuantisedMatrix;
import org.peftsweep.compute.QuantisedWeight;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Weight;
import org.peftsweep.data.Seeds;

/**
 * A checkpoint's tensors in one kind of backend's memory, read once and shared by all trials of an
 * executor.
 *
 * <p>Safe for use by several threads; the memory stays until the process ends.
 */
public final class CheckpointWeights {
  private static final int CHUNK = 1 << 20;

  private final Checkpoint checkpoint;
  private final ElementType matrices;
  private final Map<String, Weight> shared = new ConcurrentHashMap<>();

  /** Keeps them in 32-bit floats, whatever the files have. */
  public CheckpointWeights(Checkpoint checkpoint) {
    this(checkpoint, ElementType.F32);
  }

  /**
   * @param matrices how matrices are stored
   */
  public CheckpointWeights(Checkpoint checkpoint, ElementType matrices) {
    this.checkpoint = checkpoint;
    this.matrices = matrices;
  }

  public Checkpoint checkpoint() {
    return checkpoint;
  }

  /**
   * Returns these weights for one trial, whose seed draws what the checkpoint lacks of the head.
   */
  public Weights forTrial(Backend backend, Seeds seeds) {
    return forTrial(backend, seeds, null);
  }

  /**
   * The same for a trial among others over these weights.
   *
   * @param prefixes where they keep hidden states of frozen layers; null for nowhere
   */
  public Weights forTrial(Backend backend, Seeds seeds, PrefixCache prefixes) {
    RandomWeights random =
        new RandomWeights(backend, checkpoint.config().initializerRange(), seeds, matrices);
    return new Weights() {
      @Override
      public PrefixCache prefixes() {
        return prefixes;
      }

      @Override
      public Weight base(String name, Fresh fresh, int... shape) {
        return shared.computeIfAbsent(name, missing -> read(backend, missing, shape));
      }

      @Override
      public Weight projection(String name, Fresh fresh, int out, int in) {
        return shared.computeIfAbsent(
            name,
            missing ->
                matrices.isQuantised()
                    ? quantised(backend, missing, out, in)
                    : read(backend, missing, out, in));
      }

      @Override
      public Weight optional(String name, Fresh fresh, int... shape) {
        return owns(name) ? random.base(name, fresh, shape) : base(name, fresh, shape);
      }

      @Override
      public boolean owns(String name) {
        return checkpoint.lookup(name).isEmpty();
      }

      @Override
      public Tensor head(String name, Fresh fresh, int... shape) {
        Optional<StoredTensor> stored =
            checkpoint.lookup(name).filter(tensor -> tensor.hasShape(longs(shape)));
        return stored.isPresent()
            ? filled(
                backend,
                stored.get(),
                new Tensor(backend.allocate(stored.get().elements()), 0, shape))
            : random.head(name, fresh, shape);
      }
    };
  }

  private StoredTensor stored(String name, int... shape) {
    StoredTensor stored = checkpoint.find(name);
    stored.requireShape(Arrays.stream(shape).asLongStream().toArray());
    return stored;
  }

  private Weight quantised(Backend backend, String name, int out, int in) {
    FloatSource values = stored(name, out, in).values();
    Memory memory = backend.allocateShared(QuantisedMatrix.floats(matrices, out, in));
    return QuantisedWeight.of(
        matrices,
        memory,
        out,
        in,
        (from, to, count) -> values.read(from, FloatBuffer.wrap(to, 0, count)),
        backend);
  }

  private Weight read(Backend backend, String name, int... shape) {
    StoredTensor stored = stored(name, shape);
    ElementType type = Weights.storage(matrices, shape);
    Memory memory = backend.allocateShared(type.floats(stored.elements()));
    return new DenseWeight(filled(backend, stored, new Tensor(type, memory, 0, shape)));
  }

  private static Tensor filled(Backend backend, StoredTensor stored, Tensor tensor) {
    long size = stored.elements();
    FloatSource values = stored.values();
    float[] chunk = new float[(int) Math.min(CHUNK, size)];
    for (long at = 0; at < size; at += chunk.length) {
      int count = (int) Math.min(chunk.length, size - at);
      values.read(at, FloatBuffer.wrap(chunk, 0, count));
      backend.write(chunk, 0, tensor, at, count);
    }
    return tensor;
  }

  private static List<Long> longs(int... shape) {
    return Arrays.stream(shape).mapToObj(extent -> (long) extent).toList();
  }
}
