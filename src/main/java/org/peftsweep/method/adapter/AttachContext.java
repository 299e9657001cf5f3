package org.peftsweep.method.adapter;

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
 * @param layout of the adapter that training starts from, {@link AdapterLayout#NONE} without
 */
public record AttachContext(
    Model model,
    Set<Role> targets,
    Backend backend,
    Seeds seeds,
    InitCache preparations,
    AdapterLayout layout) {
  /** An attachment without an adapter to start from. */
  public AttachContext(
      Model model, Set<Role> targets, Backend backend, Seeds seeds, InitCache preparations) {
    this(model, targets, backend, seeds, preparations, AdapterLayout.NONE);
  }

  /** An attachment that shares no preparations and has no data. */
  public AttachContext(Model model, Set<Role> targets, Backend backend, Seeds seeds) {
    this(model, targets, backend, seeds, InitCache.alone(List.of()));
  }

  /** Returns the chosen projections, in the model's order. */
  public List<Linear> projections() {
    return model.projections().stream().filter(this::isChosen).toList();
  }

  private boolean isChosen(Linear linear) {
    return layout.modules().isEmpty()
        ? targets.contains(linear.role())
        : layout.modules().contains(linear.name());
  }

  /** Returns a projection's rank, where the method's is {@code own}. */
  public int rank(Linear linear, int own) {
    return layout.ranks().getOrDefault(linear.name(), own);
  }

  /** Returns a projection's alpha, where the method's is {@code own}. */
  public double alpha(Linear linear, double own) {
    return layout.alphas().getOrDefault(linear.name(), own);
  }

  /** Lets learn what the adapter that training starts from trained of the base besides. */
  public void trainOfBase() {
    layout.learning(model).forEach(parameter -> parameter.train(backend));
  }
}
