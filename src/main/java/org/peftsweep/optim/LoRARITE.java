package org.peftsweep.optim;

import java.util.Arrays;
import java.util.List;
import org.peftsweep.checkpoint.StateReader;
import org.peftsweep.checkpoint.StateWriter;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Lapack;
import org.peftsweep.compute.Tensor;
import org.peftsweep.model.Parameter;

/**
 * LoRA-RITE (Yen et al., arXiv:2410.20625, algorithm 1): an update of the factors of {@code B·A}
 * that moves the product alike however it is split. With {@code Y = Q·R} the other factor, a factor
 * X {@code [n, rank]} (B, or the transpose of A) has the unmagnified gradient {@code U = G·R⁻¹}; V
 * and M are brought into the basis Q of this step by {@code P = Qᵀ·Q'}, Q' that of the step before,
 * and {@code V ← β₂·P·V·Pᵀ + (1 − β₂)·UᵀU/n}, {@code M ← β₁·M·Pᵀ + (1 − β₁)·U·(V + ρ)^(−1/2)},
 * {@code X ← X·(1 − lr·decay) − lr·M·R⁻ᵀ}. ρ makes up for what V loses in P: {@code ρ ← β₂·(ρ +
 * d)}, d the most by which an eigenvalue of V falls, or its trace where that is less. Both β are
 * corrected for bias.
 *
 * <p>Factors are told by their names, {@code lora_A} and {@code lora_B}, where both learn, nothing
 * learns between them and the rank is at most both sides; all else takes AdamW at the same rate.
 *
 * <p>Differs from the authors' code: unmagnified gradients are neither clipped nor left out where
 * they are large; clipping is the trial's. R is inverted in double precision.
 *
 * <p>State, X {@code [n, rank]} beside Y {@code [m, rank]}: {@code (n + m + rank)·rank} floats; two
 * a scalar of the rest.
 *
 * @param beta1 decay of M, in [0, 1)
 * @param beta2 decay of V, in [0, 1)
 * @param epsilon added after the root, above 0
 * @param escape whether ρ is added
 */
