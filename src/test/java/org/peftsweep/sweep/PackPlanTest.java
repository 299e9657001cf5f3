package org.peftsweep.sweep;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Comparator;
import java.util.List;
import java.util.OptionalInt;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.peftsweep.results.Samples;
import org.peftsweep.spec.Trial;

/** Which trials train together. */
class PackPlanTest {
  @Test
  void withoutPacksEveryTrialIsAloneInThePlansOrder() {
    List<PlannedTrial> pending = pending(7);
    assertThat(PackPlan.of(pending, forecast(2), OptionalInt.of(1), 3))
        .isEqualTo(pending.stream().map(List::of).toList());
  }

  /** 12 trials of one base: packs are as large as asked, but every slot has one. */
  @ParameterizedTest
  @CsvSource({"4, 1, 4", "16, 1, 12", "16, 2, 6", "16, 5, 3", "16, 20, 1", "5, 2, 3"})
  void packsAreNoLargerThanSlotsHaveWork(int most, int slots, int largest) {
    List<List<PlannedTrial>> packs =
        PackPlan.of(pending(12), forecast(1), OptionalInt.of(most), slots);
    assertThat(packs.stream().mapToInt(List::size).max()).hasValue(largest);
    assertThat(packs.stream().flatMap(List::stream)).doesNotHaveDuplicates().hasSize(12);
  }

  @ParameterizedTest
  @CsvSource({"40, 1, 14", "40, 4, 10", "5, 1, 5", "1, 1, 1"})
  void autoLeavesNoSlotIdleAndNoPackTooLargeToLose(int trials, int slots, int largest) {
    List<List<PlannedTrial>> packs =
        PackPlan.of(pending(trials), forecast(1), OptionalInt.empty(), slots);
    assertThat(packs.stream().mapToInt(List::size).max()).hasValue(largest);
  }

  /** Forecasts of any lengths: no pack has more work than another by more than a trial. */
  @Test
  void packsHaveAboutTheSameWork() {
    SplittableRandom random = new SplittableRandom(7);
    for (int round = 0; round < 50; round++) {
      int slots = 1 + random.nextInt(4);
      List<PlannedTrial> pending =
          random
              .doubles(slots + random.nextInt(14 * slots), 1, 100)
              .boxed()
              .sorted(Comparator.reverseOrder())
              .map(PackPlanTest::lasting)
              .toList();
      List<List<PlannedTrial>> packs = PackPlan.of(pending, forecast(1), OptionalInt.of(99), slots);
      assertThat(packs).hasSize(slots);
      double most = seconds(packs.get(0));
      double least = seconds(packs.get(slots - 1));
      assertThat(most - least).isLessThanOrEqualTo(pending.get(0).seconds());
      packs.forEach(
          pack ->
              assertThat(pack)
                  .isSortedAccordingTo(
                      Comparator.comparingDouble(PlannedTrial::seconds).reversed()));
    }
  }

  private static double seconds(List<PlannedTrial> pack) {
    return pack.stream().mapToDouble(PlannedTrial::seconds).sum();
  }

  private static PlannedTrial lasting(double seconds) {
    Trial trial = Samples.trial("rte", (long) (1e6 * seconds));
    return new PlannedTrial(trial, trial.id(), trial.title(), 1, seconds);
  }

  @Test
  void onlyTrialsOfOneBaseAreTogetherAndOneWithoutIsAlone() {
    SplittableRandom random = new SplittableRandom(3);
    for (int round = 0; round < 50; round++) {
      int bases = 1 + random.nextInt(4);
      int slots = 1 + random.nextInt(5);
      Forecast forecast = forecast(bases);
      List<PlannedTrial> pending = pending(1 + random.nextInt(60));
      List<List<PlannedTrial>> packs =
          PackPlan.of(pending, forecast, OptionalInt.of(2 + random.nextInt(9)), slots);
      assertThat(packs.stream().flatMap(List::stream)).containsExactlyInAnyOrderElementsOf(pending);
      for (List<PlannedTrial> pack : packs) {
        List<Object> keys = pack.stream().map(t -> forecast.of(t.trial()).base()).toList();
        assertThat(keys.stream().distinct()).hasSize(1);
        assertThat(pack.size() == 1 || keys.get(0) != null).isTrue();
      }
      double before = Double.MAX_VALUE;
      for (List<PlannedTrial> pack : packs) {
        double seconds = seconds(pack);
        assertThat(seconds).isLessThanOrEqualTo(before);
        before = seconds;
      }
    }
  }

  /** Trials by their seed: of each of so many bases one, and each fifth without. */
  private static Forecast forecast(int bases) {
    return trial -> {
      long seed = trial.seed();
      Object base = bases > 1 && seed % 5 == 4 ? null : "base " + seed % bases;
      return new Forecast.Size(1, 1, 1, 1, base);
    };
  }

  private static List<PlannedTrial> pending(int count) {
    return IntStream.range(0, count)
        .mapToObj(
            seed -> {
              Trial trial = Samples.trial("rte", seed);
              return new PlannedTrial(trial, trial.id(), trial.title(), 1, count - seed);
            })
        .toList();
  }
}
