package org.peftsweep.optim;

import java.util.Optional;
import org.peftsweep.model.Parameter;

/**
 * How what learns moves along its gradient.
 *
 * <p>Each optimizer is a record; its components are its settings, by the same names in sweep files
 * (camelCase there becomes kebab-case). The permits clause is the registry. Rates, schedule, weight
 * decay and clipping are the trial's, whichever optimizer it has.
 */
public sealed interface Optimizer
    permits Adafactor,
        AdamW,
        AdamW8Bit,
        DAdaptation,
        Lion,
        LoRARITE,
        Muon,
        Prodigy,
        ScheduleFree,
        SM3,
        SOAP {
  /** Makes the update of one parameter, which remembers nothing yet. */
  Update update(Parameter parameter);

  /** Whether it finds its step size itself: learning rates do not count, ratios between them do. */
  default boolean findsRate() {
    return false;
  }

  /** Whether parameters may learn at rates of their own. */
  default boolean takesRatios() {
    return true;
  }

  /** Starts what all updates of a trial measure together; empty where they do not. */
  default Optional<Distance> distance() {
    return Optional.empty();
  }

  /** Raised whenever the same settings would give other numbers; part of a trial's identity. */
  default int semanticsVersion() {
    return 1;
  }
}
