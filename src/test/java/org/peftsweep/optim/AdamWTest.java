package org.peftsweep.optim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.HostKernels;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Role;

class AdamWTest {
  static Stream<String> backends() {
    return HostKernels.backends().stream();
  }

  @ParameterizedTest
  @MethodSource("backends")
  void leavesAParameterWithoutGradientAlone(String backendName) {
    try (Backend backend = Backends.open(backendName, 1)) {
      Parameter parameter =
          Parameter.zeros(backend, "a.weight", Role.QUERY, 0, 1, 3).train(backend);
      backend.fill(parameter.value(), 2);
      Rates rates = new Rates(0.1, 1, 0.1, Rates.Grouping.ROLES);
      AdamW adam = new AdamW(0.9, 0.999, 1e-8);
      try (Updates optimizer = new Updates(backend, List.of(parameter), rates, 0.5, adam)) {
        optimizer.step(1);
        assertThat(floats(backend, parameter)).containsExactly(2, 2, 2);
        setGradient(backend, parameter, new float[] {1, -1, 0});
        optimizer.step(1);
        assertThat(optimizer.stateBytes()).isEqualTo(2L * Float.BYTES * 3);
        // Decay 2·(1 − 0.1·0.5) = 1.9, then one step of ±0.1 in the gradient's direction.
        assertThat(floats(backend, parameter)[0]).isCloseTo(1.8f, within(1e-5f));
        assertThat(floats(backend, parameter)[1]).isCloseTo(2.0f, within(1e-5f));
        assertThat(floats(backend, parameter)[2]).isCloseTo(1.9f, within(1e-5f));
      }
    }
  }

  @ParameterizedTest
  @MethodSource("backends")
  void clipsByTheGlobalNorm(String backendName) {
    try (Backend backend = Backends.open(backendName, 1)) {
      Parameter a = Parameter.zeros(backend, "a", Role.QUERY, 0, 2).train(backend);
      Parameter b = Parameter.zeros(backend, "b", Role.QUERY, 0, 1).train(backend);
      setGradient(backend, a, new float[] {2, 3});
      setGradient(backend, b, new float[] {6});
      assertThat(
              HostKernels.number(
                  backend, norm -> GradientClip.apply(backend, List.of(a, b), 3.5, norm)))
          .isCloseTo(7, within(1e-6));
      float[] clipped = new float[2];
      backend.read(a.var().gradient(), 0, clipped, 0, 2);
      assertThat(clipped[0]).isCloseTo(1, within(1e-5f));
      assertThat(clipped[1]).isCloseTo(1.5f, within(1e-5f));
      assertThat(
              HostKernels.number(
                  backend, norm -> GradientClip.apply(backend, List.of(a, b), 0, norm)))
          .isCloseTo(3.5, within(1e-5));
    }
  }

  private static void setGradient(Backend backend, Parameter parameter, float[] values) {
    parameter.var().markGradientFresh();
    backend.write(values, 0, parameter.var().gradient(), 0, values.length);
  }

  private static float[] floats(Backend backend, Parameter parameter) {
    float[] values = new float[Math.toIntExact(parameter.size())];
    backend.read(parameter.value(), 0, values, 0, values.length);
    return values;
  }
}
