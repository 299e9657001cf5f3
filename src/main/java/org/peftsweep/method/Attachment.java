package org.peftsweep.method;

import java.util.List;
import java.util.Set;
import org.peftsweep.compute.Backend;
import org.peftsweep.data.Seeds;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Model;
import org.peftsweep.model.Role;

/**
 * Where a method is attached: a model, the roles of the matrices it works on, its random streams,
 * and what was prepared for it.
 *
 * @param targets roles of the chosen projections; empty for methods without targets
 */
public record Attachment(
    Model model, Set<Role> targets, Backend backend, Seeds seeds, Preparations preparations) {
  /** An attachment that shares no preparations and has no data. */
  public Attachment(Model model, Set<Role> targets, Backend backend, Seeds seeds) {
    this(model, targets, backend, seeds, Preparations.alone(List.of()));
  }

  /** Returns the chosen projections, in the model's order. */
  public List<Linear> projections() {
    return model.projections().stream().filter(linear -> targets.contains(linear.role())).toList();
  }
}
