package org.peftsweep.model;

import java.util.Arrays;
import java.util.SplittableRandom;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.DenseWeight;
import org.peftsweep.compute.ElementType;
import org.peftsweep.compute.QuantisedMatrix;
import org.peftsweep.compute.QuantisedWeight;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Weight;
import org.peftsweep.data.Seeds;

/**
 * Tensors drawn from a seed, each from a stream of its own name.
 *
 * @param matrices how matrices of the base are stored
 */
public record RandomWeights(
    Backend backend, double initializerRange, Seeds seeds, ElementType matrices)
    implements Weights {
  /** The same in 32-bit floats. */
  public RandomWeights(Backend backend, double initializerRange, Seeds seeds) {
    this(backend, initializerRange, seeds, ElementType.F32);
  }

  @Override
  public Weight base(String name, Fresh fresh, int... shape) {
    return new DenseWeight(draw(Weights.storage(matrices, shape), name, fresh, shape));
  }

  @Override
  public Weight projection(String name, Fresh fresh, int out, int in) {
    if (!matrices.isQuantised()) {
      return base(name, fresh, out, in);
    }
    float[] drawn = normal(name, Math.multiplyExact(out, in));
    return QuantisedWeight.of(
        matrices,
        backend.allocate(QuantisedMatrix.floats(matrices, out, in)),
        out,
        in,
        (from, to, count) -> System.arraycopy(drawn, (int) from, to, 0, count),
        backend);
  }

  @Override
  public boolean owns(String name) {
    return true;
  }

  @Override
  public Tensor head(String name, Fresh fresh, int... shape) {
    return draw(ElementType.F32, name, fresh, shape);
  }

  private Tensor draw(ElementType type, String name, Fresh fresh, int... shape) {
    int size = Math.toIntExact(Arrays.stream(shape).asLongStream().reduce(1, Math::multiplyExact));
    Tensor tensor = new Tensor(type, backend.allocate(type.floats(size)), 0, shape);
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
