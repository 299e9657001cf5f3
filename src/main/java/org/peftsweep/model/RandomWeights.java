package org.peftsweep.model;

import java.util.Arrays;
import java.util.SplittableRandom;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Tensor;
import org.peftsweep.data.Seeds;

/** Tensors drawn from a seed, each from a stream of its own name. */
public record RandomWeights(Backend backend, double initializerRange, Seeds seeds)
    implements Weights {
  @Override
  public Tensor base(String name, Fresh fresh, int... shape) {
    return head(name, fresh, shape);
  }

  @Override
  public boolean owns(String name) {
    return true;
  }

  @Override
  public Tensor head(String name, Fresh fresh, int... shape) {
    int size = Math.toIntExact(Arrays.stream(shape).asLongStream().reduce(1, Math::multiplyExact));
    Tensor tensor = new Tensor(backend.allocate(size), 0, shape);
    if (fresh == Fresh.ONES) {
      backend.fill(tensor, 1);
    } else if (fresh == Fresh.NORMAL) {
      backend.write(normal(name, size), 0, tensor, 0, size);
    }
    return tensor;
  }

  private float[] normal(String name, int size) {
    SplittableRandom random = seeds.random("initialise " + name);
    float[] values = new float[size];
    for (int i = 0; i < size; i++) {
      values[i] = (float) (initializerRange * random.nextGaussian());
    }
    return values;
  }
}
