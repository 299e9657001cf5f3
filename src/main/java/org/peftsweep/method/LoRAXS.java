package org.peftsweep.method;

import java.util.List;
import java.util.Optional;
import org.peftsweep.checkpoint.PeftFolder;
import org.peftsweep.checkpoint.SafeTensors;
import org.peftsweep.checkpoint.SafeTensorsWriter;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Lapack;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Var;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.ExchangedAdapter;
import org.peftsweep.method.adapter.LowRank;
import org.peftsweep.method.adapter.LowRankStart;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Model;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.TrainedTensors;
import org.peftsweep.optim.Id;

/**
 * LoRA of which only an inner matrix learns: {@code y = Wx + (alpha/rank)·B·R·A·x + b} with R
 * {@code [rank, rank]} and, of the weight's largest singular values {@code W ≈ UΣVᵀ}, the frozen
 * {@code A = Vᵀ [rank, in]} and {@code B = UΣ [out, rank]}.
 *
 * <p>Bałazy et al., arXiv:2405.17604, §3. R starts at zero, so that step 0 equals the base model;
 * the paper draws it with a deviation of 1e-5.
 *
 * @param rank sides of R, from 1 to the smaller side of each target
 * @param alpha numerator of the scale
 * @param dropout probability, in [0, 1), that an input of A is dropped while training
 */
@Id("loraxs")
public record LoRAXS(int rank, double alpha, double dropout) implements Method {
  private record Key(String matrix, int rank) {}

  public LoRAXS {
    Settings.rank(rank);
    Settings.positive("alpha", alpha);
    Settings.fraction("dropout", dropout);
  }

  @Override
  public MethodHooks attach(AttachContext to) {
    Backend backend = to.backend();
    for (Linear linear : to.projections()) {
      LowRank outer =
          LowRank.zeros(backend, linear, ".weight", rank, (float) (alpha / rank), (float) dropout);
      LowRankStart start =
          to.preparations()
              .ofBase(
                  new Key(linear.name(), rank),
                  () -> principal(backend, linear),
                  kept -> principal(kept, outer),
                  () -> LowRankStart.blank(linear.out(), linear.in(), rank));
      backend.write(start.a(), 0, outer.a().value(), 0, start.a().length);
      backend.write(start.b(), 0, outer.b().value(), 0, start.b().length);
      Parameter inner =
          Parameter.zeros(
              backend, linear.name() + ".lora_R", linear.role(), linear.layer(), rank, rank);
      linear.attach(new Core(outer, inner.train(backend)));
    }
    return MethodHooks.PASSIVE;
  }

  private LowRankStart principal(Backend backend, Linear linear) {
    int out = linear.out();
    int in = linear.in();
    Lapack.Svd svd = Lapack.svd(LowRankStart.weight(backend, linear.weight().asWeight()), out, in);
    float[] a = new float[rank * in];
    float[] b = new float[out * rank];
    for (int i = 0; i < rank; i++) {
      for (int j = 0; j < in; j++) {
        a[i * in + j] = (float) svd.vt()[i * in + j];
      }
      for (int j = 0; j < out; j++) {
        b[j * rank + i] = (float) (svd.u()[j * svd.sigma().length + i] * svd.sigma()[i]);
      }
    }
    return new LowRankStart(a, b, rank);
  }

  private LowRankStart principal(SafeTensors kept, LowRank outer) {
    return new LowRankStart(kept.floats(outer.a().name()), kept.floats(outer.b().name()), rank);
  }

  @Override
  public int leastSide() {
    return rank;
  }

  /** As LoRA with {@code B·R} for B. */
  @Override
  public Optional<PeftForm> peft(Model model, int steps) {
    return Optional.of(PeftForm.lora(rank, alpha, dropout).converted());
  }

  @Override
  public long trainable(int out, int in, boolean hasBias) {
    return (long) rank * rank;
  }

  @Override
  public String label() {
    return "LoRA-XS";
  }

  private record Core(LowRank outer, Parameter inner) implements ExchangedAdapter {
    @Override
    public Var apply(Tape tape, Linear base, Var x, Var product) {
      Var input = tape.dropoutOfCopy(x, outer.dropout());
      Var down = tape.linear(input, outer.a().var(), null);
      if (input != x) {
        tape.done(input);
      }
      Var y = tape.lowRank(product, down, inner.var(), outer.b().var(), outer.scale());
      tape.done(down);
      return base.addBias(tape, y);
    }

    @Override
    public List<Parameter> parameters() {
      return List.of(outer.a(), outer.b(), inner);
    }

    @Override
    public void write(SafeTensorsWriter tensors, Backend backend) {
      int rank = inner.value().rows();
      int out = outer.b().value().rows();
      Tensor b = new Tensor(backend.allocate((long) out * rank), 0, out, rank);
      backend.gemm(false, false, 1, outer.b().value(), inner.value(), 0, b);
      float[] values = new float[out * rank];
      backend.read(b, 0, values, 0, values.length);
      backend.free(b.memory());
      TrainedTensors.add(tensors, PeftFolder.PREFIX + outer.a().name(), outer.a(), backend);
      tensors.add(PeftFolder.PREFIX + outer.b().name(), TrainedTensors.shape(outer.b()), values);
    }

    @Override
    public void merge(Backend backend, Linear base, Tensor weight, Tensor bias) {
      int rank = inner.value().rows();
      Tensor a = new Tensor(backend.allocate((long) rank * base.in()), 0, rank, base.in());
      backend.gemm(false, false, 1, inner.value(), outer.a().value(), 0, a);
      backend.gemm(false, false, outer.scale(), outer.b().value(), a, 1, weight);
      backend.free(a.memory());
    }
  }
}
