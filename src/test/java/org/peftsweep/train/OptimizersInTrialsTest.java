package org.peftsweep.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.optim.Optimizers;
import org.peftsweep.spec.SweepFile;
import org.peftsweep.spec.Trial;
import org.peftsweep.train.Outcome.Status;

/** Whole trials with every optimizer, on the model that ships with the project. */
class OptimizersInTrialsTest {
  private static final Library LIBRARY = new Library(new Configuration());

  @TempDir private Path folder;

  static Stream<String> blocks() {
    return Optimizers.all().keySet().stream()
        .flatMap(
            id ->
                Stream.of("lora", "full, targets: all", "bitfit", "lora, plug-in: ist")
                    .map(method -> "{method: " + method + ", optimizer: " + id + "}"));
  }

  @ParameterizedTest
  @MethodSource("blocks")
  void trainsInTheMemoryThatWasTold(String block) throws IOException {
    Outcome outcome = run(trials(block).get(0));
    assertThat(outcome.status()).isEqualTo(Status.FINISHED);
    assertThat(outcome.finalLoss()).isFinite().isPositive();
    assertThat(outcome.optimizerBytes()).isPositive();
    assertThat((double) outcome.predictedPeakBytes())
        .isCloseTo(outcome.peakBytes(), within(0.15 * outcome.peakBytes()));
  }

  @Test
  void everyOptimizerLearnsByItsOwnWay() throws IOException {
    String ids = String.join(", ", Optimizers.all().keySet());
    List<Double> losses =
        trials("{method: lora, optimizer: [" + ids + "]}").stream()
            .map(trial -> run(trial).finalLoss())
            .toList();
    assertThat(losses).hasSize(Optimizers.all().size()).doesNotHaveDuplicates();
  }

  private static Outcome run(Trial trial) {
    try (Backend backend = Backends.open("cpu", 1)) {
      return new TrialRun(LIBRARY, backend).run(trial, Progress.SILENT);
    }
  }

  private List<Trial> trials(String block) throws IOException {
    Path file = folder.resolve("sweep.yaml");
    Files.writeString(
        file,
        """
        name: sweep
        model: builtin:mini
        %strain-limit: 200
        grid: [%s]
        training: {max-steps: 8, batch: 16, max-tokens: 32, evaluate-every: 100}
        """
            .formatted(ShortTask.lines(), block));
    return SweepFile.read(file.toString(), Map.of(), new Configuration())
        .expand(LIBRARY::modelHash, LIBRARY::taskHash);
  }
}
