package org.peftsweep.optim;

import java.util.ArrayList;
import java.util.List;
import org.peftsweep.checkpoint.StateReader;
import org.peftsweep.checkpoint.StateWriter;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Moments;
import org.peftsweep.model.Parameter;

/**
 * Moves all parameters that train along their gradients: each by the update of the optimizer, or by
 * one that the method chose, at the rates of their groups.
 *
 * <p>A parameter without a gradient in a step neither moves nor decays, and its update is not told
 * of the step.
 */
public final class Updates implements AutoCloseable {
  private static final String DISTANCE = "distance";

  private record Entry(Parameter parameter, Update update) {}

  private final Backend backend;
  private final Rates rates;
  private final double weightDecay;
  private final Scratch scratch;
  private final List<Entry> entries = new ArrayList<>();
  private final Distance distance;

  /** Makes updates that are all the optimizer's own. */
  public Updates(
      Backend backend,
      List<Parameter> parameters,
      Rates rates,
      double weightDecay,
      Optimizer optimizer) {
    this(backend, parameters, rates, weightDecay, optimizer, UpdateRule.STANDARD);
  }

  /**
   * Makes the updates of parameters.
   *
   * @param weightDecay decoupled, on parameters that {@link Rates#decays} names
   * @param choice the method's
   */
  public Updates(
      Backend backend,
      List<Parameter> parameters,
      Rates rates,
      double weightDecay,
      Optimizer optimizer,
      UpdateRule choice) {
    this.backend = backend;
    this.rates = optimizer.findsRate() ? rates.relative() : rates;
    this.weightDecay = weightDecay;
    this.scratch = new Scratch(backend);
    this.distance = optimizer.distance().orElse(null);
    for (Parameter parameter : parameters) {
      entries.add(new Entry(parameter, choice.update(parameter, optimizer)));
    }
    entries.forEach(entry -> entry.update.meet(parameters));
  }

  /** Frees the backend's memory of what it remembers of parameters that rest; they may wake. */
  public void rest() {
    for (Entry entry : entries) {
      if (entry.parameter.isResting()) {
        entry.update.park(backend);
      }
    }
  }

  /** Lets updates change fresh gradients before they are clipped. */
  public void receive() {
    for (Entry entry : entries) {
      if (entry.parameter.var().hasGradient()) {
        entry.update.receive(backend, scratch);
      }
    }
  }

  /**
   * Updates every parameter that has a gradient.
   *
   * @param factor the schedule's, on every learning rate
   */
  public void step(double factor) {
    measure(factor);
    for (Entry entry : entries) {
      if (entry.parameter.var().hasGradient()) {
        entry.update.prepare(backend);
      }
    }
    for (Entry entry : entries) {
      if (entry.parameter.var().hasGradient()) {
        entry.update.step(backend, rate(entry, factor), decay(entry), scratch);
      }
    }
    scratch.adamSteps().run();
  }

  /**
   * Whether a step is AdamW's kernel and nothing else, so that {@link #plan} can tell all of it
   * before there are gradients.
   */
  public boolean arePlannable() {
    return distance == null && entries.stream().allMatch(e -> e.update instanceof AdamUpdate);
  }

  /** Returns the step of those parameters that have a gradient now; {@link #advance} counts it. */
  public PlannedStep plan() {
    List<Moments> moments = new ArrayList<>();
    List<PlannedStep.Scalars> scalars = new ArrayList<>();
    for (Entry entry : entries) {
      if (entry.parameter.var().hasGradient()) {
        AdamUpdate update = (AdamUpdate) entry.update;
        moments.add(update.moments(backend));
        scalars.add(factor -> update.next(rate(entry, factor), decay(entry)));
      }
    }
    return new PlannedStep(moments, scalars);
  }

  /** Counts a planned step that was made of those parameters that have a gradient. */
  public void advance() {
    for (Entry entry : entries) {
      if (entry.parameter.var().hasGradient()) {
        entry.update.state().advance();
      }
    }
  }

  private double rate(Entry entry, double factor) {
    return factor * rates.of(entry.parameter);
  }

  private double decay(Entry entry) {
    return rates.decays(entry.parameter) ? weightDecay : 0;
  }

  private void measure(double factor) {
    if (distance == null) {
      return;
    }
    distance.begin(factor);
    if (factor == 0) {
      // As in the authors' code: what cannot move is not measured, nor counted as a step.
      return;
    }
    for (Entry entry : entries) {
      if (entry.parameter.var().hasGradient()) {
        entry.update.measure(backend, rates.of(entry.parameter), distance);
      }
    }
    distance.settle();
  }

  /**
   * Puts what is to be evaluated and kept in the parameters' place, until {@link #hideAverages}.
   */
  public void showAverages() {
    entries.forEach(entry -> entry.update.showAverage(backend));
  }

  /** Whether the last weights are evaluated too, before the averages are shown. */
  public boolean compareAverages() {
    return entries.stream().anyMatch(entry -> entry.update.comparesAverage());
  }

  /** Lets training go on from where it was; without averages shown it does nothing. */
  public void hideAverages() {
    entries.forEach(entry -> entry.update.hideAverage(backend));
  }

  /** Returns the backend's memory of its state as it is now, in bytes. */
  public long stateBytes() {
    return entries.stream().mapToLong(entry -> entry.update.stateBytes()).sum();
  }

  /** Returns the memory that it works in and remembers nothing in, in bytes. */
  public long scratchBytes() {
    return scratch.bytes();
  }

  /** Writes all that it remembers, by parameter. */
  public void save(StateWriter to) {
    entries.forEach(entry -> entry.update.save(backend, to.under(entry.parameter.name())));
    if (distance != null) {
      distance.save(to.under(DISTANCE));
    }
  }

  /** Takes up what {@link #save} wrote, before the first step. */
  public void restore(StateReader from) {
    entries.forEach(entry -> entry.update.restore(backend, from.under(entry.parameter.name())));
    if (distance != null) {
      distance.restore(from.under(DISTANCE));
    }
  }

  @Override
  public void close() {
    entries.forEach(entry -> entry.update.free(backend));
    entries.clear();
    scratch.close();
  }
}
