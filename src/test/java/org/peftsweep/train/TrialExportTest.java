package org.peftsweep.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.peftsweep.checkpoint.CheckpointException;
import org.peftsweep.checkpoint.SafeTensors;
import org.peftsweep.checkpoint.SafeTensorsWriter;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.spec.SpecException;
import org.peftsweep.spec.Sweep;
import org.peftsweep.spec.SweepFile;
import org.peftsweep.spec.Trial;
import org.peftsweep.train.Outcome.Prediction;

/**
 * Trained trials on the shipped model, out to files and in again: what the files compute is
 * compared over all examples of the reported set.
 */
class TrialExportTest {
  private static final Library LIBRARY = new Library(new Configuration());
  private static final String STEPS = "{max-steps: 6, max-tokens: 32, batch: 8}";

  @TempDir Path folder;
  private Path kept;

  @BeforeEach
  void nameFile() {
    kept = folder.resolve("kept.safetensors");
  }

  private static Trial trial(String model, String block, String training) {
    String file =
        "name: x\nmodel: "
            + model
            + "\ntasks: [mini-mnli]\ntrain-limit: 100\ngrid: ["
            + block
            + "]\ntraining: "
            + training
            + "\nrates: {learning-rate: 1e-2}\n";
    Sweep sweep =
        SweepFile.read(
            "x.yaml",
            Map.of(),
            location -> Optional.ofNullable(location.equals("x.yaml") ? file : null));
    return sweep.expand(LIBRARY::modelHash, LIBRARY::taskHash).get(0);
  }

  private static Outcome run(Trial trial, Keeper keeper) {
    try (Backend backend = Backends.open("cpu", 1)) {
      return new TrialRun(LIBRARY, backend).run(trial, Terms.FREE.with(keeper), Progress.SILENT);
    }
  }

  private Outcome trained(Trial trial) {
    return run(trial, tensors -> tensors.write(kept));
  }

  private interface Use {
    void of(TrialExport export);
  }

  private void export(String id, Use use) {
    try (SafeTensors tensors = SafeTensors.open(kept);
        Backend backend = Backends.open("cpu", 1);
        TrialExport export = TrialExport.open(id, tensors, LIBRARY, backend)) {
      use.of(export);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{method: dora, rank: 4, targets: all}",
        "{method: pissa, rank: 4}",
        "{method: eva, rank: 4, rho: 2}",
        "{method: bitfit}",
        "{method: full, init: random}",
        "{method: adalora, rank: 2, plug-in: ist}"
      })
  void theMergedFolderAnswersAsTheTrialDid(String block) {
    Trial trial = trial("builtin:mini", block, STEPS);
    Outcome outcome = trained(trial);
    Path merged = folder.resolve("merged");
    export(trial.id(), export -> export.writeMerged(merged));

    Outcome plain = run(trial(merged.toString(), "{method: untrained}", STEPS), Keeper.NOTHING);
    assertSame(plain.predictions(), outcome.predictions());
    assertThat(LIBRARY.config(merged.toString()).labels())
        .isEqualTo(trial.task().task().labelNames());
  }

  @ParameterizedTest
  @ValueSource(strings = {"lora", "dora, targets: all", "ia3, targets: all"})
  void anAdapterIsWhereATrialStarts(String method) {
    Trial trial = trial("builtin:mini", "{method: " + method + "}", STEPS);
    Outcome outcome = trained(trial);
    Path adapter = folder.resolve("adapter");
    export(trial.id(), export -> export.writeAdapter(adapter, folder.resolve("base")));

    String block = "{method: " + method + ", adapter: " + adapter + "}";
    Trial more = trial("builtin:mini", block, STEPS);
    Outcome start = run(withoutSteps(more), Keeper.NOTHING);
    assertSame(start.predictions(), outcome.predictions());
    assertThat(more.id()).isNotEqualTo(trial.id());
    assertThat(Trial.fromJson(more.toJson())).isEqualTo(more);
    assertThat(run(more, Keeper.NOTHING).curve().get(0).devScore())
        .isEqualTo(outcome.last().devScore());
  }