@Id("lorarite")
public record LoRARITE(double beta1, double beta2, double epsilon, boolean escape)
    implements Optimizer {
  private static final String A = ".lora_A.";
  private static final String B = ".lora_B.";

  /** A learnt matrix between them, with which they are no two factors of a product. */
  private static final String BETWEEN = ".lora_AB";

  /** Part of the largest singular value of R from which on a smaller one counts as 0. */
  private static final double LEAST = 1e-7;

  public LoRARITE {
    Optimizers.requireFraction("beta1", beta1);
    Optimizers.requireFraction("beta2", beta2);
    Optimizers.requirePositive("epsilon", epsilon);
  }

  @Override
  public Update update(Parameter parameter) {
    return new Equilibrated(parameter, this);
  }

  private static final class Equilibrated implements Update {
    private final Parameter parameter;
    private final LoRARITE settings;

    /** Of a parameter without another factor. */
    private final Update alone;

    private final boolean isA;
    private Parameter other;
    private OptimizerState state;
    private double escaped;
    private int rank;

    /** Of the other factor in this step: Q {@code [m, rank]} and R⁻¹. */
    private double[] basis;

    private double[] inverse;

    Equilibrated(Parameter parameter, LoRARITE settings) {
      this.parameter = parameter;
      this.settings = settings;
      this.alone = new AdamW(settings.beta1, settings.beta2, settings.epsilon).update(parameter);
      this.isA = parameter.name().contains(A);
    }

    @Override
    public void meet(List<Parameter> all) {
      if (!isA && !parameter.name().contains(B)) {
        return;
      }
      int at = parameter.name().indexOf(isA ? A : B);
      String between = parameter.name().substring(0, at) + BETWEEN;
      if (all.stream().anyMatch(candidate -> candidate.name().equals(between))) {
        return;
      }
      String name = isA ? parameter.name().replace(A, B) : parameter.name().replace(B, A);
      for (Parameter candidate : all) {
        if (candidate.name().equals(name)) {
          int own = isA ? parameter.value().rows() : parameter.value().columns();
          int rest = Math.toIntExact(Math.min(parameter.size(), candidate.size()) / own);
          if (own <= rest) {
            other = candidate;
            rank = own;
            state = new OptimizerState(parameter.size() + (long) rank * rank + candidate.size());
          }
        }
      }
    }

    @Override
    public void prepare(Backend backend) {
      if (other == null) {
        return;
      }
      int m = Math.toIntExact(other.size() / rank);
      double[] y = matrix(backend, other.value(), !isA);
      basis = Lapack.orthonormal(y.clone(), m, rank);
      inverse = inverse(Lapack.product(true, basis, y, rank, rank, m));
    }

    @Override
    public void step(Backend backend, double rate, double decay, Scratch scratch) {
      if (other == null) {
        alone.step(backend, rate, decay, scratch);
        return;
      }
      int n = Math.toIntExact(parameter.size() / rank);
      int m = basis.length / rank;
      Tensor m1 = state.part(backend, 0, n, rank);
      Tensor m2 = state.part(backend, parameter.size(), rank, rank);
      Tensor old = state.part(backend, parameter.size() + (long) rank * rank, m, rank);
      double[] gradient = matrix(backend, parameter.var().gradient(), isA);
      double[] u = Lapack.product(false, gradient, inverse, n, rank, rank);
      double[] turned = Lapack.product(true, basis, doubles(backend, old), rank, rank, m);
      double[] before = doubles(backend, m2);
      double[] v = times(Lapack.product(false, turned, before, rank, rank, rank), turned, rank);
      int step = state.advance();
      double keep2 = corrected(settings.beta2, step);
      escaped = settings.escape ? keep2 * (escaped + lost(before, v)) : 0;
      double[] squares = Lapack.product(true, u, u, rank, rank, n);
      for (int i = 0; i < v.length; i++) {
        v[i] = keep2 * v[i] + (1 - keep2) * squares[i] / n;
      }
      double[] direction = Lapack.product(false, u, inverseRoot(v), n, rank, rank);
      double[] mean = times(doubles(backend, m1), turned, n);
      double keep1 = corrected(settings.beta1, step);
      for (int i = 0; i < mean.length; i++) {
        mean[i] = keep1 * mean[i] + (1 - keep1) * direction[i];
      }
      double[] change = times(mean, inverse, n);
      double[] x = matrix(backend, parameter.value(), isA);
      for (int i = 0; i < x.length; i++) {
        x[i] = x[i] * (1 - rate * decay) - rate * change[i];
      }
      write(backend, isA ? transposed(x, n) : x, parameter.value());
      write(backend, mean, m1);
      write(backend, v, m2);
      write(backend, basis, old);
    }

    /** {@code a·bᵀ}, b square. */
    private double[] times(double[] a, double[] b, int rows) {
      return Lapack.product(false, a, transposed(b, rank), rows, rank, rank);
    }

    /** Corrects a decay for what is not remembered yet, so that the first step keeps nothing. */
    private static double corrected(double decay, int step) {
      return decay * (1 - Math.pow(decay, step - 1)) / (1 - Math.pow(decay, step));
    }

    private double lost(double[] before, double[] after) {
      double[] was = Lapack.svd(before.clone(), rank, rank).sigma();
      double[] is = Lapack.svd(after.clone(), rank, rank).sigma();
      double most = 0;
      double trace = 0;
      for (int i = 0; i < rank; i++) {
        most = Math.max(most, was[i] - is[i]);
        trace += was[i] - is[i];
      }
      return Math.max(0, Math.min(most, trace));
    }

    /** {@code (√(V + ρ) + ε)⁻¹} of a symmetric V without negative eigenvalues. */
    private double[] inverseRoot(double[] v) {
      Lapack.Svd svd = Lapack.svd(v.clone(), rank, rank);
      double[] scaled = svd.vt().clone();
      for (int i = 0; i < scaled.length; i++) {
        scaled[i] /= Math.sqrt(svd.sigma()[i / rank] + escaped) + settings.epsilon;
      }
      return Lapack.product(true, svd.vt(), scaled, rank, rank, rank);
    }

    /** The pseudo-inverse: what the other factor lacks is not learned. */
    private double[] inverse(double[] r) {
      Lapack.Svd svd = Lapack.svd(r, rank, rank);
      double[] scaled = transposed(svd.u(), rank);
      for (int i = 0; i < scaled.length; i++) {
        double sigma = svd.sigma()[i / rank];
        scaled[i] = sigma <= LEAST * svd.sigma()[0] ? 0 : scaled[i] / sigma;
      }
      return Lapack.product(true, svd.vt(), scaled, rank, rank, rank);
    }

    private double[] matrix(Backend backend, Tensor tensor, boolean transpose) {
      double[] values = doubles(backend, tensor);
      return transpose ? transposed(values, rank) : values;
    }

    private static double[] transposed(double[] values, int rows) {
      int columns = values.length / rows;
      double[] transposed = new double[values.length];
      for (int i = 0; i < rows; i++) {
        for (int j = 0; j < columns; j++) {
          transposed[j * rows + i] = values[i * columns + j];
        }
      }
      return transposed;
    }

    private static double[] doubles(Backend backend, Tensor tensor) {
      float[] values = new float[Math.toIntExact(tensor.size())];
      backend.read(tensor, 0, values, 0, values.length);
      double[] doubles = new double[values.length];
      Arrays.setAll(doubles, i -> values[i]);
      return doubles;
    }

    private static void write(Backend backend, double[] values, Tensor tensor) {
      float[] floats = new float[values.length];
      for (int i = 0; i < floats.length; i++) {
        floats[i] = (float) values[i];
      }
      backend.write(floats, 0, tensor, 0, floats.length);
    }

    @Override
    public OptimizerState state() {
      return other == null ? alone.state() : state;
    }

    @Override
    public void save(Backend backend, StateWriter to) {
      Update.super.save(backend, to);
      to.number("escaped", escaped);
    }

    @Override
    public void restore(Backend backend, StateReader from) {
      Update.super.restore(backend, from);
      escaped = from.number("escaped");
    }
  }
}
