package org.peftsweep.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.apache.commons.io.FileUtils;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.peftsweep.checkpoint.CheckpointException;
import org.peftsweep.checkpoint.SafeTensors;
import org.peftsweep.checkpoint.SafeTensorsWriter;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.data.Seeds;
import org.peftsweep.method.Methods;
import org.peftsweep.method.adapter.AdapterLayout;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.InitCache;
import org.peftsweep.method.peft.PeftAdapter;
import org.peftsweep.model.Model;
import org.peftsweep.model.Models;
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

  private static Outcome run(Trial trial, TensorSink sink) {
    try (Backend backend = Backends.open("cpu", 1)) {
      return new TrialRun(LIBRARY, backend).run(trial, RunLimits.FREE.with(sink), Progress.SILENT);
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

    Outcome plain = run(trial(merged.toString(), "{method: untrained}", STEPS), TensorSink.NOTHING);
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
    Outcome start = run(withoutSteps(more), TensorSink.NOTHING);
    assertSame(start.predictions(), outcome.predictions());
    assertThat(more.id()).isNotEqualTo(trial.id());
    assertThat(Trial.fromJson(more.toJson())).isEqualTo(more);
    assertThat(run(more, TensorSink.NOTHING).curve().get(0).devScore())
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

  /**
   * Other ranks, one matrix of layer 0 and one of layer 1, biases of both, and a norm as a whole.
   */
  private static final AdapterLayout UNEVEN =
      new AdapterLayout(
          new TreeSet<>(
              Set.of(
                  "roberta.encoder.layer.0.attention.self.query",
                  "roberta.encoder.layer.1.attention.self.value")),
          new TreeMap<>(Map.of("roberta.encoder.layer.1.attention.self.value", 3)),
          new TreeMap<>(Map.of("roberta.encoder.layer.0.attention.self.query", 5.0)),
          AdapterLayout.Biases.ADAPTED,
          new TreeSet<>(Set.of("roberta.embeddings.LayerNorm")));

  @ParameterizedTest
  @ValueSource(strings = {"lora", "rslora", "dora", "eva"})
  void aTrialFromAnUnevenAdapterIsCountedAndExportedWithoutIt(String method) throws Exception {
    String block = "{method: " + method + ", rank: 4, alpha: 8, dropout: 0, adapter: %s}";
    Path start = folder.resolve("start");
    Trial plain = trial("builtin:mini", "{method: " + method + ", rank: 4, alpha: 8}", STEPS);
    Base base = LIBRARY.base(plain.model(), "cpu");
    try (Backend backend = Backends.open("cpu", 1);
        Model model = Models.build(base.config(), 3, backend, base.weights(plain, backend))) {
      Methods.attach(
          plain.method(),
          new AttachContext(
              model, plain.targets(), backend, new Seeds(0), InitCache.alone(List.of()), UNEVEN));
      PeftAdapter.write(start, plain.method(), model, UNEVEN, backend, "mini", 1);
    }
    Trial trial = trial("builtin:mini", block.formatted(start), STEPS);
    Workload planned = Workload.of(trial, LIBRARY);
    Outcome outcome = trained(trial);
    // Query with rank 4, value with rank 3, two biases, gain and shift of the norm.
    long magnitudes = method.equals("dora") ? 2 * 128 : 0;
    assertThat(outcome.trainableParameters())
        .isEqualTo(planned.trainableParameters())
        .isEqualTo((4 + 3) * 256 + 2 * 128 + 2 * 128 + magnitudes);
    assertThat(outcome.predictedPeakBytes()).isEqualTo(outcome.peakBytes());

    Path adapter = folder.resolve("adapter");
    Path merged = folder.resolve("merged");
    FileUtils.deleteDirectory(start.toFile());
    export(
        trial.id(),
        export -> {
          export.writeAdapter(adapter, folder.resolve("base"));
          export.writeMerged(merged);
        });
    Outcome whole = run(trial(merged.toString(), "{method: untrained}", STEPS), TensorSink.NOTHING);
    assertSame(whole.predictions(), outcome.predictions());
    Trial next = trial("builtin:mini", block.formatted(adapter), STEPS);
    assertSame(run(withoutSteps(next), TensorSink.NOTHING).predictions(), outcome.predictions());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "layer.1.attention.self.value.lora_B; left out; it lacks base_model.model.roberta",
        "layer.0.attention.self.query.lora_A; spoilt; layer.0.attention.self.query.lora_A.weight holds NaN"
      })
  void anAdapterWhoseTensorsDoNotFitIsRefusedWhenTheSweepIsPlanned(
      String tensor, String fault, String message) {
    Trial first = trial("builtin:mini", "{method: lora}", STEPS);
    trained(first);
    Path adapter = folder.resolve("adapter");
    export(first.id(), export -> export.writeAdapter(adapter, folder.resolve("base")));
    Path file = adapter.resolve("adapter_model.safetensors");
    SafeTensorsWriter changed = new SafeTensorsWriter();
    try (SafeTensors stored = SafeTensors.open(file)) {
      stored
          .shapes()
          .forEach(
              (name, shape) -> {
                float[] values = stored.floats(name);
                boolean isMeant = name.contains(tensor);
                values[1] = isMeant ? Float.NaN : values[1];
                if (!isMeant || fault.equals("spoilt")) {
                  changed.add(name, shape, values);
                }
              });
      changed.write(file);
    }
    String block = "{method: lora, adapter: " + adapter + "}";
    Library fresh = new Library(new Configuration());
    Trial next = trial("builtin:mini", block, STEPS);
    assertThatThrownBy(() -> Workload.of(next, fresh))
        .isInstanceOf(CheckpointException.class)
        .hasMessageStartingWith("Cannot start ")
        .hasMessageContaining(message);
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
