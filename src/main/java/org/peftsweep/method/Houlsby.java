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
 * Bottleneck adapters after attention and after feed-forward: {@code h ← h + up(swish(down(h)))} of
 * what each adds to its residual, before the norm.
 *
 * <p>Houlsby et al., arXiv:1902.00751, §2.1, as adapter-transformers has it; the paper has GELU and
 * trains the norms too.
 *
 * @param reduction width of the model over the inner width, at least 1
 * @param zeroUp whether up starts at zero, so that step 0 equals the base model; else both matrices
 *     are normal with a deviation of 0.02
 * @param trainNorms whether all norms learn too
 */
@Id("houlsby")
public record Houlsby(int reduction, boolean zeroUp, boolean trainNorms) implements Untargeted {
  private static final Set<Sublayer.Kind> PLACES = EnumSet.allOf(Sublayer.Kind.class);

  public Houlsby {
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
              Bottleneck.Activation.SWISH,
              1,
              Bottleneck.Reads.OUTPUT));
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
