package org.peftsweep.method.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.data.Batch;
import org.peftsweep.data.Seeds;
import org.peftsweep.method.CoLoRA;
import org.peftsweep.method.ImpossibleSettingException;
import org.peftsweep.model.Model;
import org.peftsweep.model.Role;
import org.peftsweep.model.TinyModels;

class ContributionSearchTest {
  @Test
  void sharesRanksInProportionWithinTheirBounds() {
    SortedMap<String, Double> scores =
        new TreeMap<>(Map.of("a", 6.0, "b", 2.0, "c", 0.0, "d", 8.0));
    Map<String, Integer> free = Map.of("a", 99, "b", 99, "c", 99, "d", 99);
    assertThat(ContributionSearch.ranks(scores, 4, free).ranks())
        .isEqualTo(new TreeMap<>(Map.of("a", 6, "b", 2, "c", 1, "d", 7)));
    Map<String, Integer> bound = Map.of("a", 5, "b", 5, "c", 5, "d", 5);
    assertThat(ContributionSearch.ranks(scores, 4, bound).ranks())
        .isEqualTo(new TreeMap<>(Map.of("a", 5, "b", 5, "c", 1, "d", 5)));
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3})
  void keepsTheSumWhateverTheScores(int seed) {
    SplittableRandom random = new SplittableRandom(seed);
    SortedMap<String, Double> scores = new TreeMap<>();
    Map<String, Integer> most = new TreeMap<>();
    int rank = 1 + random.nextInt(9);
    for (int i = 0; i < 20; i++) {
      scores.put("t" + i, i % 3 == 0 ? 0 : Math.exp(5 * random.nextGaussian()));
      most.put("t" + i, rank + random.nextInt(rank + 1));
    }
    SortedMap<String, Integer> ranks = ContributionSearch.ranks(scores, rank, most).ranks();
    assertThat(ranks.values().stream().mapToInt(of -> of).sum()).isEqualTo(20 * rank);
    ranks.forEach((name, of) -> assertThat(of).isBetween(1, most.get(name)));
  }

  @Test
  void aRateThatDivergesIsTold() {
    try (Backend backend = Backends.open("cpu", 1);
        Model model = TinyModels.model(TinyModels.LLAMA, backend)) {
      List<Batch> batches = IntStream.range(0, 12).mapToObj(TinyModels::batch).toList();
      AttachContext to =
          new AttachContext(
              model,
              EnumSet.of(Role.FFN_GATE, Role.FFN_UP),
              backend,
              new Seeds(1),
              InitCache.alone(batches));
      assertThatThrownBy(() -> new CoLoRA(3, 6, 0, 2, 1e30, 12).attach(to))
          .isInstanceOf(ImpossibleSettingException.class)
          .hasMessage(
              "Cannot share ranks out with probe-rate = 1.0E30: the steps that probe contributions"
                  + " diverge, give a smaller one");
    }
  }

  @Test
  void findsContributionsAndLeavesTheModelAsItWas() {
    try (Backend backend = Backends.open("cpu", 1);
        Model model = TinyModels.model(TinyModels.ROBERTA, backend)) {
      InitCache data = InitCache.alone(List.of(TinyModels.batch(1), TinyModels.batch(2)));
      AttachContext to =
          new AttachContext(
              model, EnumSet.of(Role.KEY, Role.FFN_DOWN), backend, new Seeds(1), data);
      long before = backend.allocations().heldBytes();
      SortedMap<String, Double> scores = new ContributionSearch(to, 5, 1e-2).run();
      assertThat(scores).hasSize(4);
      assertThat(scores.values()).allMatch(score -> score > 0);
      assertThat(backend.allocations().heldBytes()).isEqualTo(before);
      assertThat(model.projections()).allMatch(linear -> linear.adapter() == null);
      assertThat(model.trainable()).noneMatch(parameter -> parameter.var().hasGradient());
      assertThat(new ContributionSearch(to, 5, 1e-2).run()).isEqualTo(scores);
    }
  }
}
