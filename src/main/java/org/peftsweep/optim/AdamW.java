package org.peftsweep.optim;

import java.util.ArrayList;
import java.util.List;
import org.peftsweep.checkpoint.StateReader;
import org.peftsweep.checkpoint.StateWriter;
import org.peftsweep.compute.AdamStep;
import org.peftsweep.compute.Backend;
import org.peftsweep.model.Parameter;

/**
 * AdamW (Loshchilov and Hutter, arXiv:1711.05101) as torch.optim has it: decay before the update, ε
 * added to the bias-corrected root. A method may choose another {@link Update} for a parameter.
 *
 * <p>State: two floats a trained scalar, allocated by the first step that has its gradient. A
 * parameter without a gradient in a step neither decays nor advances its own step count.
 */
public final class AdamW implements Optimizer {
  /**
   * Settings of all groups.
   *
   * @param weightDecay decoupled, on parameters that {@link Rates#decays} names
   */
  public record Settings(double beta1, double beta2, double epsilon, double weightDecay) {
    /** Returns the scalars of a parameter's step, counted from 1. */
    AdamStep at(int step, double rate, double epsilon, double decay) {
      return new AdamStep(
          (float) rate,
          (float) beta1,
          (float) beta2,
          (float) epsilon,
          (float) decay,
          1 - Math.pow(beta1, step),
          1 - Math.pow(beta2, step));
    }
  }

  private record Entry(Parameter parameter, Update update) {}

  private final Backend backend;
  private final Rates rates;
  private final Settings settings;
  private final Scratch scratch;
  private final List<Entry> entries = new ArrayList<>();

  public AdamW(Backend backend, List<Parameter> parameters, Rates rates, Settings settings) {
    this(backend, parameters, rates, settings, Update.Choice.STANDARD);
  }

  /** Makes the optimizer with updates that a method chooses. */
  public AdamW(
      Backend backend,
      List<Parameter> parameters,
      Rates rates,
      Settings settings,
      Update.Choice choice) {
    this.backend = backend;
    this.rates = rates;
    this.settings = settings;
    this.scratch = new Scratch(backend);
    for (Parameter parameter : parameters) {
      Update chosen = choice.apply(parameter);
      entries.add(new Entry(parameter, chosen == null ? new DenseAdam(parameter) : chosen));
    }
  }

  @Override
  public void rest() {
    for (Entry entry : entries) {
      if (entry.parameter.isResting()) {
        entry.update.state().park(backend);
      }
    }
  }

  @Override
  public void receive() {
    for (Entry entry : entries) {
      if (entry.parameter.var().hasGradient()) {
        entry.update.receive(backend, scratch);
      }
    }
  }

  @Override
  public void step(double factor) {
    for (Entry entry : entries) {
      Parameter parameter = entry.parameter;
      if (parameter.var().hasGradient()) {
        double decay = rates.decays(parameter) ? settings.weightDecay : 0;
        entry.update.step(backend, settings, factor * rates.of(parameter), decay, scratch);
      }
    }
  }

  @Override
  public long stateBytes() {
    return entries.stream().mapToLong(entry -> entry.update.stateBytes()).sum();
  }

  @Override
  public long scratchBytes() {
    return scratch.bytes();
  }

  @Override
  public void save(StateWriter to) {
    entries.forEach(entry -> entry.update.save(backend, to.under(entry.parameter.name())));
  }

  @Override
  public void restore(StateReader from) {
    entries.forEach(entry -> entry.update.restore(backend, from.under(entry.parameter.name())));
  }

  @Override
  public void close() {
    entries.forEach(entry -> entry.update.state().free(backend));
    entries.clear();
    scratch.close();
  }
}
