package org.peftsweep.compute;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestReporter;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LapackTest {
  @ParameterizedTest
  @CsvSource({"7, 7", "9, 4", "4, 9", "1, 5", "5, 1"})
  void theFactorsMultiplyBackAndAreOrthonormal(int m, int n) {
    double[] a = random(m * n);
    Lapack.Svd svd = Lapack.svd(a.clone(), m, n);
    int k = Math.min(m, n);
    double[] scaled = svd.vt().clone();
    for (int i = 0; i < scaled.length; i++) {
      scaled[i] *= svd.sigma()[i / n];
    }
    assertThat(Lapack.product(false, svd.u(), scaled, m, n, k)).containsExactly(a, within(1e-12));
    assertThat(Lapack.product(true, svd.u(), svd.u(), k, k, m))
        .containsExactly(identity(k), within(1e-12));
    for (int i = 1; i < k; i++) {
      assertThat(svd.sigma()[i]).isLessThanOrEqualTo(svd.sigma()[i - 1]);
    }
  }

  @Test
  void theLargestEntryOfEachRightVectorIsPositive() {
    Lapack.Svd svd = Lapack.svd(random(60), 6, 10);
    for (int i = 0; i < 6; i++) {
      double largest = 0;
      for (int j = 0; j < 10; j++) {
        double value = svd.vt()[i * 10 + j];
        largest = Math.abs(value) > Math.abs(largest) ? value : largest;
      }
      assertThat(largest).isPositive();
    }
  }

  @Test
  void anOrthonormalFactorSpansTheColumns() {
    double[] a = random(24);
    double[] q = Lapack.orthonormal(a.clone(), 8, 3);
    assertThat(Lapack.product(true, q, q, 3, 3, 8)).containsExactly(identity(3), within(1e-12));
    double[] r = Lapack.product(true, q, a, 3, 3, 8);
    assertThat(Lapack.product(false, q, r, 8, 3, 3)).containsExactly(a, within(1e-12));
  }

  @Test
  void aWeightOfRobertaBaseTakesSeconds(TestReporter reporter) {
    double[] a = random(768 * 768);
    double[] again = a.clone();
    long start = System.nanoTime();
    Lapack.Svd svd = Lapack.svd(a, 768, 768);
    double seconds = (System.nanoTime() - start) / 1e9;
    reporter.publishEntry("seconds of a 768×768 decomposition", String.valueOf(seconds));
    assertThat(seconds).isLessThan(20);
    assertThat(Lapack.svd(again, 768, 768).u()).isEqualTo(svd.u());
  }

  private static double[] random(int size) {
    SplittableRandom random = new SplittableRandom(3);
    return random.doubles(size, -1, 1).toArray();
  }

  private static double[] identity(int n) {
    double[] identity = new double[n * n];
    for (int i = 0; i < n; i++) {
      identity[i * n + i] = 1;
    }
    return identity;
  }
}
