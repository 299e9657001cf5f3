package org.peftsweep.optim;

import java.util.Arrays;
import org.peftsweep.checkpoint.StateReader;
import org.peftsweep.checkpoint.StateWriter;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Moments;
import org.peftsweep.compute.Tensor;
import org.peftsweep.model.Parameter;

/**
 * Adam on a few entries of a parameter (SIFT, Song et al., ICML 2024): those with the largest
 * gradient the first time there is one. That gradient chooses and moves nothing.
 *
 * <p>State: two floats and an index an entry. Weight decay does not act: in the reference it acts
 * on the increment, which is zero before each step.
 */
public final class SparseAdam implements Update {
  private final Parameter parameter;
  private final AdamW adam;
  private final int kept;
  private final OptimizerState state;
  private int[] chosen;

  /**
   * Makes the update.
   *
   * @param rate part of the entries that learn
   */
  public SparseAdam(Parameter parameter, AdamW adam, double rate) {
    this.parameter = parameter;
    this.adam = adam;
    this.kept = kept(parameter.size(), rate);
    this.state = new OptimizerState(2L * kept);
  }

  /**
   * Makes the update of entries that are chosen already.
   *
   * @param chosen ascending places in the flattened parameter, at least one
   */
  public SparseAdam(Parameter parameter, AdamW adam, int[] chosen) {
    this.parameter = parameter;
    this.adam = adam;
    this.kept = chosen.length;
    this.chosen = chosen.clone();
    this.state = new OptimizerState(2L * kept);
  }

  /** Refuses a part of entries that is not above 0 and at most 1. */
  public static void requireRate(double rate) {
    if (!(rate > 0 && rate <= 1)) {
      throw new IllegalArgumentException(
          "Cannot use rate = " + rate + ": give a number above 0 and at most 1");
    }
  }

  /** Returns how many of a tensor's entries learn: {@code min(⌊rate·size⌋ + 1, size)}. */
  public static int kept(long size, double rate) {
    return Math.toIntExact(Math.min((long) (rate * size) + 1, size));
  }

  /** Returns the places of the entries in the flattened parameter, ascending; null before. */
  int[] chosen() {
    return chosen == null ? null : chosen.clone();
  }

  /**
   * {@inheritDoc}
   *
   * <p>Chooses the entries if that is still to be done, which uses the gradient up; else clears the
   * gradient of all the others, so that clipping sees what learns.
   */
  @Override
  public void receive(Backend backend, Scratch scratch) {
    if (chosen == null) {
      float[] values = new float[Math.toIntExact(parameter.size())];
      backend.read(parameter.var().gradient(), 0, values, 0, values.length);
      chosen = largest(values, kept);
      parameter.var().clearGradient();
      return;
    }
    Tensor gradient = column(parameter.var().gradient());
    Tensor few = scratch.take(kept, 1);
    Tensor places = scratch.ints(chosen);
    backend.gather(gradient, places, false, few);
    backend.fill(gradient, 0);
    backend.scatterAdd(few, places, gradient);
  }

  @Override
  public void step(Backend backend, double rate, double decay, Scratch scratch) {
    Tensor gradient = column(parameter.var().gradient());
    Tensor few = scratch.take(kept, 1);
    Tensor places = scratch.ints(chosen);
    backend.gather(gradient, places, false, few);
    // The gradient has served: its memory takes the increment.
    Tensor increment = new Tensor(gradient.memory(), gradient.offset(), kept, 1);
    backend.fill(increment, 0);
    Moments moments =
        new Moments(
            increment, few, state.part(backend, 0, kept, 1), state.part(backend, kept, kept, 1));
    scratch.adamSteps().run(moments, adam.at(state.advance(), rate, adam.epsilon(), 0));
    backend.scatterAdd(increment, places, column(parameter.value()));
  }

  @Override
  public OptimizerState state() {
    return state;
  }

  @Override
  public long stateBytes() {
    return state.bytes() + (chosen == null ? 0 : (long) Integer.BYTES * chosen.length);
  }

  @Override
  public void save(Backend backend, StateWriter to) {
    Update.super.save(backend, to);
    if (chosen != null) {
      to.longs("chosen", Arrays.stream(chosen).asLongStream().toArray());
    }
  }

  @Override
  public void restore(Backend backend, StateReader from) {
    Update.super.restore(backend, from);
    if (from.has("chosen")) {
      chosen = Arrays.stream(from.longs("chosen")).mapToInt(Math::toIntExact).toArray();
    }
  }

  static Tensor column(Tensor tensor) {
    return tensor.reshape(Math.toIntExact(tensor.size()), 1);
  }

  /** The places of the {@code count} largest magnitudes; of equal ones the first. */
  private static int[] largest(float[] values, int count) {
    float[] magnitudes = new float[values.length];
    for (int i = 0; i < values.length; i++) {
      magnitudes[i] = Math.abs(values[i]);
    }
    Arrays.sort(magnitudes);
    float least = magnitudes[values.length - count];
    int ties = count;
    for (float value : values) {
      ties -= Math.abs(value) > least ? 1 : 0;
    }
    int[] places = new int[count];
    int found = 0;
    for (int i = 0; i < values.length && found < count; i++) {
      float magnitude = Math.abs(values[i]);
      if (magnitude > least || (magnitude == least && ties-- > 0)) {
        places[found++] = i;
      }
    }
    return places;
  }
}
