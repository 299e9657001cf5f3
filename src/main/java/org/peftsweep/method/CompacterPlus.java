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
 * Compacter++: as {@link Compacter}, after feed-forward only, where Pfeiffer puts adapters.
 *
 * <p>Mahabadi et al., arXiv:2106.04647, §4, as adapter-transformers has it.
 *
 * @param reduction width of the model over the inner width, at least 1
 * @param parts of a hypercomplex layer, which must divide both widths
 * @param trainNorms whether all norms learn too
 */
@Id("compacterplus")
public record CompacterPlus(int reduction, int parts, boolean trainNorms) implements Untargeted {
  public CompacterPlus {
    Settings.between("reduction", reduction, 1, Settings.MOST_RANK);
    Settings.between("parts", parts, 1, 64);
  }

  private Compaction adapters() {
    return new Compaction(
        EnumSet.of(Sublayer.Kind.FEED_FORWARD), Bottleneck.Reads.NORMED_SUM, reduction, parts);
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

  /** Rounding of a pass of several lanes grows past 1e-5 of its losses within 20 steps. */
  @Override
  public boolean sharesBase() {
    return false;
  }

  @Override
  public long trainable(Model outline, Set<Role> targets) {
    return adapters().size(outline, trainNorms);
  }

  @Override
  public String label() {
    return "Compacter++";
  }

  /** The shared rule starts a hundred times smaller, as the paper's does. */
  @Override
  public int semanticsVersion() {
    return 2;
  }
}
