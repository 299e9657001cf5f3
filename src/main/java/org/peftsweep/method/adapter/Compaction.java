package org.peftsweep.method.adapter;

import java.util.List;
import java.util.Set;
import org.peftsweep.model.Model;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Role;
import org.peftsweep.model.Sublayer;

/**
 * Bottlenecks of hypercomplex layers that share one rule in a model.
 *
 * @param kinds of sub-layers that have one
 * @param reduction width of the model over the inner width
 * @param parts of a hypercomplex layer
 */
public record Compaction(
    Set<Sublayer.Kind> kinds, Bottleneck.Reads reads, int reduction, int parts) {
  /** Of a rule that all layers share; adapter-transformers and the authors' code have the same. */
  private static final double RULE_DEVIATION = 1e-4;

  /** Puts them around the sub-layers of a model. */
  public void attach(AttachContext to, boolean trainsNorms) {
    Parameter rule = null;
    for (Sublayer at : Bottlenecks.places(to.model(), kinds)) {
      List<Parameter> held = List.of();
      if (rule == null) {
        String prefix = at.name().substring(0, at.name().indexOf('.') + 1);
        rule =
            Parameter.zeros(
                    to.backend(),
                    prefix + "shared_parameters.a.phm_rule",
                    Role.FFN_DOWN,
                    -1,
                    parts,
                    parts,
                    parts)
                .train(to.backend());
        to.normal(rule, 0, RULE_DEVIATION);
        held = List.of(rule);
      }
      int inner = inner(at);
      Hypercomplex down = Hypercomplex.of(to, at, "down.0", rule, parts, at.width(), inner, held);
      Hypercomplex up = Hypercomplex.of(to, at, "up", rule, parts, inner, at.width(), List.of());
      at.attach(new Bottleneck(down, up, Bottleneck.Activation.GELU, 1, reads));
    }
    if (trainsNorms) {
      Bottlenecks.trainNorms(to);
    }
  }

  private int inner(Sublayer at) {
    return at.width() / reduction;
  }

  /**
   * Refuses widths that the parts do not divide.
   *
   * @throws IllegalArgumentException saying what would
   */
  public void requireFit(Model outline) {
    for (Sublayer at : Bottlenecks.places(outline, kinds)) {
      int inner = inner(at);
      if (inner == 0 || inner % parts != 0 || at.width() % parts != 0) {
        throw new IllegalArgumentException(
            "Cannot cut widths %d and %d / %d into %d parts: give a divisor of both as parts"
                .formatted(at.width(), at.width(), reduction, parts));
      }
    }
  }

  /** Returns how many scalars learn. */
  public long size(Model outline, boolean trainsNorms) {
    long norms = trainsNorms ? Bottlenecks.sizeOfNorms(outline) : 0;
    List<Sublayer> places = Bottlenecks.places(outline, kinds);
    long rule = places.isEmpty() ? 0 : (long) parts * parts * parts;
    return norms + rule + places.stream().mapToLong(at -> 3L * (at.width() + inner(at))).sum();
  }
}
