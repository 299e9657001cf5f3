package org.peftsweep.stats;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** What a search costs, and what is worth its cost. */
class EffortTest {
  @Test
  void expectsTheMeanOfTheBestOverAllSubsets() {
    double[] scores = {0.3, 0.1, 0.8, 0.4, 0.4, 0.75};
    double[] expected = ExpectedMaximum.of(scores);
    for (int budget = 1; budget <= scores.length; budget++) {
      double sum = 0;
      int subsets = 0;
      for (int members = 1; members < 1 << scores.length; members++) {
        if (Integer.bitCount(members) == budget) {
          double best = 0;
          for (int i = 0; i < scores.length; i++) {
            best = (members >> i & 1) == 1 ? Math.max(best, scores[i]) : best;
          }
          sum += best;
          subsets++;
        }
      }
      assertThat(expected[budget - 1]).isCloseTo(sum / subsets, within(1e-12));
    }
  }

  @Test
  void agreesWithThePublishedEstimatorOfPassAtK() {
    // Scores of 0 and 1 make it 1 − C(n−c, k)/C(n, k): Chen et al., 2021, arXiv:2107.03374, eq. 1.
    double[] expected = ExpectedMaximum.of(new double[] {0, 1, 0, 1, 0});
    assertThat(expected).containsExactly(new double[] {0.4, 0.7, 0.9, 1, 1}, within(1e-12));
  }

  @Test
  void staysANumberForManyScores() {
    double[] scores = new double[5000];
    Arrays.setAll(scores, i -> i);
    double[] expected = ExpectedMaximum.of(scores);
    // Of n among 0 … N−1 without replacement the best is n(N+1)/(n+1) − 1 on average.
    assertThat(expected[99]).isCloseTo(100 * 5001 / 101.0 - 1, within(1e-6));
    assertThat(expected[4999]).isCloseTo(4999, within(1e-9));
  }

  @Test
  void keepsWhatNothingBeats() {
    double[] costs = {1, 2, 3, 3, 2, Double.NaN};
    double[] scores = {0.5, 0.7, 0.7, 0.9, 0.7, 1};
    assertThat(Pareto.front(costs, scores)).containsExactly(true, true, false, true, true, false);
  }
}
