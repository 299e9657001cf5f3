package org.peftsweep.optim;

import java.util.Arrays;
import java.util.function.BooleanSupplier;
import org.peftsweep.checkpoint.StateReader;
import org.peftsweep.checkpoint.StateWriter;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Lapack;
import org.peftsweep.compute.Tensor;
import org.peftsweep.model.Parameter;

/**
 * AdamW on the entries of a matrix of least magnitude (SaRA, arXiv:2409.06633), of which those that
 * grew out of it stop to learn after so many steps, when Adam begins anew. In steps that are told,
 * the gradient of the nuclear norm of the matrix with all other entries 0 is added: {@code U·Vᵀ} of
 * its singular vectors, at those entries.
 */
public final class SaRAAdam implements Update {
  /** Singular values below this part of the largest are rounding. */
  private static final double RANK = 1e-6;

  private final Parameter parameter;
  private final AdamW adam;
  private final Settings settings;
  private final BooleanSupplier isPenalised;
  private final Smallest smallest;
  private SparseAdam current;
  private int[] chosen;
  private int steps;

  /**
   * What holds for all matrices.
   *
   * @param nuclear weight of the nuclear norm
   * @param refresh steps after which entries are looked at again
   */
  public record Settings(double nuclear, int refresh) {}

  /** Entries that learn first, ascending places, and the most magnitude that they may have. */
  public record Smallest(int[] places, float limit) {
    /** Returns the entries of least magnitude; of equals the first. */
    public static Smallest of(float[] values, int count) {
      float[] sizes = new float[values.length];
      for (int i = 0; i < sizes.length; i++) {
        sizes[i] = Math.abs(values[i]);
      }
      Arrays.sort(sizes);
      float limit = sizes[count - 1];
      int atLimit = 1;
      while (atLimit < count && sizes[count - 1 - atLimit] == limit) {
        atLimit++;
      }
      int[] places = new int[count];
      int at = 0;
      for (int i = 0; i < values.length && at < count; i++) {
        float size = Math.abs(values[i]);
        if (size < limit || size == limit && atLimit-- > 0) {
          places[at++] = i;
        }
      }
      return new Smallest(places, limit);
    }
  }

  /**
   * Makes the update.
   *
   * @param isPenalised whether the step at hand adds the gradient of the nuclear norm
   */
  public SaRAAdam(
      Parameter parameter,
      AdamW adam,
      Smallest smallest,
      Settings settings,
      BooleanSupplier isPenalised) {
    this.parameter = parameter;
    this.adam = adam;
    this.smallest = smallest;
    this.settings = settings;
    this.isPenalised = isPenalised;
    choose(smallest.places);
  }

  private void choose(int... places) {
    chosen = places;
    current = new SparseAdam(parameter, adam, places);
  }

  int[] chosen() {
    return chosen.clone();
  }

  @Override
  public void receive(Backend backend, Scratch scratch) {
    current.receive(backend, scratch);
    if (isPenalised.getAsBoolean()) {
      penalise(backend);
    }
  }

  private void penalise(Backend backend) {
    int rows = parameter.value().rows();
    int columns = parameter.value().columns();
    float[] value = read(backend, parameter.value());
    double[] masked = new double[value.length];
    boolean isZero = true;
    for (int place : chosen) {
      masked[place] = value[place];
      isZero &= value[place] == 0;
    }
    if (isZero) {
      return;
    }
    Lapack.Svd svd = Lapack.svd(masked, rows, columns);
    int all = svd.sigma().length;
    int rank = 0;
    while (rank < all && svd.sigma()[rank] > RANK * svd.sigma()[0]) {
      rank++;
    }
    float[] gradient = read(backend, parameter.var().gradient());
    for (int place : chosen) {
      int row = place / columns;
      int column = place % columns;
      double sum = 0;
      for (int i = 0; i < rank; i++) {
        sum += svd.u()[row * all + i] * svd.vt()[i * columns + column];
      }
      gradient[place] += (float) (settings.nuclear * sum);
    }
    backend.write(gradient, 0, parameter.var().gradient(), 0, gradient.length);
  }

  @Override
  public void step(Backend backend, double rate, double decay, Scratch scratch) {
    if (decay > 0) {
      Tensor value = SparseAdam.column(parameter.value());
      Tensor few = scratch.take(chosen.length, 1);
      Tensor places = scratch.ints(chosen);
      backend.gather(value, places, false, few);
      backend.scale((float) (-rate * decay), few, few);
      backend.scatterAdd(few, places, value);
    }
    current.step(backend, rate, decay, scratch);
    steps++;
    if (steps == settings.refresh) {
      refresh(backend);
    }
  }

  private void refresh(Backend backend) {
    float[] value = read(backend, parameter.value());
    int[] left =
        Arrays.stream(chosen).filter(place -> Math.abs(value[place]) <= smallest.limit).toArray();
    if (left.length > 0) {
      current.state().free(backend);
      choose(left);
    }
  }

  private static float[] read(Backend backend, Tensor tensor) {
    float[] values = new float[Math.toIntExact(tensor.size())];
    backend.read(tensor, 0, values, 0, values.length);
    return values;
  }

  @Override
  public OptimizerState state() {
    return current.state();
  }

  @Override
  public long stateBytes() {
    return current.stateBytes();
  }

  @Override
  public void save(Backend backend, StateWriter to) {
    current.save(backend, to);
    to.number("all-steps", steps);
  }

  @Override
  public void restore(Backend backend, StateReader from) {
    current.state().free(backend);
    choose(Arrays.stream(from.longs("chosen")).mapToInt(Math::toIntExact).toArray());
    current.restore(backend, from);
    steps = Math.toIntExact(from.wholeNumber("all-steps"));
  }
}
