package org.peftsweep.method;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Var;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.Matrices;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.model.Adapter;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Model;
import org.peftsweep.model.Parameter;
import org.peftsweep.optim.Id;

/**
 * Matrix shard sharing: {@code ΔW} is one shard {@code D [rank, out]}, transposed, side by side as
 * often as it fits: {@code y = Wx + Dᵀ·Σᵢ xᵢ + b} over the parts of x of length rank. It is a LoRA
 * whose A is frozen and repeats the identity.
 *
 * <p>Kang et al., arXiv:2409.15371, §3. D starts at zero, so that step 0 equals the base model. A
 * last part that is shorter uses the first rows of D.
 *
 * @param rank of the shard, at least 1
 */
@Id("miss")
public record MiSS(int rank) implements Method {
  public MiSS {
    Settings.rank(rank);
  }

  @Override
  public MethodHooks attach(AttachContext to) {
    Map<Integer, Parameter> tiles = new HashMap<>();
    for (Linear linear : to.projections()) {
      Parameter shard = to.learning(linear, "miss_block", rank, linear.out());
      boolean isFirst = !tiles.containsKey(linear.in());
      Parameter tile = tiles.computeIfAbsent(linear.in(), in -> tile(to, linear));
      linear.attach(new Shared(shard, tile, isFirst ? List.of(shard, tile) : List.of(shard)));
    }
    return MethodHooks.PASSIVE;
  }

  /** The identity again and again, {@code [rank, in]}. */
  private Parameter tile(AttachContext to, Linear linear) {
    Parameter tile = to.zeros(linear, "miss_tile", rank, linear.in());
    float[] values = new float[rank * linear.in()];
    for (int j = 0; j < linear.in(); j++) {
      values[j % rank * linear.in() + j] = 1;
    }
    to.backend().write(values, 0, tile.value(), 0, values.length);
    return tile;
  }

  @Override
  public Optional<PeftForm> peft(Model model, int steps) {
    return Optional.of(PeftForm.of("MISS").deciding("r", rank).deciding("init_weights", true));
  }

  @Override
  public int leastSide() {
    return rank;
  }

  @Override
  public long trainable(int out, int in, boolean hasBias) {
    return (long) rank * out;
  }

  private record Shared(Parameter shard, Parameter tile, List<Parameter> parameters)
      implements Adapter {
    @Override
    public boolean addsToProduct() {
      return true;
    }

    @Override
    public Var apply(Tape tape, Linear base, Var x, Var product) {
      Var sums = tape.linear(x, tile.var(), null);
      Var more = Matrices.product(tape, sums, shard.var());
      tape.done(sums);
      Var y = tape.addScaled(product, 1, more);
      tape.done(more);
      return base.addBias(tape, y);
    }

    @Override
    public List<Parameter> kept() {
      return List.of(shard);
    }

    @Override
    public void merge(Backend backend, Linear base, Tensor weight, Tensor bias) {
      backend.gemm(true, false, 1, shard.value(), tile.value(), 1, weight);
    }
  }
}
