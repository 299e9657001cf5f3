package org.peftsweep.method;

import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Var;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.LowRank;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.model.Adapter;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Model;
import org.peftsweep.model.Parameter;
import org.peftsweep.optim.Id;

/**
 * Weight-decomposed low-rank adaptation: {@code y = (m/n) ⊙ (Wx + (alpha/rank)·B·A·x) + b}, where
 * {@code n = ‖W + (alpha/rank)·B·A‖} is the L2 norm of each row and m {@code [out]} learns,
 * starting as the rows' norms of W.
 *
 * <p>Liu et al., arXiv:2402.09353, §4. The gradient does not flow through n (§4.3). As in the
 * reference implementation, the bias is not scaled; dropout acts on the input of A only.
 *
 * @param rank inner dimension, at least 1
 * @param alpha numerator of the scale
 * @param dropout probability, in [0, 1), that an input of A is dropped while training
 */
@Id("dora")
public record DoRA(int rank, double alpha, double dropout) implements Method {
  public DoRA {
    Settings.rank(rank);
    Settings.positive("alpha", alpha);
    Settings.fraction("dropout", dropout);
  }

  @Override
  public MethodHooks attach(AttachContext to) {
    for (Linear linear : to.projections()) {
      int rank = to.rank(linear, this.rank);
      float scale = (float) (to.alpha(linear, alpha) / rank);
      LowRank update = LowRank.fresh(to, linear, rank, scale, (float) dropout);
      Parameter magnitude =
          Parameter.zeros(
              to.backend(),
              linear.name() + ".lora_magnitude_vector",
              linear.role(),
              linear.layer(),
              linear.out());
      linear.weight().asWeight().rowNorms(to.backend(), magnitude.value());
      linear.attach(new Decomposed(update, magnitude.train(to.backend())));
    }
    return MethodHooks.PASSIVE;
  }

  @Override
  public Optional<PeftForm> peft(Model model, int steps) {
    return Optional.of(PeftForm.lora(rank, alpha, dropout).deciding("use_dora", true));
  }

  @Override
  public int leastSide() {
    return rank;
  }

  @Override
  public long trainable(int out, int in, boolean hasBias) {
    return (long) rank * (out + in) + out;
  }

  private record Decomposed(LowRank update, Parameter magnitude) implements Adapter {
    @Override
    public Var apply(Tape tape, Linear base, Var x, Var product) {
      Tensor inverse = tape.arena().take(base.out());
      Tensor adapted = tape.arena().take(base.out(), base.in());
      inverseNorms(tape.backend(), base, adapted, inverse);
      tape.done(adapted);
      Var ratio = tape.multiply(magnitude.var(), tape.constant(inverse));
      Var direction = update.addTo(tape, x, product);
      Var scaled = tape.multiplyRow(direction, ratio);
      tape.done(direction);
      return base.addBias(tape, scaled);
    }

    private void inverseNorms(Backend backend, Linear base, Tensor adapted, Tensor inverse) {
      base.weight().asWeight().copy(backend, adapted);
      update.addTo(backend, adapted);
      backend.rowNorms(adapted, inverse);
      backend.reciprocal(inverse, inverse);
    }

    @Override
    public List<Parameter> parameters() {
      return Stream.concat(update.parameters().stream(), Stream.of(magnitude)).toList();
    }

    @Override
    public void merge(Backend backend, Linear base, Tensor weight, Tensor bias) {
      update.addTo(backend, weight);
      Tensor ratio = new Tensor(backend.allocate(base.out()), 0, base.out());
      backend.rowNorms(weight, ratio);
      backend.reciprocal(ratio, ratio);
      backend.multiply(magnitude.value(), ratio, ratio);
      backend.multiplyColumn(weight, ratio, weight);
      backend.free(ratio.memory());
    }
  }
}
