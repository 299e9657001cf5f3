package org.peftsweep.method.adapter;

import java.util.List;
import java.util.function.Function;
import org.peftsweep.checkpoint.PeftFolder;
import org.peftsweep.checkpoint.SafeTensors;
import org.peftsweep.checkpoint.SafeTensorsWriter;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Var;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.TrainedTensors;

/**
 * {@code y = Wx + scale·B·R·A·x + b} with frozen factors B and A and a small R between them. PEFT
 * gets it as a LoRA with {@code B·R} for B.
 *
 * @param outer A and B
 * @param parameters all, trained or not
 * @param kept those that a trained model is restored from
 * @param inner makes R {@code [rank, rank]}
 */
public record CoreAdapter(
    LowRank outer, List<Parameter> parameters, List<Parameter> kept, Function<Tape, Var> inner)
    implements ExchangedAdapter {
  private record Key(String matrix, int rank) {}

  /**
   * Returns the frozen factors of a target's largest singular values {@code W ≈ UΣVᵀ}: {@code A =
   * Vᵀ} and {@code B = UΣ}.
   */
  public static LowRank principal(
      AttachContext to, Linear linear, int rank, float scale, float dropout) {
    Backend backend = to.backend();
    LowRank outer = LowRank.zeros(backend, linear, ".weight", rank, scale, dropout);
    LowRankStart start =
        to.preparations()
            .ofBase(
                new Key(linear.name(), rank),
                () ->
                    LowRankStart.ofSpectrum(
                        LowRankStart.weight(backend, linear.weight().asWeight()),
                        linear.out(),
                        linear.in(),
                        rank),
                kept -> read(kept, outer, rank),
                () -> LowRankStart.blank(linear.out(), linear.in(), rank));
    backend.write(start.a(), 0, outer.a().value(), 0, start.a().length);
    backend.write(start.b(), 0, outer.b().value(), 0, start.b().length);
    return outer;
  }

  private static LowRankStart read(SafeTensors kept, LowRank outer, int rank) {
    return new LowRankStart(kept.floats(outer.a().name()), kept.floats(outer.b().name()), rank);
  }

  @Override
  public boolean addsToProduct() {
    return true;
  }

  @Override
  public Var apply(Tape tape, Linear base, Var x, Var product) {
    Var down = tape.linearOfDropped(x, outer.dropout(), outer.a().var());
    Var core = inner.apply(tape);
    Var y = tape.lowRank(product, down, core, outer.b().var(), outer.scale());
    tape.done(core);
    tape.done(down);
    return base.addBias(tape, y);
  }

  @Override
  public void write(SafeTensorsWriter tensors, Backend backend) {
    float[] values = new float[Math.toIntExact(outer.b().size())];
    try (Tape tape = new Tape(backend)) {
      tape.startEvaluation();
      Tensor b = tape.arena().take(outer.b().shape());
      backend.gemm(false, false, 1, outer.b().value(), inner.apply(tape).value(), 0, b);
      backend.read(b, 0, values, 0, values.length);
    }
    TrainedTensors.add(tensors, PeftFolder.PREFIX + outer.a().name(), outer.a(), backend);
    tensors.add(PeftFolder.PREFIX + outer.b().name(), TrainedTensors.shape(outer.b()), values);
  }

  @Override
  public void merge(Backend backend, Linear base, Tensor weight, Tensor bias) {
    try (Tape tape = new Tape(backend)) {
      tape.startEvaluation();
      Tensor a = tape.arena().take(outer.a().shape());
      backend.gemm(false, false, 1, inner.apply(tape).value(), outer.a().value(), 0, a);
      backend.gemm(false, false, outer.scale(), outer.b().value(), a, 1, weight);
    }
  }
}