  private static Trial withoutSteps(Trial trial) {
    return new Trial(
        trial.model(),
        trial.task(),
        trial.method(),
        trial.targets(),
        trial.rates(),
        trial.training().withoutSteps(),
        trial.seed());
  }

  private static void assertSame(List<Prediction> actual, List<Prediction> wanted) {
    assertThat(actual).hasSameSizeAs(wanted).hasSize(500);
    for (int i = 0; i < wanted.size(); i++) {
      assertThat(actual.get(i).example()).isEqualTo(wanted.get(i).example());
      assertThat(actual.get(i).score())
          .as("probability of example %d", i)
          .isCloseTo(wanted.get(i).score(), within(1e-5));
    }
  }

  @Test
  void anAdapterThatChangedSinceThePlanIsRefused() throws Exception {
    Trial first = trial("builtin:mini", "{method: lora}", STEPS);
    trained(first);
    Path adapter = folder.resolve("adapter");
    export(first.id(), export -> export.writeAdapter(adapter, folder.resolve("base")));
    String block = "{method: lora, adapter: " + adapter + "}";
    Trial planned = trial("builtin:mini", block, STEPS);
    Path config = adapter.resolve("adapter_config.json");
    Files.writeString(config, Files.readString(config).replace("SEQ_CLS", "CAUSAL_LM"));
    Library fresh = new Library(new Configuration());
    try (Backend backend = Backends.open("cpu", 1)) {
      assertThatThrownBy(() -> new TrialRun(fresh, backend).run(planned, Progress.SILENT))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("Cannot start from adapter " + adapter);
    }
  }

  @Test
  void anAdapterOfOtherSettingsIsRefusedWhenTheSweepIsPlanned() {
    Trial trial = trial("builtin:mini", "{method: lora, rank: 4}", STEPS);
    trained(trial);
    Path adapter = folder.resolve("adapter");
    export(trial.id(), export -> export.writeAdapter(adapter, folder.resolve("base")));
    String block = "{method: lora, rank: 8, adapter: " + adapter + "}";
    assertThatThrownBy(() -> Workload.of(trial("builtin:mini", block, STEPS), LIBRARY))
        .isInstanceOf(CheckpointException.class)
        .hasMessage(
            "Cannot start lora from " + adapter + ", its r is 4: the sweep file asks for 8");
  }

  @Test
  void aBaseThatWasDrawnHasNoAdapter() {
    Trial trial = trial("builtin:mini", "{method: lora, init: random}", STEPS);
    trained(trial);
    export(
        trial.id(),
        export ->
            assertThatThrownBy(() -> export.writeAdapter(folder, folder))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("export the merged model"));
  }

  @Test
  void tensorsOfAnotherTrialOrOfNoneAreRefused() {
    Trial trial = trial("builtin:mini", "{method: head-only}", STEPS);
    trained(trial);
    assertThatThrownBy(() -> export("0123456789ab", export -> {}))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining("run it again");
    new SafeTensorsWriter().add("x", List.of(1L), new float[] {1}).write(kept);
    assertThatThrownBy(() -> export(trial.id(), export -> {}))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining("does not say which trial it is of");
  }

  @Test
  void anAdapterFolderThatIsNotThereIsRefused() {
    assertThatThrownBy(() -> trial("builtin:mini", "{method: lora, adapter: /no/such}", STEPS))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining("Cannot find folder /no/such");
    assertThatThrownBy(() -> trial("builtin:mini", "{method: lora, adapter: 3}", STEPS))
        .isInstanceOf(SpecException.class)
        .hasMessageContaining("Cannot use adapter = 3 in x.yaml:5");
    assertThatThrownBy(() -> trial("builtin:mini", "{method: untrained, adapter: a}", STEPS))
        .isInstanceOf(SpecException.class)
        .hasMessageContaining("Cannot use the key adapter in x.yaml:5 with method untrained");
  }
}
