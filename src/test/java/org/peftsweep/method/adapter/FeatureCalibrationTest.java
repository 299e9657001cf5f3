package org.peftsweep.method.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.peftsweep.compute.Lapack;

class FeatureCalibrationTest {
  @ParameterizedTest
  @CsvSource({"30, 4", "30, 7", "5, 8", "1, 3"})
  void findsWhatAllWasTurnedAndStretchedBy(int rows, int width) {
    SplittableRandom random = new SplittableRandom(rows * 10L + width);
    double[] before = random.doubles(rows * width, -1, 1).toArray();
    double[] turn =
        Lapack.orthonormal(random.doubles(width * width, -1, 1).toArray(), width, width);
    if (FeatureCalibration.hasNegativeDeterminant(turn, width)) {
      for (int i = 0; i < width; i++) {
        turn[i * width] *= -1;
      }
    }
    for (int row = 0; row < rows; row++) {
      double length = 0;
      for (int i = row * width; i < (row + 1) * width; i++) {
        length += before[i] * before[i];
      }
      for (int i = row * width; i < (row + 1) * width; i++) {
        before[i] /= Math.sqrt(length);
      }
    }
    double[] now = Lapack.product(false, before, turn, rows, width, width);
    for (int i = 0; i < now.length; i++) {
      now[i] *= 3;
    }
    float[] calibrated = FeatureCalibration.of(floats(before), floats(now), new float[rows], width);
    assertThat(calibrated).containsExactly(floats(now), within(1e-4f));
  }

  @Test
  void theRotationIsOrthogonalAndNeverAReflection() {
    for (long seed = 0; seed < 6; seed++) {
      SplittableRandom random = new SplittableRandom(seed);
      double[] from = random.doubles(20 * 5, -1, 1).toArray();
      double[] to = random.doubles(20 * 5, -1, 1).toArray();
      double[] r = FeatureCalibration.rotation(from, to, 5);
      double[] product = Lapack.product(true, r, r, 5, 5, 5);
      for (int i = 0; i < 25; i++) {
        assertThat(product[i]).isCloseTo(i % 6 == 0 ? 1 : 0, within(1e-9));
      }
      assertThat(FeatureCalibration.hasNegativeDeterminant(r, 5)).isFalse();
    }
    assertThat(FeatureCalibration.hasNegativeDeterminant(new double[] {0, 1, 1, 0}, 2)).isTrue();
    assertThat(FeatureCalibration.hasNegativeDeterminant(new double[] {0, -1, 1, 0}, 2)).isFalse();
  }

  @Test
  void eachClassEndsAboutItsMeanNow() {
    float[] before = {1, 0, 0.8f, 0.6f, 0, 1, -0.6f, 0.8f};
    float[] now = {0, 2, 0, 2, -2, 0, -2, 0};
    float[] calibrated = FeatureCalibration.of(before, now, new float[] {0, 0, 1, 1}, 2);
    for (int row = 0; row < 4; row++) {
      double x = calibrated[2 * row];
      double y = calibrated[2 * row + 1];
      assertThat(Math.sqrt(x * x + y * y)).isCloseTo(2, within(1e-5));
      assertThat(row < 2 ? y : -x).isGreaterThan(1.7);
    }
  }

  private static float[] floats(double[] values) {
    float[] floats = new float[values.length];
    for (int i = 0; i < values.length; i++) {
      floats[i] = (float) values[i];
    }
    return floats;
  }
}
