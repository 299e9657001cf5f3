package org.peftsweep.train;

import java.util.Arrays;
import java.util.SplittableRandom;

/** Chooses the next token by its scores. */
final class TokenChoice {
  private TokenChoice() {}

  /**
   * Returns the chosen token's id; the lowest of those alike.
   *
   * @param logits a score a token
   * @param temperature divides them; 0 takes the most likely token
   * @param topP draws from the fewest tokens with at least that probability together
   */
  static int of(float[] logits, double temperature, double topP, SplittableRandom random) {
    int best = mostLikely(logits);
    if (temperature == 0) {
      return best;
    }
    double[] weights = new double[logits.length];
    double sum = 0;
    for (int i = 0; i < weights.length; i++) {
      weights[i] = Math.exp((logits[i] - logits[best]) / temperature);
      sum += weights[i];
    }
    Integer[] order = topP < 1 ? byWeight(weights) : null;
    double kept = topP * sum;
    if (order != null) {
      double reached = 0;
      int count = 0;
      while (count < order.length && reached < kept) {
        reached += weights[order[count++]];
      }
      kept = reached;
    }
    double left = random.nextDouble() * kept;
    for (int i = 0; i < weights.length; i++) {
      int token = order == null ? i : order[i];
      left -= weights[token];
      if (left < 0) {
        return token;
      }
    }
    return best;
  }

  private static Integer[] byWeight(double[] weights) {
    Integer[] order = new Integer[weights.length];
    Arrays.setAll(order, i -> i);
    Arrays.sort(order, (a, b) -> Double.compare(weights[b], weights[a]));
    return order;
  }

  /** Returns the id of the largest score, the lowest of those alike. */
  static int mostLikely(float[] logits) {
    int best = 0;
    for (int i = 1; i < logits.length; i++) {
      best = logits[i] > logits[best] ? i : best;
    }
    return best;
  }
}
