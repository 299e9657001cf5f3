package org.peftsweep.method;

import java.util.List;
import java.util.Optional;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Var;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.Matrices;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.method.adapter.RotationAdapter;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Model;
import org.peftsweep.model.Parameter;
import org.peftsweep.optim.Id;

/**
 * Householder reflection adaptation: {@code y = W·H₁…H_r·x + b} with reflections {@code Hᵢ = I −
 * 2uᵢuᵢᵀ/‖uᵢ‖²} of learnt vectors.
 *
 * <p>Yuan et al., arXiv:2405.17484, §3, without its orthogonality penalty, as PEFT by default.
 * Vectors start in equal pairs, so that step 0 equals the base model. Their product is applied as
 * {@code I − U·T·Uᵀ} (Schreiber and Van Loan, 1989) with {@code T⁻¹ = striu(UᵀU) + ½·diag(UᵀU)}.
 *
 * @param rank number of reflections, at least 1; an odd one starts elsewhere
 */
@Id("hra")
public record HRA(int rank) implements Method {
  public HRA {
    Settings.rank(rank);
  }

  @Override
  public MethodHooks attach(AttachContext to) {
    for (Linear linear : to.projections()) {
      Parameter u = to.learning(linear, "hra_u", linear.in(), rank);
      to.uniform(u, Math.sqrt((startsAtBase() ? 2.0 : 1.0) / rank));
      if (startsAtBase()) {
        pair(to.backend(), u);
      }
      linear.attach(
          new RotationAdapter(List.of(u), List.of(u), (tape, x) -> reflected(tape, x, u), null));
    }
    return MethodHooks.PASSIVE;
  }

  private void pair(Backend backend, Parameter u) {
    float[] values = new float[Math.toIntExact(u.size())];
    backend.read(u.value(), 0, values, 0, values.length);
    for (int i = 1; i < values.length; i += 2) {
      values[i] = values[i - 1];
    }
    backend.write(values, 0, u.value(), 0, values.length);
  }

  /** {@code x − ((x·U)·Tᵀ)·Uᵀ}. */
  private static Var reflected(Tape tape, Var x, Parameter u) {
    Var core = core(tape, u);
    Var along = Matrices.product(tape, x, u.var());
    Var inner = Matrices.product(tape, along, false, core, true, 1);
    Var change = Matrices.product(tape, inner, false, u.var(), true, -1);
    tape.done(core);
    tape.done(along);
    tape.done(inner);
    Var y = tape.addScaled(change, 1, x);
    return y;
  }

  /** T {@code [rank, rank]}, inverted on the host before the pass. */
  private static Var core(Tape tape, Parameter u) {
    Backend backend = tape.backend();
    int rank = u.value().columns();
    Tensor mask = tape.floats(() -> mask(rank)).reshape(rank, rank);
    if (tape.isGraph()) {
      Tensor gram = tape.arena().take(rank, rank);
      backend.gemm(true, false, 1, u.value(), u.value(), 0, gram);
      backend.multiply(gram, mask, gram);
      return tape.inverses(tape.operation(gram, dy -> {}, List.of(), u.var()));
    }
    Tensor given = tape.input(to -> write(backend, u, to), rank, rank).value();
    Tensor core = tape.arena().take(rank, rank);
    backend.copy(given, core);
    return tape.operation(
        core,
        dy ->
            tape.give(
                u.var(),
                du -> {
                  Tensor half = tape.arena().take(rank, rank);
                  Tensor gram = tape.arena().take(rank, rank);
                  backend.gemm(true, false, 1, given, dy, 0, half);
                  backend.gemm(false, true, -1, half, given, 0, gram);
                  backend.multiply(gram, mask, gram);
                  backend.gemm(false, false, 1, u.value(), gram, 0, du);
                  backend.gemm(false, true, 1, u.value(), gram, 1, du);
                  tape.done(half);
                  tape.done(gram);
                }),
        List.of(),
        u.var());
  }

  /** How much of the Gram matrix is in T⁻¹: all above the diagonal, half of that, nothing below. */
  private static float[] mask(int rank) {
    float[] mask = new float[rank * rank];
    for (int i = 0; i < rank; i++) {
      mask[i * rank + i] = 0.5f;
      for (int j = i + 1; j < rank; j++) {
        mask[i * rank + j] = 1;
      }
    }
    return mask;
  }

  private static void write(Backend backend, Parameter u, Tensor to) {
    int rank = u.value().columns();
    float[] values = new float[Math.toIntExact(u.size())];
    backend.read(u.value(), 0, values, 0, values.length);
    double[][] gram = new double[rank][rank];
    for (int row = 0; row < values.length / rank; row++) {
      for (int i = 0; i < rank; i++) {
        for (int j = i; j < rank; j++) {
          gram[i][j] += (double) values[row * rank + i] * values[row * rank + j];
        }
      }
    }
    // The inverse of an upper triangular matrix, column by column from below.
    float[] inverse = new float[rank * rank];
    for (int j = 0; j < rank; j++) {
      double[] column = new double[rank];
      for (int i = j; i >= 0; i--) {
        double sum = i == j ? 1 : 0;
        for (int k = i + 1; k <= j; k++) {
          sum -= gram[i][k] * column[k];
        }
        column[i] = gram[i][i] == 0 ? 0 : sum / (gram[i][i] / 2);
        inverse[i * rank + j] = (float) column[i];
      }
    }
    backend.write(inverse, 0, to, 0, inverse.length);
  }

  @Override
  public Optional<PeftForm> peft(Model model, int steps) {
    return Optional.of(
        PeftForm.of("HRA")
            .deciding("r", rank)
            .deciding("apply_GS", false)
            .other("init_weights", true));
  }

  @Override
  public boolean startsAtBase() {
    return rank % 2 == 0;
  }

  @Override
  public long trainable(int out, int in, boolean hasBias) {
    return (long) rank * in;
  }
}
