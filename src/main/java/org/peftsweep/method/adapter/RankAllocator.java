package org.peftsweep.method.adapter;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import org.peftsweep.checkpoint.StateReader;
import org.peftsweep.checkpoint.StateWriter;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Tensor;
import org.peftsweep.model.Parameter;

/**
 * Shares a falling budget of ranks out among AdaLoRA's matrices (arXiv:2303.10512, §3.2–3.3).
 *
 * <p>Importance of a scalar p with gradient g, each step: {@code I = |p·g|}, {@code Ī ← βĪ + (1 −
 * β)I}, {@code Ū ← βŪ + (1 − β)|I − Ī|}, score {@code Ī·Ū}; of a triplet: the score of its entry of
 * E plus the mean scores of its row of A and column of B. After the step p is new and g is clipped,
 * as in the reference implementation. A matrix that rests in a step keeps its importance.
 *
 * <p>Importance is kept in ordinary memory: two floats a scalar.
 */
public final class RankAllocator {
  private static final class Importance {
    private final Parameter parameter;
    private final float[] mean;
    private final float[] uncertainty;

    private Importance(Parameter parameter) {
      this.parameter = parameter;
      this.mean = new float[Math.toIntExact(parameter.size())];
      this.uncertainty = new float[mean.length];
    }

    private void update(Backend backend, float beta) {
      if (!parameter.var().hasGradient()) {
        return;
      }
      float[] p = floats(backend, parameter.value());
      float[] g = floats(backend, parameter.var().gradient());
      for (int i = 0; i < mean.length; i++) {
        float now = Math.abs(p[i] * g[i]);
        mean[i] = beta * mean[i] + (1 - beta) * now;
        uncertainty[i] = beta * uncertainty[i] + (1 - beta) * Math.abs(now - mean[i]);
      }
    }

    private void fill(float[] means, float[] uncertainties) {
      System.arraycopy(means, 0, mean, 0, mean.length);
      System.arraycopy(uncertainties, 0, uncertainty, 0, uncertainty.length);
    }

    private void clear() {
      Arrays.fill(mean, 0);
      Arrays.fill(uncertainty, 0);
    }

    private float score(int i) {
      return mean[i] * uncertainty[i];
    }
  }

  private record Matrix(String name, Importance a, Importance e, Importance b, boolean[] kept) {
    int rank() {
      return kept.length;
    }

    List<Importance> importances() {
      return List.of(a, e, b);
    }

    float score(int triplet) {
      int in = a.mean.length / rank();
      int out = b.mean.length / rank();
      double row = 0;
      for (int j = 0; j < in; j++) {
        row += a.score(triplet * in + j);
      }
      double column = 0;
      for (int i = 0; i < out; i++) {
        column += b.score(i * rank() + triplet);
      }
      return e.score(triplet) + (float) (row / in + column / out);
    }
  }

  private record Triplet(Matrix matrix, int index, float score) {}

  /**
   * How the budget falls.
   *
   * @param initialRank of each matrix at the start
   * @param rank mean of the matrices at the end
   * @param warmFraction part of all steps, at the start, in which ranks stay
   * @param finalFraction part of all steps, at the end, in which ranks stay
   * @param every steps between two allocations; the last one is made whatever it is
   * @param smoothing β of importance and its uncertainty
   */
  public record Budget(
      int initialRank,
      int rank,
      double warmFraction,
      double finalFraction,
      int every,
      double smoothing) {}

  private final Budget settings;
  private final Backend backend;
  private final List<Matrix> matrices = new ArrayList<>();
  private boolean isFinal;

  public RankAllocator(Budget settings, List<TripletAdapter> adapters, Backend backend) {
    this.settings = settings;
    this.backend = backend;
    for (TripletAdapter triplets : adapters) {
      boolean[] kept = new boolean[settings.initialRank()];
      Arrays.fill(kept, true);
      matrices.add(
          new Matrix(
              triplets.name(),
              new Importance(triplets.a()),
              new Importance(triplets.e()),
              new Importance(triplets.b()),
              kept));
    }
  }

  /**
   * Returns the ranks of all matrices together that a step allows: {@code ⌊(b₀ − b)·c³ + b⌋} with c
   * falling from 1 to 0 between the fractions of steps at the start and the end.
   *
   * @param step the step just done, from 0
   */
  public int budget(int step, int steps) {
    int start = matrices.size() * settings.initialRank();
    int end = matrices.size() * settings.rank();
    int warm = warm(steps);
    int last = last(steps);
    if (step >= last) {
      return end;
    }
    if (step <= warm) {
      return start;
    }
    double c = 1 - (step - warm) / (double) (last - warm);
    return (int) ((start - end) * (c * c * c) + end);
  }

