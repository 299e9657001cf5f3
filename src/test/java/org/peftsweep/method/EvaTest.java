package org.peftsweep.method;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.peftsweep.GoldenCase;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.data.Batch;
import org.peftsweep.data.Seeds;
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
