package org.peftsweep.method;

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
record LowRank(Parameter a, Parameter b, float scale, float dropout) {
  /** Makes trainable factors with A uniform in ±1/√in and B zero. */
  static LowRank fresh(Attachment to, Linear linear, int rank, float scale, float dropout) {
    Backend backend = to.backend();
    Parameter a =
        Parameter.zeros(
            backend,
            linear.name() + ".lora_A.weight",
            linear.role(),
            linear.layer(),
            rank,
            linear.in());
    Parameter b =
        Parameter.zeros(
            backend,
            linear.name() + ".lora_B.weight",
            linear.role(),
            linear.layer(),
            linear.out(),
            rank);
    SplittableRandom random = to.seeds().random("initialise " + a.name());
    double bound = 1 / Math.sqrt(linear.in());
    float[] values = new float[rank * linear.in()];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) ((2 * random.nextDouble() - 1) * bound);
    }
    backend.write(values, 0, a.value(), 0, values.length);
    return new LowRank(a.train(backend), b.train(backend), scale, dropout);
  }

  List<Parameter> parameters() {
    return List.of(a, b);
  }

  /** {@code product + scale·(x·Aᵀ)·Bᵀ}; consumes product. */
  Var addTo(Tape tape, Var x, Var product) {
    Var input = tape.dropoutOfCopy(x, dropout);
    Var sum = tape.lowRank(product, input, a.var(), b.var(), scale);
    if (input != x) {
      tape.done(input);
    }
    return sum;
  }

  /** {@code weight ← weight + scale·B·A}. */
  void addTo(Backend backend, Tensor weight) {
    backend.gemm(false, false, scale, b.value(), a.value(), 1, weight);
  }
}
