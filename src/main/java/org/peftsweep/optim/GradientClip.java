package org.peftsweep.optim;

import java.util.List;
import org.peftsweep.compute.Backend;
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
   * @return the norm before
   */
  public static double apply(Backend backend, List<Parameter> parameters, double most) {
    double squares = 0;
    for (Parameter parameter : parameters) {
      if (parameter.var().hasGradient()) {
        squares += backend.sumOfSquares(parameter.var().gradient());
      }
    }
    double norm = Math.sqrt(squares);
    float factor = (float) (most / (norm + 1e-6));
    if (most > 0 && factor < 1) {
      for (Parameter parameter : parameters) {
        if (parameter.var().hasGradient()) {
          backend.scale(factor, parameter.var().gradient(), parameter.var().gradient());
        }
      }
    }
    return norm;
  }
}
