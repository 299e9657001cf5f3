package org.peftsweep.optim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.DynamicTree;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Role;

class AdamW8BitTest {
  @Test
  void codesAreTheMiddlesOfEqualPartsOfSevenDecades() {
    float[] signed = DynamicTree.codes(true);
    float[] unsigned = DynamicTree.codes(false);
    assertThat(signed).hasSize(256).isSorted().doesNotHaveDuplicates().contains(0, 1);
    assertThat(unsigned).hasSize(256).isSorted().doesNotHaveDuplicates().contains(0, 1);
    // One part in the lowest decade of 1e-7 to 1e-6, two in the next, 64 in the highest.
    assertThat(signed[128]).isCloseTo(0.55e-6f, within(1e-12f));
    assertThat(signed[129]).isCloseTo(3.25e-6f, within(1e-11f));
    assertThat(signed[254]).isCloseTo(1 - 0.9f / 128, within(1e-6f));
    assertThat(unsigned[1]).isCloseTo(0.325e-6f, within(1e-12f));
  }

  @Test
  void staysNearAdamWInAQuarterOfItsState() {
    int size = 4096;
    try (Backend backend = Backends.open("cpu", 1)) {
      Parameter exact = Parameter.zeros(backend, "a.w", Role.QUERY, 0, 64, 64).train(backend);
      Parameter small = Parameter.zeros(backend, "a.w", Role.QUERY, 0, 64, 64).train(backend);
      Rates rates = new Rates(0.01, 1, 0.01, Rates.Grouping.ROLES);
      try (Updates adam =
              new Updates(backend, List.of(exact), rates, 0.1, new AdamW(0.9, 0.99, 1e-8));
          Updates bytes =
              new Updates(
                  backend, List.of(small), rates, 0.1, new AdamW8Bit(0.9, 0.99, 1e-8, size))) {
        SplittableRandom random = new SplittableRandom(3);
        float[] gradient = new float[size];
        for (int step = 0; step < 20; step++) {
          for (int i = 0; i < size; i++) {
            gradient[i] = (float) (random.nextGaussian() + (i % 2 == 0 ? 2 : -2));
          }
          for (Parameter parameter : List.of(exact, small)) {
            parameter.var().markGradientFresh();
            backend.write(gradient, 0, parameter.var().gradient(), 0, size);
          }
          adam.step(1);
          bytes.step(1);
        }
        assertThat(bytes.stateBytes()).isEqualTo(2 * size + 8 * size / 256);
        assertThat(adam.stateBytes()).isEqualTo(8 * size);
      }
      float[] one = new float[size];
      float[] two = new float[size];
      backend.read(exact.value(), 0, one, 0, size);
      backend.read(small.value(), 0, two, 0, size);
      assertThat(two).containsExactly(one, within(0.03f));
      assertThat(two).isNotEqualTo(one);
    }
  }
}
