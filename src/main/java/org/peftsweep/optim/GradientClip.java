package org.peftsweep.optim;

import java.util.List;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Tensor;
import org.peftsweep.model.Parameter;

/**
 * Clipping of gradients by their global norm (Pascanu et al., arXiv:1211.5063), as torch does it.
 */
public final class GradientClip {
  private GradientClip() {}

  /**
   * Scales all gradients by {@code min(1, most / (norm + 1e-6))}.
   *
   * @param most largest norm left alone; 0 for no clipping
   * @param norm receives the norm before, {@code F64} of one element
   */
  public static void apply(Backend backend, List<Parameter> parameters, double most, Tensor norm) {
    backend.clip(gradients(parameters), most, norm);
  }

  /** Returns the gradients of those parameters that have one. */
  public static List<Tensor> gradients(List<Parameter> parameters) {
    return parameters.stream()
        .map(Parameter::var)
        .filter(parameter -> parameter.hasGradient())
        .map(parameter -> parameter.gradient())
        .toList();
  }
}
