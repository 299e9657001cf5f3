package org.peftsweep.model;

import java.util.ArrayList;
import java.util.List;
import org.peftsweep.compute.Backend;
import org.peftsweep.model.Weights.Fresh;

/** Collects a model's parameters and projections in order while its constructor asks for them. */
final class Builder {
  private final Backend backend;
  private final Weights weights;
  private final List<Parameter> parameters = new ArrayList<>();
  private final List<Linear> projections = new ArrayList<>();

  Builder(Backend backend, Weights weights) {
    this.backend = backend;
    this.weights = weights;
  }

  Backend backend() {
    return backend;
  }

  PrefixCache prefixes() {
    return weights.prefixes();
  }

  List<Parameter> parameters() {
    return parameters;
  }

  List<Linear> projections() {
    return projections;
  }

  Parameter base(String name, Role role, int layer, Fresh fresh, int... shape) {
    return base(new Parameter(name, role, layer, weights.base(name, fresh, shape)));
  }

  /** A parameter of the base above all layers, drawn from the seed where a checkpoint lacks it. */
  Parameter optional(String name, Role role, Fresh fresh, int... shape) {
    return base(new Parameter(name, role, -1, weights.optional(name, fresh, shape)));
  }

  private Parameter base(Parameter parameter) {
    return add(weights.owns(parameter.name()) ? parameter.owned() : parameter);
  }

  /** A parameter of the head: it learns with every method. */
  Parameter head(String name, Fresh fresh, int... shape) {
    Parameter parameter = new Parameter(name, Role.HEAD, -1, weights.head(name, fresh, shape));
    return add(weights instanceof Outline ? parameter : parameter.owned().train(backend));
  }

  Linear headLinear(String name, int out, int in, boolean hasBias) {
    return new Linear(
        name,
        head(name + ".weight", Fresh.NORMAL, out, in),
        hasBias ? head(name + ".bias", Fresh.ZEROS, out) : null);
  }

  Linear linear(String name, Role role, int layer, int out, int in, boolean hasBias) {
    String weight = name + ".weight";
    Linear linear =
        new Linear(
            name,
            base(
                new Parameter(
                    weight, role, layer, weights.projection(weight, Fresh.NORMAL, out, in))),
            hasBias ? base(name + ".bias", role, layer, Fresh.ZEROS, out) : null);
    return projection(linear);
  }

  /** A projection that a method may adapt. */
  Linear projection(Linear linear) {
    projections.add(linear);
    return linear;
  }

  Norm norm(String name, int layer, int width, double epsilon) {
    return new Norm(
        base(name + ".weight", Role.NORM, layer, Fresh.ONES, width),
        base(name + ".bias", Role.NORM, layer, Fresh.ZEROS, width),
        (float) epsilon);
  }

  /** A layer norm without a shift. */
  Norm unshiftedNorm(String name, int layer, int width, double epsilon) {
    return new Norm(
        base(name + ".weight", Role.NORM, layer, Fresh.ONES, width), null, (float) epsilon);
  }

  /** Frees what the model owns: its head, what it trains. */
  void close() {
    parameters.forEach(parameter -> parameter.free(backend));
  }

  private Parameter add(Parameter parameter) {
    parameters.add(parameter);
    return parameter;
  }
}
