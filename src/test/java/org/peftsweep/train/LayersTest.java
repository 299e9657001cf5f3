package org.peftsweep.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.spec.SweepFile;
import org.peftsweep.spec.Trial;

/** Trials that adapt some layers only. */
class LayersTest {
  private final Library library = new Library(new Configuration());

  @TempDir private Path folder;

  @ParameterizedTest
  @ValueSource(
      strings = {
        "lora",
        "dora",
        "adalora",
        "eva",
        "full",
        "galore",
        "sift",
        "pissa",
        "olora",
        "lorafa",
        "loraplus",
        "loraxs",
        "rslora",
        "lora, plug-in: ist",
        "full, plug-in: ist"
      })
  void learnHalfAsMuchInOneLayerOfTwo(String method) throws IOException {
    Path file = folder.resolve("sweep.yaml");
    Files.writeString(
        file,
        """
        name: sweep
        model: builtin:mini
        tasks: [mini-cola]
        train-limit: 32
        grid: [{method: %s, layers: [0, 1, 0-1, all]}]
        training: {max-steps: 3, max-tokens: 32, batch: 8, evaluate-every: 3}
        """
            .formatted(method));
    List<Trial> trials =
        SweepFile.read(file.toString(), Map.of(), new Configuration())
            .expand(library::modelHash, library::taskHash);
    List<Outcome> outcomes;
    try (Backend backend = Backends.open("cpu", 1)) {
      TrialRun run = new TrialRun(library, backend);
      outcomes = trials.stream().map(trial -> run.run(trial, Progress.SILENT)).toList();
    }

    assertThat(outcomes).extracting(Outcome::status).containsOnly(Outcome.Status.FINISHED);
    long all = outcomes.get(3).trainableParameters();
    assertThat(outcomes)
        .extracting(Outcome::trainableParameters)
        .containsExactly(all / 2, all / 2, all, all);
    assertThat(trials)
        .extracting(trial -> Workload.of(trial, library).trainableParameters())
        .containsExactly(all / 2, all / 2, all, all);
    assertThat(outcomes.get(2).finalLoss()).isEqualTo(outcomes.get(3).finalLoss());
    assertThat(outcomes.get(0).finalLoss()).isNotEqualTo(outcomes.get(1).finalLoss());
  }
}
