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
 * Bottleneck adapters beside feed-forward: {@code h ← h + scale·up(ReLU(down(x)))} with x what its
 * first matrix reads.
 *
 * <p>He et al., arXiv:2110.04366, §3.3. Down is uniform in ±1/√width and up is zero, so that step 0
 * equals the base model.
 *
 * @param reduction width of the model over the inner width, at least 1
 * @param scale on what the adapter adds
 */
@Id("parallel")
public record ParallelAdapter(int reduction, double scale) implements Untargeted {
  private static final Set<Sublayer.Kind> PLACES = EnumSet.of(Sublayer.Kind.FEED_FORWARD);

  public ParallelAdapter {
    Settings.between("reduction", reduction, 1, Settings.MOST_RANK);
    Settings.positive("scale", scale);
  }

  @Override
  public MethodHooks attach(AttachContext to) {
    for (Sublayer at : Bottlenecks.places(to.model(), PLACES)) {
      int inner = Bottlenecks.inner(at, reduction);
      at.attach(
          new Bottleneck(
              Bottlenecks.down(to, at, inner, false),
              Bottlenecks.up(to, at, inner, false),
              Bottleneck.Activation.RELU,
              (float) scale,
              Bottleneck.Reads.INPUT));
    }
    return MethodHooks.PASSIVE;
  }

  @Override
  public long trainable(Model outline, Set<Role> targets) {
    return Bottlenecks.size(outline, PLACES, reduction);
  }

  @Override
  public String label() {
    return "Parallel adapter";
  }
}
