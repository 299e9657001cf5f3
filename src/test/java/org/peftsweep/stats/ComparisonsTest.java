package org.peftsweep.stats;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.peftsweep.data.Metric;

/** Tests of a difference, and what is made of many. */
class ComparisonsTest {
  @Test
  void findsThePublishedHolmValues() {
    // Wikipedia, "Holm-Bonferroni method", example.
    assertThat(Holm.adjusted(new double[] {0.01, 0.04, 0.03, 0.005}))
        .containsExactly(new double[] {0.03, 0.06, 0.06, 0.02}, within(1e-12));
    assertThat(Holm.adjusted(new double[] {0.7, 0.9})).containsExactly(1, 1);
    assertThat(Holm.adjusted(new double[0])).isEmpty();
  }

  @Test
  void groupsWhatIsNotToldApart() {
    double[] scores = {0.5, 0.9, 0.89, 0.7, 0.69};
    TieGroups.Test apart = (i, j) -> Math.abs(scores[i] - scores[j]) > 0.05 ? 0.001 : 0.5;
    assertThat(TieGroups.of(scores, apart)).containsExactly(3, 1, 1, 2, 2);
    assertThat(TieGroups.of(scores, (i, j) -> 1)).containsOnly(1);
  }

  @Test
  void correctsWithinAGroupsComparisons() {
    // 0.02 alone is significant; three times it is not.
    double[] scores = {4, 3, 2, 1};
    assertThat(TieGroups.of(scores, (i, j) -> 0.02)).containsOnly(1);
    assertThat(TieGroups.of(new double[] {2, 1}, (i, j) -> 0.02)).containsExactly(1, 2);
  }

  @Test
  void pairsExampleByExample() {
    int examples = 400;
    double[] labels = new double[examples];
    double[] first = new double[examples];
    double[] second = new double[examples];
    // Right on all but the first 100; the second also wrong on 30 more and right on 10 of those.
    for (int i = 0; i < examples; i++) {
      first[i] = i < 100 ? 1 : 0;
      second[i] = i >= 10 && i < 130 ? 1 : 0;
    }
    PairedBootstrap paired = paired(labels, new double[][] {first}, new double[][] {second});
    Interval difference = paired.difference(0, 1);
    assertThat(difference.value()).isCloseTo(0.05, within(1e-12));
    // The variance of a mean of paired differences: ((b + c) − (b − c)²/n) / n².
    double error = Math.sqrt((40 - 400.0 / examples) / ((double) examples * examples));
    assertThat(difference.high() - difference.low()).isCloseTo(3.92 * error, within(0.004));
    // What both get wrong would dominate were the two drawn apart.
    double apart = paired.score(0).high() - paired.score(0).low();
    assertThat(difference.high() - difference.low()).isLessThan(apart);
  }

  @Test
  void findsNoDifferenceOfARecipeFromItself() {
    double[][] answers = {{0, 1, 1, 0}, {1, 1, 0, 0}};
    PairedBootstrap paired = paired(new double[] {0, 1, 0, 0}, answers, answers);
    assertThat(paired.difference(0, 1)).isEqualTo(new Interval(0, 0, 0));
  }

  @Test
  void redrawsExamplesAndNeverSeeds() {
    SplittableRandom random = new SplittableRandom(5);
    double[] labels = random.doubles(200).map(Math::rint).toArray();
    double[] wrong = Arrays.stream(labels).map(label -> 1 - label).toArray();
    assertThat(paired(labels, new double[][] {labels}).score(0)).isEqualTo(new Interval(1, 1, 1));
    assertThat(paired(labels, new double[][] {labels, wrong}).score(0))
        .isEqualTo(new Interval(0.5, 0.5, 0.5));
  }

  @Test
  void refusesAnswersWithoutLabels() {
    assertThatThrownBy(() -> paired(new double[3], new double[][] {new double[2]}))
        .hasMessage("Cannot compare 2 answers with 3 labels: give one a label");
  }

  private static PairedBootstrap paired(double[] labels, double[][]... predictions) {
    return new PairedBootstrap(
        Metric.ACCURACY::of, labels, List.of(predictions), Bootstrap.STANDARD);
  }
}
