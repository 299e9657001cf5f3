package org.peftsweep.model;

import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Var;

/** What a method adds to a layer norm, as a change of its gain and its shift {@code [width]}. */
public interface NormAdapter extends Addition {
  Var gain(Tape tape, Var gain);

  Var shift(Tape tape, Var shift);

  /** Folds itself into copies of the frozen gain and shift. */
  void merge(Backend backend, Tensor gain, Tensor shift);
}
