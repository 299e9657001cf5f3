package org.peftsweep.stats;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class ImportanceTest {
  /** Odontoblast length by supplement and dose, ten animals a cell: R's data set ToothGrowth. */
  private static final double[][] TEETH = {
    {4.2, 11.5, 7.3, 5.8, 6.4, 10, 11.2, 11.2, 5.2, 7},
    {16.5, 16.5, 15.2, 17.3, 22.5, 17.3, 13.6, 14.5, 18.8, 15.5},
    {23.6, 18.5, 33.9, 25.5, 26.4, 32.5, 26.7, 21.5, 23.3, 29.5},
    {15.2, 21.5, 17.6, 9.7, 14.5, 10, 8.2, 9.4, 16.5, 9.7},
    {19.7, 23.3, 23.6, 26.4, 20, 25.2, 25.8, 21.2, 14.5, 27.3},
    {25.5, 26.4, 22.4, 24.5, 24.8, 30.9, 26.4, 27.3, 29.4, 23}
  };

  private final List<SortedMap<String, String>> settings = new ArrayList<>();
  private final List<Double> scores = new ArrayList<>();

  @Test
  void findsThePublishedSumsOfSquares() {
    for (int cell = 0; cell < TEETH.length; cell++) {
      for (double length : TEETH[cell]) {
        add(length, "supp", cell < 3 ? "VC" : "OJ", "dose", "" + cell % 3);
      }
    }
    Importance importance = importance();
    // R: anova(lm(len ~ supp * factor(dose))) prints 205.35, 2426.43, 108.32 and 712.11.
    double total = 205.35 + 2426.43 + 108.32 + 712.11;
    assertThat(importance.axes().get("supp")).isCloseTo(205.35 / total, within(1e-5));
    assertThat(importance.axes().get("dose")).isCloseTo(2426.43 / total, within(1e-5));
    assertThat(importance.pairs().get("dose × supp")).isCloseTo(108.32 / total, within(1e-5));
    assertThat(importance.rest()).isCloseTo(712.11 / total, within(1e-5));
  }

  @Test
  void splitsAHandComputedGrid() {
    // 2 + a + 2b: variances 1/4 and 1, no interaction; c has no effect.
    for (int a = 0; a < 2; a++) {
      for (int b = 0; b < 2; b++) {
        for (int c = 0; c < 2; c++) {
          add(2 + a + 2 * b, "a", "" + a, "b", "" + b, "c", "" + c);
        }
      }
    }
    Importance importance = importance();
    assertThat(importance.axes().get("a")).isCloseTo(0.2, within(1e-9));
    assertThat(importance.axes().get("b")).isCloseTo(0.8, within(1e-9));
    assertThat(importance.axes().get("c")).isCloseTo(0, within(1e-9));
    assertThat(importance.pairs().values())
        .hasSize(3)
        .allSatisfy(share -> assertThat(share).isCloseTo(0, within(1e-9)));
    assertThat(importance.rest()).isCloseTo(0, within(1e-9));
  }

  @Test
  void findsAPureInteraction() {
    for (int a = 0; a < 2; a++) {
      for (int b = 0; b < 2; b++) {
        add(a == b ? 1 : 0, "a", "" + a, "b", "" + b);
      }
    }
    assertThat(importance().pairs().get("a × b")).isCloseTo(1, within(1e-9));
    assertThat(importance().axes().get("a")).isCloseTo(0, within(1e-9));
  }

  @Test
  void doesNotBlameAnAxisForAHoleInTheGrid() {
    // Scores follow b alone; the cell (1, 1) is missing, so the plain means of a differ.
    add(0, "a", "0", "b", "0");
    add(1, "a", "0", "b", "1");
    add(0, "a", "1", "b", "0");
    assertThat(importance().axes().get("a")).isCloseTo(0, within(1e-9));
    assertThat(importance().axes().get("b")).isGreaterThan(0.5);
  }

  @Test
  void explainsNothingWhereNothingVaries() {
    add(0.5, "a", "0", "b", "x");
    add(0.5, "a", "1", "b", "x");
    assertThat(importance().axes()).containsOnly(Map.entry("a", 0.0));
    assertThat(importance().rest()).isZero();
  }

  /**
   * Table 2's grid: q+k+v ran with λ = 1 alone, so what it does is not known from what λ = 1 does.
   */
  @Test
  void namesAxesThatAreAliased() {
    for (String rank : List.of("4", "8")) {
      for (int seed = 0; seed < 3; seed++) {
        add(0.5 + seed, "targets", "qkv", "λ", "1", "rank", rank);
        for (int ratio : new int[] {2, 4, 8}) {
          add(ratio + seed, "targets", "qv", "λ", "" + ratio, "rank", rank);
        }
      }
    }
    Importance importance = importance();
    assertThat(importance.axes().keySet()).containsExactly("rank", "targets + λ");
    assertThat(importance.inseparable())
        .containsExactly(Map.entry("targets + λ", List.of("targets", "λ")));
    assertThat(importance.axes().get("targets + λ")).isBetween(0.5, 1.0);
  }

  /** Whatever holes a grid has, shares are parts of a whole. */
  @Test
  void sharesNeverSumUpToMoreThanAll() {
    SplittableRandom random = new SplittableRandom(11);
    for (int round = 0; round < 100; round++) {
      settings.clear();
      scores.clear();
      int rows = 2 + random.nextInt(20);
      for (int row = 0; row < rows; row++) {
        add(
            random.nextDouble(),
            "a",
            "" + random.nextInt(3),
            "b",
            "" + random.nextInt(2),
            "c",
            "" + random.nextInt(3));
      }
      Importance importance = importance();
      double sum =
          Stream.of(importance.axes().values(), importance.pairs().values())
              .flatMap(Collection::stream)
              .mapToDouble(share -> share)
              .sum();
      assertThat(sum + importance.rest()).as("round %d", round).isCloseTo(1, within(1e-9));
      assertThat(importance.axes().values()).allMatch(share -> share >= 0 && share <= 1);
    }
  }

  private void add(double score, String... words) {
    SortedMap<String, String> row = new TreeMap<>();
    for (int i = 0; i < words.length; i += 2) {
      row.put(words[i], words[i + 1]);
    }
    settings.add(row);
    scores.add(score);
  }

  private Importance importance() {
    return Importance.of(settings, scores.stream().mapToDouble(Double::doubleValue).toArray());
  }
}