  /** Takes a step's importance in and, where it is time, ranks away. */
  public void allocate(int step, int steps) {
    int last = last(steps);
    if (step <= last) {
      for (Matrix matrix : matrices) {
        matrix.a.update(backend, (float) settings.smoothing());
        matrix.e.update(backend, (float) settings.smoothing());
        matrix.b.update(backend, (float) settings.smoothing());
      }
    }
    if (step < last) {
      if (step > warm(steps) && step % settings.every() == 0) {
        choose(budget(step, steps));
      }
    } else if (step == last) {
      choose(matrices.size() * settings.rank());
      isFinal = true;
      matrices.forEach(matrix -> matrix.importances().forEach(Importance::clear));
    } else {
      matrices.forEach(this::mask);
    }
  }

  public void save(StateWriter to) {
    to.number("final", isFinal ? 1 : 0);
    for (Matrix matrix : matrices) {
      StateWriter of = to.under(matrix.name);
      long[] kept = new long[matrix.rank()];
      Arrays.setAll(kept, i -> matrix.kept[i] ? 1 : 0);
      of.longs("kept", kept);
      for (Importance importance : matrix.importances()) {
        of.floats(importance.parameter.name() + ".mean", importance.mean);
        of.floats(importance.parameter.name() + ".uncertainty", importance.uncertainty);
      }
    }
  }

  public void restore(StateReader from) {
    isFinal = from.wholeNumber("final") == 1;
    for (Matrix matrix : matrices) {
      StateReader of = from.under(matrix.name);
      long[] kept = of.longs("kept");
      for (int i = 0; i < kept.length; i++) {
        matrix.kept[i] = kept[i] == 1;
      }
      for (Importance importance : matrix.importances()) {
        String name = importance.parameter.name();
        importance.fill(of.floats(name + ".mean"), of.floats(name + ".uncertainty"));
      }
    }
  }

  /** Returns the rank of each matrix: what the last allocation left, or entries of E not zero. */
  public SortedMap<String, Integer> ranks() {
    SortedMap<String, Integer> ranks = new TreeMap<>();
    for (Matrix matrix : matrices) {
      float[] e = floats(backend, matrix.e.parameter.value());
      int rank = 0;
      for (int i = 0; i < e.length; i++) {
        rank += (isFinal ? matrix.kept[i] : e[i] != 0) ? 1 : 0;
      }
      ranks.put(matrix.name, rank);
    }
    return ranks;
  }

  /** Returns the smoothed importance of a parameter's scalars. */
  public float[] importance(Parameter parameter) {
    return of(parameter).mean.clone();
  }

  /** Returns the smoothed uncertainty of their importance. */
  public float[] uncertainty(Parameter parameter) {
    return of(parameter).uncertainty.clone();
  }

  public long stateBytes() {
    return matrices.stream()
        .flatMap(matrix -> matrix.importances().stream())
        .mapToLong(importance -> 2L * Float.BYTES * importance.mean.length)
        .sum();
  }

  private Importance of(Parameter parameter) {
    return matrices.stream()
        .flatMap(matrix -> matrix.importances().stream())
        .filter(importance -> importance.parameter == parameter)
        .findFirst()
        .orElseThrow();
  }

  private int warm(int steps) {
    return (int) Math.round(settings.warmFraction() * steps);
  }

  /** The step, from 0, that the budget's end is met in; the last one at the latest. */
  private int last(int steps) {
    int stay = (int) Math.round(settings.finalFraction() * steps);
    return Math.min(steps - stay, steps - 1);
  }

  private void choose(int budget) {
    int triplets = matrices.size() * settings.initialRank();
    if (budget >= triplets) {
      return;
    }
    List<Triplet> all = new ArrayList<>(triplets);
    for (int i = 0; i < settings.initialRank(); i++) {
      for (Matrix matrix : matrices) {
        all.add(new Triplet(matrix, i, matrix.score(i)));
      }
    }
    // Stable: equal scores are spread over the matrices, so that the budget is met.
    all.sort(Comparator.comparingDouble(Triplet::score).reversed());
    for (int i = 0; i < triplets; i++) {
      Triplet triplet = all.get(i);
      triplet.matrix.kept[triplet.index] = i < budget;
    }
    matrices.forEach(this::mask);
  }

  private void mask(Matrix matrix) {
    Parameter parameter = matrix.e.parameter;
    float[] e = floats(backend, parameter.value());
    for (int i = 0; i < e.length; i++) {
      e[i] = matrix.kept[i] ? e[i] : 0;
    }
    backend.write(e, 0, parameter.value(), 0, e.length);
  }

  private static float[] floats(Backend backend, Tensor tensor) {
    float[] values = new float[Math.toIntExact(tensor.size())];
    backend.read(tensor, 0, values, 0, values.length);
    return values;
  }
}
