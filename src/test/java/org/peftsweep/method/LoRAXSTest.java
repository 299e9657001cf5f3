package org.peftsweep.method;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.Tensor;
import org.peftsweep.data.Seeds;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Model;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Role;
import org.peftsweep.model.TinyModels;

class LoRAXSTest {
  private static final int WIDTH = 24;

  private Backend backend;

  @BeforeEach
  void open() {
    backend = Backends.open("cpu", 1);
  }

  @AfterEach
  void close() {
    backend.close();
  }

  private Linear attached(Model model, int rank) {
    Set<Role> query = Set.of(Role.QUERY);
    new LoRAXS(rank, 2 * rank, 0).attach(new AttachContext(model, query, backend, new Seeds(1)));
    return model.projections().stream()
        .filter(linear -> linear.adapter() != null)
        .findFirst()
        .orElseThrow();
  }

  private float[] floats(Tensor tensor) {
    float[] values = new float[(int) tensor.size()];
    backend.read(tensor, 0, values, 0, values.length);
    return values;
  }

  @Test
  void ofFullRankWithTheUnitMatrixInsideItAddsTheWeightItself() {
    try (Model model = TinyModels.model(TinyModels.BERT, backend)) {
      Linear query = attached(model, WIDTH);
      Parameter inner = query.adapter().parameters().get(2);
      float[] unit = new float[WIDTH * WIDTH];
      for (int i = 0; i < WIDTH; i++) {
        unit[i * WIDTH + i] = 1;
      }
      backend.write(unit, 0, inner.value(), 0, unit.length);
      float[] weight = floats(query.weight().value());
      query.adapter().merge(backend, query, query.weight().value(), null);
      float[] merged = floats(query.weight().value());
      for (int i = 0; i < weight.length; i++) {
        // The scale is 2.
        assertThat(merged[i]).isCloseTo(3 * weight[i], within(1e-5f));
      }
    }
  }

  @Test
  void directionsOfTheInputAreOrthonormal() {
    try (Model model = TinyModels.model(TinyModels.LLAMA, backend)) {
      float[] a = floats(attached(model, 5).adapter().parameters().get(0).value());
      for (int i = 0; i < 5; i++) {
        for (int j = 0; j < 5; j++) {
          float dot = 0;
          for (int k = 0; k < WIDTH; k++) {
            dot += a[i * WIDTH + k] * a[j * WIDTH + k];
          }
          assertThat(dot).isCloseTo(i == j ? 1 : 0, within(1e-5f));
        }
      }
    }
  }

  @Test
  void refusesARankBeyondTheTargets() {
    try (Model model = TinyModels.model(TinyModels.ROBERTA, backend)) {
      assertThatThrownBy(() -> new LoRAXS(WIDTH + 1, 8, 0).requireFit(model, Set.of(Role.QUERY)))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("rank = 25");
    }
  }
}
