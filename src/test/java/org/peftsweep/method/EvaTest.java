package org.peftsweep.method;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.data.Batch;
import org.peftsweep.data.Seeds;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.InitCache;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Model;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Role;
import org.peftsweep.model.TinyModels;

/** EVA's start. */
class EvaTest {
  private static final Set<Role> TARGETS =
      EnumSet.of(Role.QUERY, Role.VALUE, Role.OUTPUT, Role.FFN_DOWN);

  private Backend backend;

  @BeforeEach
  void open() {
    backend = Backends.open("cpu", 1);
  }

  @AfterEach
  void close() {
    backend.close();
  }

  @Test
  void ranksAddUpAndRowsAreOrthonormalWhenRanksMove() {
    try (Model model = attached(new EVA(4, 8, 0, 2, 0.99, 50), batches())) {
      int sum = 0;
      int different = 0;
      for (Linear linear : model.projections()) {
        if (linear.adapter() != null) {
          Parameter a = linear.adapter().parameters().get(0);
          int rank = a.value().rows();
          sum += rank;
          different += rank == 4 ? 0 : 1;
          assertThat(rank).isBetween(1, 8);
          assertOrthonormal(a);
        }
      }
      assertThat(sum).isEqualTo(4 * 2 * TARGETS.size());
      assertThat(different).isPositive();
    }
  }

  private void assertOrthonormal(Parameter a) {
    int rank = a.value().rows();
    int in = a.value().columns();
    float[] values = new float[rank * in];
    backend.read(a.value(), 0, values, 0, values.length);
    for (int i = 0; i < rank; i++) {
      for (int j = 0; j < rank; j++) {
        double product = 0;
        for (int k = 0; k < in; k++) {
          product += values[i * in + k] * values[j * in + k];
        }
        assertThat(product).isCloseTo(i == j ? 1 : 0, within(1e-5));
      }
    }
  }

  @Test
  void tellsTheRankOfEachTarget() {
    try (Model model = TinyModels.model(TinyModels.BERT, backend)) {
      InitCache prepared = InitCache.alone(batches());
      AttachContext to = new AttachContext(model, TARGETS, backend, new Seeds(1), prepared);
      SortedMap<String, Integer> ranks = new EVA(4, 8, 0, 2, 0.99, 50).attach(to).ranks();
      assertThat(ranks).hasSize(2 * TARGETS.size());
      for (Linear linear : to.projections()) {
        assertThat(linear.adapter().parameters().get(0).value().rows())
            .isEqualTo(ranks.get(linear.name()));
      }
    }
  }

  @Test
  void theSearchEndsAtItsLimit() {
    try (Model model = attached(new EVA(4, 8, 0, 1, 0.999999, 1), batches())) {
      assertThat(model.projections().get(0).adapter()).isNotNull();
    }
  }

  @Test
  void aSearchWithoutExamplesOrEnoughTokensIsRefused() {
    assertThatThrownBy(() -> attached(new EVA(4, 8, 0, 1, 0.99, 5), List.of()))
        .hasMessage("Cannot start eva without training examples: give some");
    Batch one =
        new Batch(
            1, 3, new int[] {5, 6, 7}, new int[] {1, 1, 1}, new int[3], new float[1], new int[1]);
    assertThatThrownBy(() -> attached(new EVA(4, 8, 0, 1, 0.99, 5), List.of(one)))
        .hasMessage(
            "Cannot start eva from batches of fewer than 4 tokens: raise batch, or lower rank or"
                + " rho");
  }

  private static List<Batch> batches() {
    return List.of(TinyModels.batch(30), TinyModels.batch(31), TinyModels.batch(32));
  }

  private Model attached(Method method, List<Batch> batches) {
    Model model = TinyModels.model(TinyModels.BERT, backend);
    method.attach(
        new AttachContext(model, TARGETS, backend, new Seeds(1), InitCache.alone(batches)));
    return model;
  }
}
