package org.peftsweep.cli.gpu;

import java.util.Arrays;
import java.util.SplittableRandom;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.DenseWeight;
import org.peftsweep.compute.ElementType;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Weight;
import org.peftsweep.data.Seeds;
import org.peftsweep.model.Weights;

/**
 * Tensors whose values repeat: a block of normal numbers that is drawn once and copied within the
 * backend's memory, so that billions of weights are there in no time.
 */
final class RepeatedWeights implements Weights {
  private static final int BLOCK = 1 << 20;
  private static final double RANGE = 0.02;

  private final Backend backend;
  private final ElementType matrices;
  private final float[] block = new float[BLOCK];

  /**
   * @param matrices how matrices of the base are stored
   */
  RepeatedWeights(Backend backend, ElementType matrices, Seeds seeds) {
    this.backend = backend;
    this.matrices = matrices;
    SplittableRandom random = seeds.random("block");
    for (int i = 0; i < BLOCK; i++) {
      block[i] = (float) (RANGE * random.nextGaussian());
    }
  }

  @Override
  public Weight base(String name, Fresh fresh, int... shape) {
    return new DenseWeight(filled(Weights.storage(matrices, shape), fresh, shape));
  }

  @Override
  public boolean owns(String name) {
    return true;
  }

  @Override
  public Tensor head(String name, Fresh fresh, int... shape) {
    return filled(ElementType.F32, fresh, shape);
  }

  private Tensor filled(ElementType type, Fresh fresh, int... shape) {
    int size = Math.toIntExact(Arrays.stream(shape).asLongStream().reduce(1, Math::multiplyExact));
    Tensor tensor = new Tensor(type, backend.allocate(type.floats(size)), 0, shape);
    if (fresh == Fresh.ONES) {
      backend.fill(tensor, 1);
    } else if (fresh == Fresh.NORMAL) {
      int done = Math.min(BLOCK, size);
      backend.write(block, 0, tensor, 0, done);
      while (done < size) {
        int some = Math.min(done, size - done);
        backend.copy(
            new Tensor(type, tensor.memory(), 0, some),
            new Tensor(type, tensor.memory(), done, some));
        done += some;
      }
    }
    return tensor;
  }
}
