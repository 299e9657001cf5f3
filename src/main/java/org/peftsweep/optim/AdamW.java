package org.peftsweep.optim;

import java.util.ArrayList;
import java.util.List;
import org.peftsweep.compute.AdamStep;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Memory;
import org.peftsweep.compute.Tensor;
import org.peftsweep.model.Parameter;

/**
 * AdamW (Loshchilov and Hutter, arXiv:1711.05101) as torch.optim has it: decay before the update, ε
 * added to the bias-corrected root.
 *
 * <p>State: two floats a trained scalar. A parameter without a gradient in a step neither decays
 * nor advances its own step count.
 */
public final class AdamW implements Optimizer {
  /**
   * Settings of all groups.
   *
   * @param weightDecay decoupled, on parameters that {@link Rates#decays} names
   */
  public record Settings(double beta1, double beta2, double epsilon, double weightDecay) {}

  private static final class Moments {
    private final Parameter parameter;
    private final Memory memory;
    private final Tensor first;
    private final Tensor second;
    private int steps;

    private Moments(Backend backend, Parameter parameter) {
      this.parameter = parameter;
      long size = parameter.size();
      memory = backend.allocate(2 * size);
      first = new Tensor(memory, 0, parameter.value().shape());
      second = new Tensor(memory, size, parameter.value().shape());
    }
  }

  private final Backend backend;
  private final Rates rates;
  private final Settings settings;
  private final List<Moments> state = new ArrayList<>();

  public AdamW(Backend backend, List<Parameter> parameters, Rates rates, Settings settings) {
    this.backend = backend;
    this.rates = rates;
    this.settings = settings;
    parameters.forEach(parameter -> state.add(new Moments(backend, parameter)));
  }

  @Override
  public void step(double factor) {
    for (Moments moments : state) {
      Parameter parameter = moments.parameter;
      if (parameter.var().hasGradient()) {
        moments.steps++;
        backend.adamW(
            parameter.value(),
            parameter.var().gradient(),
            moments.first,
            moments.second,
            scalars(parameter, moments.steps, factor));
      }
    }
  }

  private AdamStep scalars(Parameter parameter, int steps, double factor) {
    return new AdamStep(
        (float) (factor * rates.of(parameter)),
        (float) settings.beta1,
        (float) settings.beta2,
        (float) settings.epsilon,
        (float) (rates.decays(parameter) ? settings.weightDecay : 0),
        1 - Math.pow(settings.beta1, steps),
        1 - Math.pow(settings.beta2, steps));
  }

  @Override
  public long stateBytes() {
    return Float.BYTES * state.stream().mapToLong(moments -> moments.memory.floats()).sum();
  }

  @Override
  public void close() {
    state.forEach(moments -> backend.free(moments.memory));
    state.clear();
  }
}
