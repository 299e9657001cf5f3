package org.peftsweep.spec;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.peftsweep.method.LoRA;
import org.peftsweep.search.Asha;
import org.peftsweep.search.Point;
import org.peftsweep.search.Strategy;

class SpaceTest {
  private static final String HEAD =
      """
      name: x
      model: builtin:mini
      tasks: [mini-rte, mini-cola]
      validation-fraction: 0.1
      """;

  private static final String RANGES =
      """
      grid:
        - method: [lora, dora, bitfit]
          targets: [qv, qkv]
          rank: {from: 2, to: 32, scale: log}
          learning-rate: {from: 1e-4, to: 1e-2, scale: log}
          batch: [16, 32]
        - method: lora
          plug-in: [none, ist]
          ratio: {from: 1, to: 8}
      """;

  @ParameterizedTest
  @ValueSource(strings = {"random", "sobol"})
  void parametersFollowTheMethod(String strategy) {
    Sweep sweep = read(RANGES + "search: {strategy: %s, trials: 80}\n".formatted(strategy));
    List<Trial> trials = sweep.expand(model -> "m", task -> "t");
    assertThat(trials).hasSize(160);
    assertThat(trials.stream().map(Trial::id)).doesNotHaveDuplicates();
    assertThat(trials.stream().map(Trial::methodId)).contains("lora", "dora", "bitfit", "lora+ist");
    assertThat(trials)
        .allSatisfy(
            trial -> {
              assertThat(trial.rates().learningRate()).isBetween(1e-4, 1e-2);
              if (trial.method() instanceof LoRA lora) {
                assertThat(lora.rank()).isBetween(2, 32);
              }
              if (trial.methodId().equals("bitfit")) {
                assertThat(trial.targets()).isEmpty();
              }
            });
    assertThat(trials.stream().map(sweep.titles())).doesNotHaveDuplicates();
    assertThat(read(RANGES + "search: {strategy: %s, trials: 80}\n".formatted(strategy)))
        .extracting(Sweep::recipes)
        .isEqualTo(sweep.recipes());
  }

  @ParameterizedTest
  @ValueSource(strings = {"random", "sobol", "tpe"})
  void aTrialIsTheSameWhoeverFindsIt(String strategy) {
    String lists =
        "grid: [{method: [lora, dora], rank: [4, 8], learning-rate: [1e-3, 2e-3], alpha: [r, 16]}]\n";
    Set<String> grid = ids(read(lists));
    assertThat(grid).hasSize(32);
    String rule = "stopping: {rule: asha}\n";
    assertThat(ids(read(lists + "search: {strategy: %s}\n".formatted(strategy) + rule)))
        .isEqualTo(grid);
    assertThat(ids(read(lists + rule))).isEqualTo(grid);
  }

  @Test
  void everyPointIsFoundAgainFromItsTrial() {
    Sweep sweep = read(RANGES + "search: {strategy: tpe, trials: 40}\n");
    Space space = sweep.space().orElseThrow();
    Sweep.Contents contents = sweep.contents(model -> "m", task -> "t");
    for (Point point : Strategy.RANDOM.points(space.domain(), 200, 1)) {
      Trial trial = sweep.entrant(space.recipe(point), 1, contents).evaluation().get(0);
      // The last block's lora lies within the first one's ranges.
      Point found = space.point(trial).orElseThrow();
      assertThat(sweep.entrant(space.recipe(found), 1, contents).evaluation().get(0).id())
          .isEqualTo(trial.id());
    }
  }

  @Test
  void saysWhoStopsEarly() {
    Search search =
        read(RANGES + "search: {strategy: random, trials: 9}\nstopping: {rule: asha, eta: 3}\n")
            .search();
    assertThat(search.rule()).isEqualTo(new Asha(3, 16));
    assertThat(search.ladder().fractions()).containsExactly(0.0625, 0.1875, 0.5625);
    assertThat(search.isContest()).isTrue();
    assertThat(SweepFile.search(Map.of()).isContest()).isFalse();
    assertThat(SweepFile.search(Map.of("stopping.rule", "predict")).ladder().rungs()).isEqualTo(4);
  }

  private static Set<String> ids(Sweep sweep) {
    return sweep.expand(model -> "m", task -> "t").stream()
        .map(Trial::id)
        .collect(Collectors.toSet());
  }

  private static Sweep read(String text) {
    return SweepFile.read(
        "x.yaml",
        Map.of(),
        location -> Optional.ofNullable(location.equals("x.yaml") ? HEAD + text : null));
  }
}
