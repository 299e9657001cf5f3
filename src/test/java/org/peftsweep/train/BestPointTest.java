package org.peftsweep.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.peftsweep.train.Outcome.CurvePoint;

class BestPointTest {
  @Test
  void isTheFirstHighestDefinedOrTheLast() {
    Random random = new Random(1);
    for (int i = 0; i < 2000; i++) {
      List<Double> scores = new ArrayList<>();
      int size = 1 + random.nextInt(8);
      for (int k = 0; k < size; k++) {
        scores.add(random.nextInt(3) == 0 ? Double.valueOf(random.nextInt(4)) : Double.NaN);
      }
      double highest = scores.stream().filter(s -> !s.isNaN()).mapToDouble(s -> s).max().orElse(-1);
      int expected = highest < 0 ? size - 1 : scores.indexOf(highest);
      assertThat(Outcome.best(curve(scores)).step()).as("%s", scores).isEqualTo(expected);
    }
  }

  @Test
  void isTheLastWithoutValidation() {
    assertThat(Outcome.best(curve(Collections.nCopies(4, null))).step()).isEqualTo(3);
  }

  private static List<CurvePoint> curve(List<Double> validation) {
    List<CurvePoint> curve = new ArrayList<>();
    for (Double score : validation) {
      curve.add(
          new CurvePoint(curve.size(), 0, null, score, 0.5, Collections.emptySortedMap(), 0, null));
    }
    return curve;
  }
}
