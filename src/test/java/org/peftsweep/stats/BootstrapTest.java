package org.peftsweep.stats;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import org.junit.jupiter.api.Test;

class BootstrapTest {
  /** Survival of the treated mice, days: Efron and Tibshirani, 1993, Table 2.1. */
  private static final double[] MICE = {94, 197, 16, 38, 99, 141, 23};

  @Test
  void findsThePublishedErrorOfTheMiceMean() {
    Interval mean = new Bootstrap(20_000, 1).stratified(Statistic.MEAN, List.of(MICE));
    assertThat(mean.value()).isCloseTo(86.86, within(0.005));
    // Table 2.2 gives a standard error of 23.36 in the limit; a normal interval spans 3.92 of it.
    assertThat(mean.high() - mean.low()).isCloseTo(3.92 * 23.36, within(3.0));
  }

  @Test
  void takesTheInterquartileMeanOfThePublishedExample() {
    // The example of Wikipedia's "Interquartile mean".
    double[] values = {5, 8, 4, 38, 8, 6, 9, 7, 7, 3, 1, 6};
    assertThat(Statistic.IQM.of(values)).isEqualTo(6.5);
    assertThat(values).startsWith(5, 8, 4);
  }

  @Test
  void cutsWholeNumbersOffWhereAQuarterIsNone() {
    // As scipy.stats.trim_mean(values, 0.25), which rliable calls: one number off each end.
    assertThat(Statistic.IQM.of(new double[] {1, 2, 3, 4, 100})).isEqualTo(3);
    assertThat(Statistic.IQM.of(new double[] {1, 2, 6})).isEqualTo(3);
  }

  @Test
  void drawsWithinStrataOnly() {
    // Each task is certain in itself, so the mean over both is certain too.
    Interval mean =
        Bootstrap.STANDARD.stratified(
            Statistic.MEAN, List.of(new double[] {0, 0, 0}, new double[] {1, 1, 1}));
    assertThat(mean).isEqualTo(new Interval(0.5, 0.5, 0.5));
  }

  @Test
  void givesTheSameForTheSameSeed() {
    Interval first = new Bootstrap(100, 3).stratified(Statistic.MEAN, List.of(MICE));
    assertThat(new Bootstrap(100, 3).stratified(Statistic.MEAN, List.of(MICE))).isEqualTo(first);
    assertThat(new Bootstrap(100, 4).stratified(Statistic.MEAN, List.of(MICE))).isNotEqualTo(first);
  }

  @Test
  void countsTheTortoisesThatBeatHares() {
    // Wikipedia, "Mann-Whitney U test": arrivals T H H H H H T T T T T H give U = 11 of 36.
    double[] tortoises = {12, 6, 5, 4, 3, 2};
    double[] hares = {11, 10, 9, 8, 7, 1};
    Interval improvement = Bootstrap.STANDARD.improvement(List.of(tortoises), List.of(hares));
    assertThat(improvement.value()).isCloseTo(11.0 / 36, within(1e-12));
    assertThat(improvement.low()).isBetween(0.0, 0.2);
    assertThat(improvement.high()).isBetween(0.5, 0.9);
  }

  @Test
  void countsTiesHalfAndAveragesOverTasks() {
    Interval improvement =
        Bootstrap.STANDARD.improvement(
            List.of(new double[] {1}, new double[] {2}),
            List.of(new double[] {1}, new double[] {1}));
    assertThat(improvement).isEqualTo(new Interval(0.75, 0.75, 0.75));
  }

  @Test
  void refusesOtherTasks() {
    assertThatThrownBy(() -> Bootstrap.STANDARD.improvement(List.of(new double[] {1}), List.of()))
        .hasMessage("Cannot compare 1 tasks with 0: give the same");
  }
}
