package org.peftsweep.method.adapter;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.ToDoubleFunction;
import org.apache.commons.math3.util.CombinatoricsUtils;

/**
 * IST's scores I of layers (arXiv:2410.11772): high where a layer can be done without.
 *
 * <p>An estimate draws K different sets of layers by the weights σ(I), takes the loss ℓ with each
 * set suppressed, and moves {@code Iᵢ ← Iᵢ + μ·(ρ − mean ρ)·p(1 − p)} for the layers i of each set,
 * with the reward {@code ρ = exp(−ℓ)} and {@code p = σ(Iᵢ)} as it was before.
 */
public final class LayerScores {
  private final double[] scores;
  private final int suppressed;
  private final int candidates;
  private final double rate;

  public LayerScores(int layers, int suppressed, int candidates, double rate) {
    this.scores = new double[layers];
    this.suppressed = suppressed;
    this.candidates = candidates;
    this.rate = rate;
  }

  public double of(int layer) {
    return scores[layer];
  }

  public double[] all() {
    return scores.clone();
  }

  public void restore(double[] all) {
    System.arraycopy(all, 0, scores, 0, scores.length);
  }

  /**
   * Makes one estimate.
   *
   * @param loss with the layers of a set suppressed
   */
  public void update(SplittableRandom random, ToDoubleFunction<int[]> loss) {
    Map<String, int[]> sets = new LinkedHashMap<>();
    double possible = CombinatoricsUtils.binomialCoefficientDouble(scores.length, suppressed);
    while (sets.size() < Math.min(candidates, possible)) {
      int[] set = draw(suppressed, 1, random);
      sets.putIfAbsent(Arrays.toString(set), set);
    }
    int[][] drawn = sets.values().toArray(int[][]::new);
    apply(drawn, Arrays.stream(drawn).mapToDouble(loss).toArray());
  }

  /** Moves the scores by the losses of sets of suppressed layers. */
  public void apply(int[][] sets, double[] losses) {
    double[] rewards = Arrays.stream(losses).map(loss -> Math.exp(-loss)).toArray();
    double mean = Arrays.stream(rewards).average().orElse(0);
    double[] p = Arrays.stream(scores).map(LayerScores::sigmoid).toArray();
    for (int k = 0; k < sets.length; k++) {
      for (int layer : sets[k]) {
        scores[layer] += rate * (rewards[k] - mean) * p[layer] * (1 - p[layer]);
      }
    }
  }

  /**
   * Draws different layers one after the other, each by its weight {@code σ(sign·I)} among those
   * left; ascending.
   */
  public int[] draw(int count, int sign, SplittableRandom random) {
    double[] weights = Arrays.stream(scores).map(score -> sigmoid(sign * score)).toArray();
    int[] drawn = new int[count];
    for (int n = 0; n < count; n++) {
      double place = random.nextDouble() * Arrays.stream(weights).sum();
      int layer = -1;
      for (int i = 0; i < weights.length && (layer < 0 || place >= 0); i++) {
        if (weights[i] > 0) {
          layer = i;
          place -= weights[i];
        }
      }
      drawn[n] = layer;
      weights[layer] = 0;
    }
    Arrays.sort(drawn);
    return drawn;
  }

  /** Kept above 0, so that every layer can be drawn. */
  private static double sigmoid(double x) {
    return Math.max(1 / (1 + Math.exp(-x)), Double.MIN_NORMAL);
  }
}
