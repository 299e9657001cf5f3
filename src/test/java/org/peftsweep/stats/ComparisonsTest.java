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
  void findsThePublishedMcNemarValues() {
    // Wikipedia, "McNemar's test": the table 59, 6, 16, 80.
    McNemar drug = new McNemar(6, 16);
    assertThat(drug.exact()).isCloseTo(0.0525, within(5e-5));
    assertThat(drug.statistic()).isCloseTo(3.68, within(5e-3));
    assertThat(drug.corrected()).isCloseTo(0.055, within(5e-4));
    // mlxtend, user guide of mcnemar: the table 9945, 25, 15, 15.
    McNemar models = new McNemar(25, 15);
    assertThat(models.statistic()).isCloseTo(2.025, within(1e-9));
    assertThat(models.corrected()).isCloseTo(0.154728923485, within(1e-9));
  }

  @Test
  void countsWhatOnlyOneGetsRight() {
    boolean[] first = {true, true, false, false, true};
    boolean[] second = {true, false, true, false, false};
    assertThat(McNemar.of(first, second)).isEqualTo(new McNemar(2, 1));
    assertThatThrownBy(() -> McNemar.of(first, new boolean[2]))
        .hasMessageContaining("5 answers with 2");
  }

  @Test
  void isCertainOfNothingWithoutDisagreement() {
    assertThat(new McNemar(0, 0).pValue()).isEqualTo(1);
    assertThat(new McNemar(0, 0).corrected()).isEqualTo(1);
    assertThat(new McNemar(7, 7).exact()).isEqualTo(1);
    // Five coins of one side, twice (1/2)^5.
    assertThat(new McNemar(5, 0).pValue()).isCloseTo(0.0625, within(1e-12));
  }

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
    assertThat(paired.pValue(0, 1)).isCloseTo(new McNemar(30, 10).exact(), within(0.005));
    // What both get wrong would dominate were the two drawn apart.
    double apart = paired.score(0).high() - paired.score(0).low();
    assertThat(difference.high() - difference.low()).isLessThan(apart);
  }

  @Test
  void findsNoDifferenceOfARecipeFromItself() {
    double[][] answers = {{0, 1, 1, 0}, {1, 1, 0, 0}};
    PairedBootstrap paired = paired(new double[] {0, 1, 0, 0}, answers, answers);
    assertThat(paired.difference(0, 1)).isEqualTo(new Interval(0, 0, 0));
    assertThat(paired.pValue(0, 1)).isEqualTo(1);
  }

  @Test
  void countsTheSeedsAsUncertainToo() {
    SplittableRandom random = new SplittableRandom(5);
    double[] labels = random.doubles(200).map(Math::rint).toArray();
    double[] wrong = Arrays.stream(labels).map(label -> 1 - label).toArray();
    PairedBootstrap one = paired(labels, new double[][] {labels});
    PairedBootstrap both = paired(labels, new double[][] {labels, wrong});
    assertThat(one.score(0)).isEqualTo(new Interval(1, 1, 1));
    assertThat(both.score(0)).isEqualTo(new Interval(0.5, 0, 1));
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
