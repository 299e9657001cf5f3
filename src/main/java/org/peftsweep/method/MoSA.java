package org.peftsweep.method;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Tensor;
import org.peftsweep.data.Seeds;
import org.peftsweep.method.adapter.Affine;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.Bottleneck;
import org.peftsweep.method.adapter.Bottlenecks;
import org.peftsweep.method.adapter.Draws;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.method.adapter.Probe;
import org.peftsweep.model.Model;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Role;
import org.peftsweep.model.Sublayer;
import org.peftsweep.optim.Id;

/**
 * Mixture of sparse adapters: Pfeiffer adapters whose up matrix is shared out among experts, entry
 * by entry at random; each step uses one expert of each adapter, drawn anew, and evaluation all of
 * them.
 *
 * <p>Zhang et al., arXiv:2312.02923, §3, with a shared down matrix as in the authors' code. Experts
 * own different entries and all others of theirs stay at the zeros of the start, so that one matrix
 * with a mask is what the code has copies for. Differs from the paper: without its second pass by
 * other experts and the divergence between both, so that a step costs one pass. Unverified for
 * language.
 *
 * @param reduction width of the model over the inner width, at least 1
 * @param experts of an adapter, at least 1
 */
@Id("mosa")
public record MoSA(int reduction, int experts) implements Untargeted {
  private static final Set<Sublayer.Kind> PLACES = EnumSet.of(Sublayer.Kind.FEED_FORWARD);

  public MoSA {
    Settings.between("reduction", reduction, 1, Settings.MOST_RANK);
    Settings.between("experts", experts, 1, 1_000);
  }

  /** A mask and the expert of each of its entries. */
  private record Shared(Tensor mask, int[] owner) {}

  @Override
  public MethodHooks attach(AttachContext to) {
    Backend backend = to.backend();
    List<Shared> masks = new ArrayList<>();
    for (Sublayer at : Bottlenecks.places(to.model(), PLACES)) {
      int inner = Bottlenecks.inner(at, reduction);
      Affine.Dense up = Bottlenecks.up(to, at, inner, false);
      long size = up.weight().size();
      Tensor mask = new Tensor(backend.allocate(size), 0, at.width(), inner);
      backend.fill(mask, 1);
      masks.add(new Shared(mask, owners(to, up.weight())));
      at.attach(
          new Bottleneck(
              Bottlenecks.down(to, at, inner, false),
              new Affine.Masked(up, mask),
              Bottleneck.Activation.RELU,
              1,
              Bottleneck.Reads.NORMED_SUM));
    }
    return new Drawing(experts, masks, to.seeds(), backend);
  }

  private int[] owners(AttachContext to, Parameter up) {
    int[] order =
        Draws.order(to.seeds().random("experts " + up.name()), Math.toIntExact(up.size()));
    int[] owner = new int[order.length];
    for (int i = 0; i < owner.length; i++) {
      owner[order[i]] = i % experts;
    }
    return owner;
  }

  private record Drawing(int experts, List<Shared> masks, Seeds seeds, Backend backend)
      implements MethodHooks {
    @Override
    public void beforeStep(int step, int steps, Probe probe) {
      SplittableRandom random = seeds.random("experts of step " + step);
      for (Shared shared : masks) {
        int chosen = random.nextInt(experts);
        float[] values = new float[shared.owner.length];
        for (int i = 0; i < values.length; i++) {
          values[i] = shared.owner[i] == chosen ? 1 : 0;
        }
        backend.write(values, 0, shared.mask, 0, values.length);
      }
    }

    @Override
    public long stateBytes() {
      return masks.stream().mapToLong(shared -> Float.BYTES * shared.mask.size()).sum();
    }

    @Override
    public void close() {
      masks.forEach(shared -> backend.free(shared.mask.memory()));
    }
  }

  /** Rounding of a pass of several lanes grows past 1e-5 of its losses within 20 steps. */
  @Override
  public boolean sharesBase() {
    return false;
  }

  @Override
  public long trainable(Model outline, Set<Role> targets) {
    return Bottlenecks.size(outline, PLACES, reduction);
  }
}
