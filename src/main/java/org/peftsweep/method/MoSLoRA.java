package org.peftsweep.method;

import java.util.List;
import java.util.Optional;
import org.peftsweep.checkpoint.PeftFolder;
import org.peftsweep.checkpoint.SafeTensorsWriter;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Var;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.ExchangedAdapter;
import org.peftsweep.method.adapter.LowRank;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Model;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.TrainedTensors;
import org.peftsweep.optim.Id;

/**
 * LoRA with a learnt mixer of its subspaces: {@code y = Wx + (alpha/rank)·B·M·A·x + b} with M
 * {@code [rank, rank]}.
 *
 * <p>Wu et al., arXiv:2406.11909, §3.2. A and M are uniform in ±1/√columns (Kaiming with a = √5), B
 * is zero, so that step 0 equals the base model.
 *
 * @param rank inner dimension, at least 1
 * @param alpha numerator of the scale
 * @param dropout probability, in [0, 1), that an input of A is dropped while training
 */
@Id("moslora")
public record MoSLoRA(int rank, double alpha, double dropout) implements Method {
  public MoSLoRA {
    Settings.rank(rank);
    Settings.positive("alpha", alpha);
    Settings.fraction("dropout", dropout);
  }

  @Override
  public MethodHooks attach(AttachContext to) {
    for (Linear linear : to.projections()) {
      LowRank outer = LowRank.fresh(to, linear, rank, (float) (alpha / rank), (float) dropout);
      Parameter mixer = to.learning(linear, "lora_AB", rank, rank);
      to.uniform(mixer, 1 / Math.sqrt(rank));
      linear.attach(new Mixed(outer, mixer));
    }
    return MethodHooks.PASSIVE;
  }

  /** As LoRA with {@code B·M} for B. */
  @Override
  public Optional<PeftForm> peft(Model model, int steps) {
    return Optional.of(PeftForm.lora(rank, alpha, dropout).converted());
  }

  @Override
  public int leastSide() {
    return rank;
  }

  @Override
  public long trainable(int out, int in, boolean hasBias) {
    return (long) rank * (out + in + rank);
  }

  private record Mixed(LowRank outer, Parameter mixer) implements ExchangedAdapter {
    @Override
    public boolean addsToProduct() {
      return true;
    }

    @Override
    public Var apply(Tape tape, Linear base, Var x, Var product) {
      Var down = tape.linearOfDropped(x, outer.dropout(), outer.a().var());
      Var y = tape.lowRank(product, down, mixer.var(), outer.b().var(), outer.scale());
      tape.done(down);
      return base.addBias(tape, y);
    }

    @Override
    public List<Parameter> parameters() {
      return List.of(outer.a(), outer.b(), mixer);
    }

    private Tensor mixedB(Backend backend) {
      int[] shape = outer.b().shape();
      Tensor b = new Tensor(backend.allocate(outer.b().size()), 0, shape);
      backend.gemm(false, false, 1, outer.b().value(), mixer.value(), 0, b);
      return b;
    }

    @Override
    public void write(SafeTensorsWriter tensors, Backend backend) {
      Tensor b = mixedB(backend);
      float[] values = new float[Math.toIntExact(b.size())];
      backend.read(b, 0, values, 0, values.length);
      backend.free(b.memory());
      TrainedTensors.add(tensors, PeftFolder.PREFIX + outer.a().name(), outer.a(), backend);
      tensors.add(PeftFolder.PREFIX + outer.b().name(), TrainedTensors.shape(outer.b()), values);
    }

    @Override
    public void merge(Backend backend, Linear base, Tensor weight, Tensor bias) {
      Tensor b = mixedB(backend);
      backend.gemm(false, false, outer.scale(), b, outer.a().value(), 1, weight);
      backend.free(b.memory());
    }
  }
}
