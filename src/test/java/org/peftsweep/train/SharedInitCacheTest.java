package org.peftsweep.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.method.ImpossibleSettingException;
import org.peftsweep.spec.SpecException;
import org.peftsweep.spec.SweepFile;
import org.peftsweep.spec.Trial;
import org.peftsweep.train.Outcome.Status;

/** Starts that are computed from base and data, over trials of a sweep. */
class SharedInitCacheTest {
  private final Library library = new Library(new Configuration());

  @TempDir private Path folder;

  @ParameterizedTest
  @ValueSource(strings = {"pissa", "olora", "eva", "corda"})
  void areComputedOnceForAllRatesAndSeeds(String method) throws IOException {
    List<Outcome> outcomes =
        run("method: " + method + ", ratio: [1, 4], learning-rate: [1e-3, 2e-3]", "[0, 1]");
    assertThat(outcomes).hasSize(8);
    assertThat(outcomes).extracting(Outcome::status).containsOnly(Status.FINISHED);
    assertThat(outcomes).extracting(Outcome::prepareSeconds).containsOnly(first(outcomes));
    assertThat(first(outcomes)).isPositive();
    assertThat(outcomes.get(0).prepareBytes()).isPositive();
    assertThat(outcomes).allSatisfy(outcome -> assertThat(outcome.loadSeconds()).isNotNegative());
  }

  private static Double first(List<Outcome> outcomes) {
    return outcomes.get(0).prepareSeconds();
  }

  @Test
  void areComputedAnewForARandomBaseOfAnotherSeed() throws IOException {
    List<Outcome> outcomes = run("method: olora, init: random", "[0, 1]");
    assertThat(outcomes.get(0).prepareSeconds()).isNotEqualTo(outcomes.get(1).prepareSeconds());
  }

  @Test
  void costNothingWhereAMethodHasNone() throws IOException {
    Outcome outcome = run("method: lora", "[0]").get(0);
    assertThat(outcome.prepareSeconds()).isNull();
    assertThat(outcome.prepareBytes()).isNull();
  }

  @Test
  void aMethodThatDoesNotFitTheModelIsRefusedWhenPlanned() throws IOException {
    Trial trial = trials("method: lora, targets: [[ffn-gate]]", "[0]", "").get(0);
    assertThatThrownBy(() -> new Preflight(library).requireAll(List.of(trial)))
        .isInstanceOf(SpecException.class)
        .hasMessageStartingWith("Cannot aim lora at ffn-gate: ");
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 8})
  void aStartThatNeedsLargerBatchesIsRefusedWhenPlanned(int batch) throws IOException {
    Trial trial = trials("method: eva, rank: 60, rho: 2", "[0]", ", batch: " + batch).get(0);
    String sentence =
        "Cannot start eva from batches of fewer than 120 tokens: raise batch, or lower rank or rho";
    if (batch < 8) {
      assertThatThrownBy(() -> new Preflight(library).requireAll(List.of(trial)))
          .isInstanceOf(SpecException.class)
          .hasMessage(sentence);
      assertThatThrownBy(() -> run(List.of(trial)))
          .isInstanceOf(ImpossibleSettingException.class)
          .hasMessage(sentence);
    } else {
      assertThat(new Preflight(library).requireAll(List.of(trial))).isEmpty();
      assertThat(run(List.of(trial)).get(0).status()).isEqualTo(Status.FINISHED);
    }
  }

  private List<Outcome> run(String block, String seeds) throws IOException {
    return run(trials(block, seeds, ""));
  }

  private List<Outcome> run(List<Trial> trials) {
    try (Backend backend = Backends.open("cpu", 1)) {
      TrialRun run = new TrialRun(library, backend);
      return trials.stream().map(trial -> run.run(trial, Progress.SILENT)).toList();
    }
  }

  private List<Trial> trials(String block, String seeds, String training) throws IOException {
    Path file = folder.resolve("sweep.yaml");
    Files.writeString(
        file,
        """
        name: sweep
        model: builtin:mini
        tasks: [mini-rte]
        seeds: %s
        train-limit: 64
        grid:
          - {%s}
        training: {max-steps: 1, max-tokens: 32, evaluate-every: 1%s}
        """
            .formatted(seeds, block, training));
    return SweepFile.read(file.toString(), Map.of(), new Configuration())
        .expand(library::modelHash, library::taskHash);
  }
}
