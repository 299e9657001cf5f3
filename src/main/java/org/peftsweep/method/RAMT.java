package org.peftsweep.method;

import java.util.ArrayList;
import java.util.List;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Var;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.model.Adapter;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Parameter;
import org.peftsweep.optim.Id;

/**
 * Mask tuning: {@code y = (1[M > threshold] ⊙ W)·x + b} with a frozen W and a score of each of its
 * entries, which learns as if the threshold were not there: {@code dM = d(1[…] ⊙ W) ⊙ W}. Scores
 * start above the threshold, so that step 0 equals the base model.
 *
 * <p>Zheng et al., ICCV 2023, "Regularized Mask Tuning" (R-AMT), §3, with its penalty on the norms
 * of scores. Without its gradient dropout, which compares gradients with those of the divergence
 * from a model that answers before it is tuned: a head that has learnt nothing gives no such
 * answers. The paper is of vision models; rates for language are unverified. Kept scores are
 * floats, not the bit of a mask.
 *
 * @param initial score of every entry, above threshold
 * @param threshold above which an entry stays, above 0
 * @param penalty weight of the norm of each target's scores, at least 0
 */
@Id("ramt")
public record RAMT(double initial, double threshold, double penalty) implements Method {
  /** Arguments from which on the hyperbolic tangent is ±1 but for rounding. */
  private static final float SATURATED = 20;

  /** Added to a number and taken off again, it leaves the nearest whole one. */
  private static final float WHOLE = 0x1.8p23f;

  public RAMT {
    Settings.positive("threshold", threshold);
    Settings.positive("initial", initial);
    if (initial <= threshold) {
      throw new IllegalArgumentException(
          "Cannot use initial = %s: give more than threshold = %s".formatted(initial, threshold));
    }
    Settings.notNegative("penalty", penalty);
  }

  @Override
  public MethodHooks attach(AttachContext to) {
    List<Parameter> all = new ArrayList<>();
    for (Linear linear : to.projections()) {
      Parameter scores = to.learning(linear, "ramt_scores", linear.out(), linear.in());
      to.backend().fill(scores.value(), (float) initial);
      linear.attach(new Masked(scores, (float) threshold));
      all.add(scores);
    }
    return new Penalised(all, penalty);
  }

  @Override
  public long trainable(int out, int in, boolean hasBias) {
    return (long) out * in;
  }

  @Override
  public String label() {
    return "R-AMT";
  }

  private record Penalised(List<Parameter> scores, double penalty) implements MethodHooks {
    @Override
    public List<Tensor> regularisers(Tape tape) {
      return penalty == 0
          ? List.of()
          : scores.stream().map(of -> tape.norm(of.var(), penalty)).toList();
    }
  }

  private record Masked(Parameter scores, float threshold) implements Adapter {
    @Override
    public boolean usesProduct() {
      return false;
    }

    @Override
    public Var apply(Tape tape, Linear base, Var x, Var product) {
      Var weight = masked(tape, base);
      Var y = tape.linear(x, weight, null);
      tape.done(weight);
      return base.addBias(tape, y);
    }

    private Var masked(Tape tape, Linear base) {
      Backend backend = tape.backend();
      Tensor weight = tape.arena().take(base.out(), base.in());
      base.weight().asWeight().copy(backend, weight);
      Tensor y = tape.arena().take(base.out(), base.in());
      mask(tape, backend, y);
      if (tape.isGraph()) {
        addZeros(tape, y);
      }
      backend.multiply(y, weight, y);
      tape.done(weight);
      return tape.operation(
          y,
          dy ->
              tape.give(
                  scores.var(),
                  to -> {
                    base.weight().asWeight().copy(backend, to);
                    backend.multiply(dy, to, to);
                  }),
          List.of(),
          scores.var());
    }

    /** Adds what scores are more than themselves, whose derivative is that of the mask. */
    private void addZeros(Tape tape, Tensor mask) {
      tape.constant(mask);
      Tensor held = tape.arena().take(mask.shape());
      tape.backend().copy(scores.value(), held);
      tape.constant(held);
      tape.backend().addScaled(1, scores.value(), mask);
      tape.backend().addScaled(-1, held, mask);
      tape.done(held);
    }

    /** 1 where a score is above the threshold, else 0, by kernels that are there. */
    private void mask(Tape tape, Backend backend, Tensor y) {
      float step = Math.ulp(threshold) / 4;
      Tensor row = tape.arena().take(y.columns());
      backend.fill(row, -threshold);
      backend.addRow(scores.value(), row, y);
      backend.fill(row, -step);
      backend.addRow(y, row, y);
      backend.scale(SATURATED / step, y, y);
      backend.tanh(y, y);
      backend.scale(0.5f, y, y);
      for (float shift : new float[] {0.5f, WHOLE, -WHOLE}) {
        backend.fill(row, shift);
        backend.addRow(y, row, y);
      }
      tape.done(row);
    }

    @Override
    public List<Parameter> parameters() {
      return List.of(scores);
    }

    @Override
    public void merge(Backend backend, Linear base, Tensor weight, Tensor bias) {
      try (Tape tape = new Tape(backend)) {
        tape.startEvaluation();
        Tensor mask = tape.arena().take(base.out(), base.in());
        mask(tape, backend, mask);
        backend.multiply(mask, weight, weight);
      }
    }
  }
}
