package org.peftsweep.method;

import java.util.Set;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Model;
import org.peftsweep.model.Role;

/** Refuses blocks that do not cover a matrix. */
final class Blocks {
  private Blocks() {}

  /**
   * Refuses targets whose columns, and where asked rows, are no multiple of a side.
   *
   * @throws IllegalArgumentException naming the first of them
   */
  static void require(
      Model outline, Set<Role> targets, String setting, int side, boolean dividesRows) {
    for (Linear linear : outline.projections()) {
      boolean fits = linear.in() % side == 0 && (!dividesRows || linear.out() % side == 0);
      if (targets.contains(linear.role()) && !fits) {
        throw new IllegalArgumentException(
            "Cannot use %s = %d: %s is %d x %d, give a divisor of %s"
                .formatted(
                    setting,
                    side,
                    linear.name(),
                    linear.out(),
                    linear.in(),
                    dividesRows ? "both" : "its " + linear.in() + " columns"));
      }
    }
  }
}
