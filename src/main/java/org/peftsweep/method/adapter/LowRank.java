package org.peftsweep.method.adapter;

import java.util.List;
import java.util.SplittableRandom;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Var;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Parameter;

/**
 * The pair of factors that LoRA and its relatives train: {@code ΔW = scale·B·A}.
 *
 * @param a {@code [rank, in]}
 * @param b {@code [out, rank]}
 * @param dropout probability that an input of A is dropped while training
 */
public record LowRank(Parameter a, Parameter b, float scale, float dropout) {
  /** Makes trainable factors with A uniform in ±1/√in and B zero. */
  public static LowRank fresh(
      AttachContext to, Linear linear, int rank, float scale, float dropout) {
    LowRank pair = drawn(to, linear, rank, scale, dropout);
    pair.a.train(to.backend());
    pair.b.train(to.backend());
    return pair;
  }

  /** Makes frozen factors with A uniform in ±1/√in and B zero. */
  public static LowRank drawn(
      AttachContext to, Linear linear, int rank, float scale, float dropout) {
    LowRank pair = zeros(to.backend(), linear, ".weight", rank, scale, dropout);
    SplittableRandom random = to.seeds().random("initialise " + pair.a.name());
    double bound = 1 / Math.sqrt(linear.in());
    float[] values = new float[rank * linear.in()];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) ((2 * random.nextDouble() - 1) * bound);
    }
    to.backend().write(values, 0, pair.a.value(), 0, values.length);
    return pair;
  }

  /** Makes frozen factors of zeros, named {@code <module>.lora_A<suffix>} and B alike. */
  public static LowRank zeros(
      Backend backend, Linear linear, String suffix, int rank, float scale, float dropout) {
    String name = linear.name() + ".lora_";
    return new LowRank(
        Parameter.zeros(
            backend, name + "A" + suffix, linear.role(), linear.layer(), rank, linear.in()),
        Parameter.zeros(
            backend, name + "B" + suffix, linear.role(), linear.layer(), linear.out(), rank),
        scale,
        dropout);
  }

  public List<Parameter> parameters() {
    return List.of(a, b);
  }

  /** {@code product + scale·(x·Aᵀ)·Bᵀ}; consumes product. */
  public Var addTo(Tape tape, Var x, Var product) {
    return tape.lowRank(product, x, dropout, a.var(), b.var(), scale);
  }

  /** {@code weight ← weight + scale·B·A}. */
  public void addTo(Backend backend, Tensor weight) {
    backend.gemm(false, false, scale, b.value(), a.value(), 1, weight);
  }
}
