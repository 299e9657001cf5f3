package org.peftsweep.method.adapter;

import java.util.function.BiConsumer;
import java.util.function.DoubleSupplier;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Var;
import org.peftsweep.data.Batch;

/** Shows a method what the model as it is makes of training data, outside of the steps. */
public interface Probe {
  /**
   * Draws examples of the train part, fewer where there are fewer.
   *
   * @param draw tells draws of a trial apart; the same draw gives the same examples
   * @return computes their mean loss, without dropout and gradients, each time it is asked
   */
  DoubleSupplier draw(int examples, long draw);

  /**
   * Shows what the head reads of a batch, {@code [rows, width]}, without dropout and gradients; by
   * default nobody does.
   *
   * @param see reads it at once
   */
  default void states(Batch batch, BiConsumer<Tape, Var> see) {}
}
