package org.peftsweep.optim;

import org.peftsweep.compute.Backend;
import org.peftsweep.model.Parameter;

/** The weights that train, kept while their average stands in their place. */
final class WeightsBehind {
  private float[] values;

  /** Keeps a parameter's values; returns false where they are kept already. */
  boolean keep(Backend backend, Parameter parameter) {
    if (values != null) {
      return false;
    }
    values = new float[Math.toIntExact(parameter.size())];
    backend.read(parameter.value(), 0, values, 0, values.length);
    return true;
  }

  /** Puts them back, if any are kept. */
  void putBack(Backend backend, Parameter parameter) {
    if (values != null) {
      backend.write(values, 0, parameter.value(), 0, values.length);
      values = null;
    }
  }
}
