package org.peftsweep.method;

import java.util.Optional;
import org.peftsweep.compute.Backend;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.LowRankStart;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.method.adapter.ResidualAdapter;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Model;
import org.peftsweep.optim.Id;

/**
 * LoRA that trains the weight's principal part: with {@code W = UΣVᵀ} and {@code s = alpha/rank}, B
 * starts as {@code U√(Σ/s)} and A as {@code √(Σ/s)Vᵀ} of the rank largest singular values, and
 * {@code y = Wx + s·(B·A − B₀·A₀)·x + b}.
 *
 * <p>Meng et al., arXiv:2404.02948, §3; the paper trains over the residual {@code W − s·B₀·A₀},
 * which is the same function. Differs from its §4, QPiSSA, over a quantised base: W are the
 * quantised values, which trials share, and the residual is not quantised in their place. Signs:
 * the largest entry of each row of A is positive. Dropout, if any, changes the output from the
 * first training step.
 *
 * @param rank inner dimension, from 1 to the smaller side of each target
 * @param alpha numerator of the scale
 * @param dropout probability, in [0, 1), that an input of A is dropped while training
 * @param svd how the singular values are found
 * @param iterations of a randomised search; 0 looks once
 * @param oversampling directions that a randomised search has beyond the rank
 */
@Id("pissa")
public record PiSSA(
    int rank, double alpha, double dropout, Search svd, int iterations, int oversampling)
    implements Method {
  /** How singular values are found. */
  public enum Search {
    EXACT,
    /** From a random sketch (arXiv:0909.4061): for weights too large for the exact way. */
    RANDOMISED
  }

  private record Key(Search svd, String matrix, int rank, double scale, int passes, int extra) {}

  public PiSSA {
    Settings.rank(rank);
    Settings.positive("alpha", alpha);
    Settings.fraction("dropout", dropout);
    Settings.between("iterations", iterations, 0, 1_000);
    Settings.between("oversampling", oversampling, 0, Settings.MOST_RANK);
  }

  @Override
  public MethodHooks attach(AttachContext to) {
    for (Linear linear : to.projections()) {
      int rank = to.rank(linear, this.rank);
      double scale = to.alpha(linear, alpha) / rank;
      boolean isExact = svd == Search.EXACT;
      Key key =
          new Key(
              svd,
              linear.name(),
              rank,
              scale,
              isExact ? 0 : iterations,
              isExact ? 0 : oversampling);
      LowRankStart start =
          to.preparations()
              .ofBase(
                  key,
                  () -> start(to.backend(), linear, rank, scale),
                  kept -> ResidualAdapter.start(kept, linear),
                  () -> LowRankStart.blank(linear.out(), linear.in(), rank));
      linear.attach(ResidualAdapter.of(to, linear, start, (float) scale, (float) dropout));
    }
    return MethodHooks.PASSIVE;
  }

  private LowRankStart start(Backend backend, Linear linear, int rank, double scale) {
    double[] w = LowRankStart.weight(backend, linear.weight().asWeight());
    int out = linear.out();
    int in = linear.in();
    if (svd == Search.EXACT) {
      return LowRankStart.ofSvd(w, out, in, rank, scale);
    }
    int sketch = Math.min(rank + oversampling, Math.min(out, in));
    double[] omega = LowRankStart.omega(linear.name(), out, sketch);
    return LowRankStart.ofSketch(w, out, in, rank, scale, omega, iterations);
  }

  @Override
  public int leastSide() {
    return rank;
  }

  @Override
  public Optional<PeftForm> peft(Model model, int steps) {
    PeftForm form = PeftForm.lora(2 * rank, 2 * alpha, dropout);
    PeftForm plain = PeftForm.lora(rank, alpha, dropout).deciding("init_lora_weights", "pissa");
    // What a sketch found cannot be found again, PEFT draws its own.
    return Optional.of(svd == Search.EXACT ? form.convertedFrom(plain) : form.converted());
  }

  @Override
  public long trainable(int out, int in, boolean hasBias) {
    return (long) rank * (out + in);
  }
}
