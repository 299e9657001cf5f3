package org.peftsweep.method.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class LayerScoresTest {
  private static final int[][] SETS = {{0, 1}, {1, 2}, {2, 3}};

  @Test
  void movesByHandComputedNumbers() {
    LayerScores scores = new LayerScores(4, 2, 3, 10);
    scores.apply(SETS, new double[] {0.7, 0.5, 0.6});
    double[] wanted = {-0.135143, 0.004577, 0.135143, -0.004577};
    for (int layer = 0; layer < 4; layer++) {
      assertThat(scores.of(layer)).isCloseTo(wanted[layer], within(1e-6));
    }
  }

  @Test
  void staysWhereAllCandidatesLoseTheSame() {
    LayerScores scores = new LayerScores(4, 2, 3, 10);
    scores.apply(SETS, new double[] {0.7, 0.7, 0.7});
    for (int layer = 0; layer < 4; layer++) {
      assertThat(scores.of(layer)).isCloseTo(0, within(1e-12));
    }
  }

  @Test
  void drawsEachLayerAsOftenAsItsWeightSays() {
    LayerScores scores = new LayerScores(4, 2, 3, 10);
    scores.apply(new int[][] {{0, 1}, {2, 3}}, new double[] {0.1, 2});
    double[] weights = new double[4];
    for (int layer = 0; layer < 4; layer++) {
      weights[layer] = 1 / (1 + Math.exp(scores.of(layer)));
    }
    SplittableRandom random = new SplittableRandom(1);
    int[] drawn = new int[4];
    for (int n = 0; n < 100_000; n++) {
      drawn[scores.draw(1, -1, random)[0]]++;
    }
    double sum = Arrays.stream(weights).sum();
    for (int layer = 0; layer < 4; layer++) {
      assertThat(drawn[layer] / 1e5).isCloseTo(weights[layer] / sum, within(0.005));
    }
    assertThat(scores.draw(4, -1, random)).containsExactly(0, 1, 2, 3);
  }

  @Test
  void comparesDifferentSetsAndNoMoreThanThereAre() {
    for (int[] sizes : new int[][] {{12, 6, 3}, {2, 1, 2}, {3, 3, 1}}) {
      LayerScores scores = new LayerScores(sizes[0], sizes[1], 3, 10);
      List<String> sets = new ArrayList<>();
      scores.update(
          new SplittableRandom(1),
          set -> {
            assertThat(set).hasSize(sizes[1]).doesNotHaveDuplicates();
            sets.add(Arrays.toString(set));
            return 1;
          });
      assertThat(sets).hasSize(sizes[2]).doesNotHaveDuplicates();
    }
  }
}
