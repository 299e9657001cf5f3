package org.peftsweep.method.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.peftsweep.GoldenCase;

class ActivationPcaTest {
  @Test
  void componentsOfGivenBatchesAreTheReferences() {
    int checked = 0;
    for (Path folder : GoldenCase.folders("peft")) {
      try (GoldenCase golden = GoldenCase.open(folder)) {
        for (String name : golden.names()) {
          if (name.startsWith("eva/input/") && name.endsWith("/0")) {
            checkComponents(golden, name.substring("eva/input/".length(), name.length() - 2));
            checked++;
          }
        }
      }
    }
    assertThat(checked).isPositive();
  }

  private static void checkComponents(GoldenCase golden, String module) {
    String wanted = "eva/ipca/" + module + "/";
    int[] shape = golden.shape(wanted + "components_0");
    ActivationPca search = new ActivationPca(shape[0], shape[1]);
    for (int i = 0; golden.has("eva/input/" + module + "/" + i); i++) {
      float[] batch = golden.floats("eva/input/" + module + "/" + i);
      double[] values = new double[batch.length];
      for (int j = 0; j < values.length; j++) {
        values[j] = batch[j];
      }
      search.add(values, batch.length / shape[1], 0.99);
      golden.check(wanted + "components_" + i, search.first(shape[0]));
      float[] explained = new float[shape[0]];
      for (int j = 0; j < explained.length; j++) {
        explained[j] = (float) search.explained(j);
      }
      golden.check(wanted + "explained_variance_ratio_" + i, explained);
    }
  }

  @Test
  void findsTheDirectionsThatDataWereDrawnAlong() {
    double[] deviations = {0.1, 4, 0.2, 1, 8};
    ActivationPca search = new ActivationPca(3, 5);
    SplittableRandom random = new SplittableRandom(2);
    for (int pass = 0; pass < 10; pass++) {
      double[] batch = new double[400 * 5];
      for (int i = 0; i < batch.length; i++) {
        batch[i] = 7 + deviations[i % 5] * random.nextGaussian();
      }
      search.add(batch, 400, 0.99);
    }
    assertThat(search.first(3))
        .containsExactly(new float[] {0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0}, within(0.05f));
    assertThat(search.explained(0)).isCloseTo(64.0 / 81.05, within(0.01));
    assertThat(search.isSettled(3)).isTrue();
  }
}
