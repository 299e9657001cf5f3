package org.peftsweep.optim;

import org.peftsweep.model.Parameter;

/** Chooses how a parameter is updated: a method's, asked once a parameter before the first step. */
@FunctionalInterface
public interface UpdateRule {
  /** Leaves every parameter to the optimizer. */
  UpdateRule STANDARD = (parameter, optimizer) -> optimizer.update(parameter);

  /** Makes the update of a parameter in a trial with that optimizer. */
  Update update(Parameter parameter, Optimizer optimizer);
}
