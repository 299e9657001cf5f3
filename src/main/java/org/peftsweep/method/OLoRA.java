package org.peftsweep.method;

import java.util.Optional;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.LowRankStart;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.method.adapter.ResidualAdapter;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Model;
import org.peftsweep.optim.Id;

/**
 * LoRA with an orthonormal start: with {@code W = QR} B starts as the first columns of Q and A as
 * the first rows of R, and {@code y = Wx + (alpha/rank)·(B·A − B₀·A₀)·x + b}.
 *
 * <p>Büyükakyüz, arXiv:2406.01775, §3; the paper trains over the residual {@code W −
 * (alpha/rank)·B₀·A₀}, which is the same function. Signs are those of LAPACK's Householder
 * reflections. Dropout, if any, changes the output from the first training step.
 *
 * @param rank inner dimension, from 1 to the smaller side of each target
 * @param alpha numerator of the scale
 * @param dropout probability, in [0, 1), that an input of A is dropped while training
 */
@Id("olora")
public record OLoRA(int rank, double alpha, double dropout) implements Method {
  private record Key(String matrix, int rank) {}

  public OLoRA {
    Settings.rank(rank);
    Settings.positive("alpha", alpha);
    Settings.fraction("dropout", dropout);
  }

  @Override
  public MethodHooks attach(AttachContext to) {
    for (Linear linear : to.projections()) {
      int rank = to.rank(linear, this.rank);
      float scale = (float) (to.alpha(linear, alpha) / rank);
      LowRankStart start =
          to.preparations()
              .ofBase(
                  new Key(linear.name(), rank),
                  () ->
                      LowRankStart.ofQr(
                          LowRankStart.weight(to.backend(), linear.weight().asWeight()),
                          linear.out(),
                          linear.in(),
                          rank),
                  kept -> ResidualAdapter.start(kept, linear),
                  () -> LowRankStart.blank(linear.out(), linear.in(), rank));
      linear.attach(ResidualAdapter.of(to, linear, start, scale, (float) dropout));
    }
    return MethodHooks.PASSIVE;
  }

  @Override
  public int leastSide() {
    return rank;
  }

  @Override
  public Optional<PeftForm> peft(Model model, int steps) {
    return Optional.of(
        PeftForm.lora(2 * rank, 2 * alpha, dropout)
            .convertedFrom(
                PeftForm.lora(rank, alpha, dropout).deciding("init_lora_weights", "olora")));
  }

  @Override
  public long trainable(int out, int in, boolean hasBias) {
    return (long) rank * (out + in);
  }
}
