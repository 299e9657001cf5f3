package org.peftsweep.optim;

import org.peftsweep.model.Parameter;

/**
 * How what learns moves along its gradient.
 *
 * <p>Each optimizer is a record; its components are its settings, by the same names in sweep files
 * (camelCase there becomes kebab-case). The permits clause is the registry. Rates, schedule, weight
 * decay and clipping are the trial's, whichever optimizer it has.
 */
public sealed interface Optimizer permits AdamW, Lion, SM3 {
  /** Makes the update of one parameter, which remembers nothing yet. */
  Update update(Parameter parameter);

  /** Raised whenever the same settings would give other numbers; part of a trial's identity. */
  default int semanticsVersion() {
    return 1;
  }
}
