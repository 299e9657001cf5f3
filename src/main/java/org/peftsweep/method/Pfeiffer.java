package org.peftsweep.method;

import java.util.EnumSet;
import java.util.Set;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.Bottleneck;
import org.peftsweep.method.adapter.Bottlenecks;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.model.Model;
import org.peftsweep.model.Role;
import org.peftsweep.model.Sublayer;
import org.peftsweep.optim.Id;

/**
 * Bottleneck adapters after feed-forward: {@code h ← h + up(ReLU(down(LayerNorm(h + x))))} of what
 * it adds to its residual x, the norm being applied again to the sum.
 *
 * <p>Pfeiffer et al., arXiv:2005.00052, §3.2.1, as adapter-transformers has it. Models with norms
 * before their blocks have none to apply here: the adapter reads h.
 *
 * @param reduction width of the model over the inner width, at least 1
 * @param zeroUp whether up starts at zero, so that step 0 equals the base model; else both matrices
 *     are normal with a deviation of 0.02
 * @param trainNorms whether all norms learn too
 */
@Id("pfeiffer")
public record Pfeiffer(int reduction, boolean zeroUp, boolean trainNorms) implements Untargeted {
  private static final Set<Sublayer.Kind> PLACES = EnumSet.of(Sublayer.Kind.FEED_FORWARD);

  public Pfeiffer {
    Settings.between("reduction", reduction, 1, Settings.MOST_RANK);
  }

  @Override
  public MethodHooks attach(AttachContext to) {
    for (Sublayer at : Bottlenecks.places(to.model(), PLACES)) {
      int inner = Bottlenecks.inner(at, reduction);
      at.attach(
          new Bottleneck(
              Bottlenecks.down(to, at, inner, !zeroUp),
              Bottlenecks.up(to, at, inner, !zeroUp),
              Bottleneck.Activation.RELU,
              1,
              Bottleneck.Reads.NORMED_SUM));
    }
    if (trainNorms) {
      Bottlenecks.trainNorms(to);
    }
    return MethodHooks.PASSIVE;
  }

  @Override
  public boolean startsAtBase() {
    return zeroUp;
  }

  @Override
  public long trainable(Model outline, Set<Role> targets) {
    long norms = trainNorms ? Bottlenecks.sizeOfNorms(outline) : 0;
    return norms + Bottlenecks.size(outline, PLACES, reduction);
  }
}
