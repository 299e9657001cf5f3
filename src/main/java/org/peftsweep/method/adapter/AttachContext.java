package org.peftsweep.method.adapter;

import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.DoubleSupplier;
import org.peftsweep.compute.Backend;
import org.peftsweep.data.Seeds;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Model;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Role;

/**
 * Where a method is attached: a model, the roles of the matrices it works on, its random streams,
 * and what was prepared for it.
 *
 * @param targets roles of the chosen projections; empty for methods without targets
 * @param layout of the adapter that training starts from, {@link AdapterLayout#NONE} without
 */
public record AttachContext(
    Model model,
    Set<Role> targets,
    Backend backend,
    Seeds seeds,
    InitCache preparations,
    AdapterLayout layout) {
  /** An attachment without an adapter to start from. */
  public AttachContext(
      Model model, Set<Role> targets, Backend backend, Seeds seeds, InitCache preparations) {
    this(model, targets, backend, seeds, preparations, AdapterLayout.NONE);
  }

  /** An attachment that shares no preparations and has no data. */
  public AttachContext(Model model, Set<Role> targets, Backend backend, Seeds seeds) {
    this(model, targets, backend, seeds, InitCache.alone(List.of()));
  }

  /** Returns the chosen projections, in the model's order. */
  public List<Linear> projections() {
    return model.projections().stream().filter(this::isChosen).toList();
  }

  private boolean isChosen(Linear linear) {
    return layout.modules().isEmpty()
        ? targets.contains(linear.role())
        : layout.modules().contains(linear.name());
  }

  /** Returns a projection's rank, where the method's is {@code own}. */
  public int rank(Linear linear, int own) {
    return layout.ranks().getOrDefault(linear.name(), own);
  }

  /** Returns a projection's alpha, where the method's is {@code own}. */
  public double alpha(Linear linear, double own) {
    return layout.alphas().getOrDefault(linear.name(), own);
  }

  /** Makes a frozen tensor of zeros beside a projection, by that's name, a dot, and the name. */
  public Parameter zeros(Linear linear, String name, int... shape) {
    return Parameter.zeros(
        backend, linear.name() + "." + name, linear.role(), linear.layer(), shape);
  }

  /** Makes a tensor of zeros beside a projection that learns. */
  public Parameter learning(Linear linear, String name, int... shape) {
    return zeros(linear, name, shape).train(backend);
  }

  /**
   * Makes a tensor of zeros that learns and that projections share, named after the first of them:
   * it is in no layer, and follows the rate of queries and keys unless all are values.
   *
   * @param sharing those that share it, the first of them first
   */
  public Parameter shared(List<Linear> sharing, String name, int... shape) {
    Linear first = sharing.get(0);
    boolean isAlike = sharing.stream().allMatch(linear -> linear.role() == first.role());
    boolean isOne = sharing.size() == 1;
    return Parameter.zeros(
            backend,
            first.name() + "." + name,
            isAlike ? first.role() : Role.QUERY,
            isOne ? first.layer() : -1,
            shape)
        .train(backend);
  }

  /** Fills a tensor uniformly within ±bound, from the trial's seed and the tensor's name. */
  public Parameter uniform(Parameter parameter, double bound) {
    SplittableRandom random = seeds.random("initialise " + parameter.name());
    return fill(parameter, () -> (2 * random.nextDouble() - 1) * bound);
  }

  /** Fills a tensor normally about a mean, from the trial's seed and the tensor's name. */
  public Parameter normal(Parameter parameter, double mean, double deviation) {
    SplittableRandom random = seeds.random("initialise " + parameter.name());
    return fill(parameter, () -> mean + deviation * random.nextGaussian());
  }

  private Parameter fill(Parameter parameter, DoubleSupplier draw) {
    float[] values = new float[Math.toIntExact(parameter.size())];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) draw.getAsDouble();
    }
    backend.write(values, 0, parameter.value(), 0, values.length);
    return parameter;
  }

  /** Lets learn what the adapter that training starts from trained of the base besides. */
  public void trainOfBase() {
    layout.learning(model).forEach(parameter -> parameter.train(backend));
  }
}
