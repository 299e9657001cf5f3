package org.peftsweep.method;

import java.util.EnumSet;
import java.util.Set;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.Bottleneck;
import org.peftsweep.method.adapter.Compaction;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.model.Model;
import org.peftsweep.model.Role;
import org.peftsweep.model.Sublayer;
import org.peftsweep.optim.Id;

/**
 * Compacter: Houlsby adapters whose layers are hypercomplex with one rule for the whole model, and
 * parts of rank 1; GELU between them.
 *
 * <p>Mahabadi et al., arXiv:2106.04647, §4, as adapter-transformers has it; the rule is drawn with
 * a deviation of 0.01, so that step 0 is only near the base model.
 *
 * @param reduction width of the model over the inner width, at least 1
 * @param parts of a hypercomplex layer, which must divide both widths
 * @param trainNorms whether all norms learn too
 */
@Id("compacter")
public record Compacter(int reduction, int parts, boolean trainNorms) implements Untargeted {
  public Compacter {
    Settings.between("reduction", reduction, 1, Settings.MOST_RANK);
    Settings.between("parts", parts, 1, 64);
  }

  private Compaction adapters() {
    return new Compaction(
        EnumSet.allOf(Sublayer.Kind.class), Bottleneck.Reads.OUTPUT, reduction, parts);
  }

  @Override
  public MethodHooks attach(AttachContext to) {
    adapters().attach(to, trainNorms);
    return MethodHooks.PASSIVE;
  }

  @Override
  public void requireFit(Model outline, Set<Role> targets) {
    adapters().requireFit(outline);
  }

  @Override
  public boolean startsAtBase() {
    return false;
  }

  @Override
  public long trainable(Model outline, Set<Role> targets) {
    return adapters().size(outline, trainNorms);
  }

  /** The shared rule starts a hundred times smaller, as the paper's does. */
  @Override
  public int semanticsVersion() {
    return 2;
  }
}
