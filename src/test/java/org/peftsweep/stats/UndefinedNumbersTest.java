package org.peftsweep.stats;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** Whatever is no finite number comes last, is in no mean and on no front, and moves no other. */
class UndefinedNumbersTest {
  private static final double[] BAD = {
    Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY
  };

  @Test
  void rankLastAndChangeNothing() {
    SplittableRandom random = new SplittableRandom(4);
    for (int round = 0; round < 200; round++) {
      int size = 2 + random.nextInt(8);
      double[] scores = random.doubles(size).toArray();
      boolean[] isBad = new boolean[size];
      for (int i = 1; i < size; i++) {
        if (random.nextInt(3) == 0) {
          scores[i] = BAD[random.nextInt(3)];
          isBad[i] = true;
        }
      }
      double best = Arrays.stream(scores).filter(Double::isFinite).max().orElseThrow();
      int[] groups = TieGroups.of(scores, (i, j) -> 0);
      double[] costs = random.doubles(size).toArray();
      boolean[] front = Pareto.front(costs, scores);
      for (int i = 0; i < size; i++) {
        assertThat(front[i] && isBad[i]).isFalse();
        assertThat(groups[i] == 1).isEqualTo(scores[i] == best);
        for (int j = 0; j < size; j++) {
          if (isBad[i] && !isBad[j]) {
            assertThat(groups[i]).isGreaterThan(groups[j]);
          }
        }
      }
      double[] finite = Arrays.stream(scores).filter(Double::isFinite).toArray();
      assertThat(ExpectedMaximum.of(scores)).containsExactly(ExpectedMaximum.of(finite));
      assertThat(ExpectedMaximum.of(scores)[finite.length - 1]).isEqualTo(best);
      assertThatThrownBy(() -> MeanTest.of(concat(finite, BAD[0]), 0, Looks.ONCE))
          .hasMessageContaining("give finite ones");
      Interval interval = Interval.ofReplicates(1, scores);
      assertThat(interval.isBounded()).isTrue();
    }
  }

  @Test
  void aTestThatCannotBeMadeTellsNothingApart() {
    assertThat(Holm.adjusted(new double[] {Double.NaN, 0.01})).containsExactly(1, 0.02);
    assertThat(TieGroups.of(new double[] {2, 1}, (i, j) -> Double.NaN)).containsOnly(1);
  }

  private static double[] concat(double[] numbers, double more) {
    double[] all = Arrays.copyOf(numbers, numbers.length + 1);
    all[numbers.length] = more;
    return all;
  }
}
