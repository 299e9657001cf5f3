package org.peftsweep.optim;

import java.util.List;
import org.peftsweep.checkpoint.StateReader;
import org.peftsweep.checkpoint.StateWriter;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Tensor;
import org.peftsweep.model.Parameter;

/**
 * An exponential moving average beside a parameter that another update moves: {@code θ* ← β·θ* + (1
 * − β)·θ} once a step, from the start on; θ* is what is evaluated and kept.
 *
 * <p>A balanced β is that of a step's gradient g and the change since the step before it, in sums
 * of absolute values: {@code β = (|g| + 1) / (|θ − θ*|·|Δg| / |Δθ|)}, at most the given decay.
 *
 * <p>State, besides the other update's: one float a scalar, three where β is balanced.
 */
public final class MovingAverage implements Update {
  private static final String AVERAGE = "average";

  private final Parameter parameter;
  private final Update mover;
  private final double decay;
  private final boolean isBalanced;
  private final OptimizerState state;

  /** Of the last step. */
  private double weight;

  /** The last weights, while the average is shown. */
  private final WeightsBehind behind = new WeightsBehind();

  /**
   * @param mover moves the parameter
   * @param decay β, in [0, 1), or the most that it may be
   */
  public MovingAverage(Parameter parameter, Update mover, double decay, boolean isBalanced) {
    this.parameter = parameter;
    this.mover = mover;
    this.decay = decay;
    this.isBalanced = isBalanced;
    this.weight = decay;
    this.state = new OptimizerState((isBalanced ? 3 : 1) * parameter.size());
  }

  private Tensor part(Backend backend, int index) {
    return state.part(backend, index * parameter.size(), parameter.value().shape());
  }

  @Override
  public void meet(List<Parameter> all) {
    mover.meet(all);
  }

  @Override
  public void prepare(Backend backend) {
    mover.prepare(backend);
  }

  @Override
  public void receive(Backend backend, Scratch scratch) {
    mover.receive(backend, scratch);
  }

  @Override
  public void measure(Backend backend, double scale, Distance together) {
    mover.measure(backend, scale, together);
  }

  /** The weights of a step join when the next begins: only then are they all moved. */
  @Override
  public void step(Backend backend, double rate, double decay, Scratch scratch) {
    if (state.advance() == 1) {
      backend.copy(parameter.value(), part(backend, 0));
    } else {
      weight = isBalanced ? balance(backend) : this.decay;
      join(backend, part(backend, 0), parameter.value());
    }
    if (isBalanced) {
      backend.copy(parameter.value(), part(backend, 1));
      backend.copy(parameter.var().gradient(), part(backend, 2));
    }
    mover.step(backend, rate, decay, scratch);
  }

  /** {@code into ← β·average + (1 − β)·last}, where into is one of the two. */
  private void join(Backend backend, Tensor average, Tensor last) {
    float share = (float) (1 - weight);
    Slices.change(
        backend,
        1,
        last,
        (from, count, values, out) -> {
          for (int i = 0; i < count; i++) {
            out[0][i] += share * (values[i] - out[0][i]);
          }
        },
        average);
  }

  private double balance(Backend backend) {
    double[] sums = new double[4];
    Slices.change(
        backend,
        1,
        parameter.value(),
        (from, count, values, out) -> {
          for (int i = 0; i < count; i++) {
            sums[0] += Math.abs(out[3][i]);
            sums[1] += Math.abs(values[i] - out[0][i]);
            sums[2] += Math.abs(values[i] - out[1][i]);
            sums[3] += Math.abs(out[3][i] - out[2][i]);
          }
        },
        part(backend, 0),
        part(backend, 1),
        part(backend, 2),
        parameter.var().gradient());
    double curvature = sums[1] * sums[3];
    double balanced = (sums[0] + 1) * sums[2] / curvature;
    return curvature == 0 ? decay : Math.min(decay, balanced);
  }

  /** The average with the weights of the last step in it. */
  @Override
  public void showAverage(Backend backend) {
    if (state.steps() == 0 || !behind.keep(backend, parameter)) {
      return;
    }
    float share = (float) (1 - weight);
    Slices.change(
        backend,
        1,
        part(backend, 0),
        (from, count, average, out) -> {
          for (int i = 0; i < count; i++) {
            out[0][i] = average[i] + share * (out[0][i] - average[i]);
          }
        },
        parameter.value());
  }

  @Override
  public void hideAverage(Backend backend) {
    behind.putBack(backend, parameter);
  }

  @Override
  public boolean comparesAverage() {
    return true;
  }

  @Override
  public OptimizerState state() {
    return mover.state();
  }

  @Override
  public void park(Backend backend) {
    mover.park(backend);
    state.park(backend);
  }

  @Override
  public void free(Backend backend) {
    mover.free(backend);
    state.free(backend);
  }

  @Override
  public long stateBytes() {
    return mover.stateBytes() + state.bytes();
  }

  @Override
  public void save(Backend backend, StateWriter to) {
    mover.save(backend, to);
    StateWriter own = to.under(AVERAGE);
    state.save(backend, own);
    own.number("weight", weight);
  }

  @Override
  public void restore(Backend backend, StateReader from) {
    mover.restore(backend, from);
    StateReader own = from.under(AVERAGE);
    state.restore(backend, own);
    weight = own.number("weight");
  }
}
