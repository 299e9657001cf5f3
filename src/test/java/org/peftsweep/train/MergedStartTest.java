package org.peftsweep.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.peftsweep.checkpoint.CheckpointException;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.data.Seeds;
import org.peftsweep.method.LoRA;
import org.peftsweep.method.Methods;
import org.peftsweep.method.adapter.AdapterLayout;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.peft.PeftAdapter;
import org.peftsweep.model.Model;
import org.peftsweep.model.Models;
import org.peftsweep.model.Parameter;
import org.peftsweep.spec.AdapterSource;
import org.peftsweep.spec.SweepFile;
import org.peftsweep.spec.Trial;
import org.peftsweep.train.Outcome.Status;

/** Trials that start from several adapters at once. */
class MergedStartTest {
  private static final Library LIBRARY = new Library(new Configuration());

  @TempDir private Path folder;

  private static Trial trial(String block) {
    String file =
        "name: x\nmodel: builtin:mini\ntasks: [mini-mnli]\ntrain-limit: 40\ngrid: ["
            + block
            + "]\ntraining: {max-steps: 1, max-tokens: 32, batch: 8}\n";
    return SweepFile.read(
            "x.yaml",
            Map.of(),
            location -> Optional.ofNullable(location.equals("x.yaml") ? file : null))
        .expand(LIBRARY::modelHash, LIBRARY::taskHash)
        .get(0);
  }

  private Model model(Trial trial, Backend backend) {
    return model(trial, backend, 3);
  }

  private Model model(Trial trial, Backend backend, int outputs) {
    Base base = LIBRARY.base(trial.model(), "cpu");
    Model model = Models.build(base.config(), outputs, backend, base.weights(trial, backend));
    Methods.attach(
        trial.method(), new AttachContext(model, trial.targets(), backend, new Seeds(0)));
    return model;
  }

  /** Writes an adapter of random values and returns them. */
  private Map<String, float[]> adapter(String name, int rank, long seed) {
    return adapter(name, rank, seed, 3);
  }

  private Map<String, float[]> adapter(String name, int rank, long seed, int outputs) {
    Trial trial = trial("{method: lora, rank: " + rank + "}");
    Map<String, float[]> values = new TreeMap<>();
    SplittableRandom random = new SplittableRandom(seed);
    try (Backend backend = Backends.open("cpu", 1);
        Model model = model(trial, backend, outputs)) {
      for (Parameter parameter : model.trainable()) {
        float[] own = new float[(int) parameter.size()];
        for (int i = 0; i < own.length; i++) {
          own[i] = (float) random.nextGaussian();
        }
        backend.write(own, 0, parameter.value(), 0, own.length);
        values.put(parameter.name(), own);
      }
      PeftAdapter.write(
          folder.resolve(name),
          new LoRA(rank, 8, 0.1),
          model,
          AdapterLayout.NONE,
          backend,
          "mini",
          1);
    }
    return values;
  }

  @ParameterizedTest
  @EnumSource
  void startFromTheMergedTensors(AdapterSource.Merge merge) {
    List<Map<String, float[]>> all =
        List.of(adapter("a", 4, 1), adapter("b", 4, 2), adapter("c", 4, 3));
    String places =
        "[[" + folder.resolve("a") + ", " + folder.resolve("b") + ", " + folder.resolve("c") + "]]";
    Trial trial =
        trial(
            "{method: lora, rank: 4, adapter: "
                + places
                + ", adapter-merge: "
                + merge.name().toLowerCase(java.util.Locale.ROOT)
                + "}");
    try (Backend backend = Backends.open("cpu", 1);
        Model model = model(trial, backend)) {
      LIBRARY.startFromAdapter(trial, model, backend);
      for (Parameter parameter : model.trainable()) {
        float[] got = new float[(int) parameter.size()];
        backend.read(parameter.value(), 0, got, 0, got.length);
        List<float[]> own = all.stream().map(one -> one.get(parameter.name())).toList();
        assertThat(got).isEqualTo(MergedStart.merged(own, merge));
      }
    }
    try (Backend backend = Backends.open("cpu", 1)) {
      assertThat(new TrialRun(LIBRARY, backend).run(trial, Progress.SILENT).status())
          .isEqualTo(Status.FINISHED);
    }
  }

  /** Of adapters for other labels only what fits is merged: a head that none has stays drawn. */
  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2})
  void headsForOtherLabelsAreLeftOut(int fitting) {
    List<Map<String, float[]>> all =
        List.of(adapter("a", 4, 1, fitting > 0 ? 3 : 5), adapter("b", 4, 2, fitting > 1 ? 3 : 2));
    String places = "[[" + folder.resolve("a") + ", " + folder.resolve("b") + "]]";
    Trial trial = trial("{method: lora, rank: 4, adapter: " + places + "}");
    try (Backend backend = Backends.open("cpu", 1);
        Model drawn = model(trial, backend);
        Model model = model(trial, backend)) {
      LIBRARY.startFromAdapter(trial, model, backend);
      for (int i = 0; i < model.trainable().size(); i++) {
        Parameter parameter = model.trainable().get(i);
        float[] start = values(drawn.trainable().get(i), backend);
        List<float[]> own =
            all.stream()
                .map(one -> one.get(parameter.name()))
                .filter(one -> one.length == start.length)
                .toList();
        assertThat(values(parameter, backend))
            .as(parameter.name())
            .isEqualTo(own.isEmpty() ? start : MergedStart.merged(own, AdapterSource.Merge.MEAN));
      }
    }
  }

  private static float[] values(Parameter parameter, Backend backend) {
    float[] values = new float[(int) parameter.size()];
    backend.read(parameter.value(), 0, values, 0, values.length);
    return values;
  }

  @Test
  void theRulesAreTheDerivedOnes() {
    List<float[]> all =
        List.of(new float[] {1, -3, 0, 2}, new float[] {3, 1, 0, -2}, new float[] {-1, -1, 0, 3});
    assertThat(MergedStart.merged(all, AdapterSource.Merge.MEAN)).containsExactly(1, -1, 0, 1);
    assertThat(MergedStart.merged(all, AdapterSource.Merge.CONSENSUS))
        .containsExactly(2, -2, 0, 2.5f);
  }

  @Test
  void adaptersThatAreNotAlikeAreRefusedWhenTheSweepIsPlanned() {
    adapter("a", 4, 1);
    adapter("b", 2, 2);
    Trial trial =
        trial(
            "{method: lora, rank: 4, adapter: [["
                + folder.resolve("a")
                + ", "
                + folder.resolve("b")
                + "]]}");
    assertThatThrownBy(() -> Workload.of(trial, LIBRARY)).isInstanceOf(CheckpointException.class);
  }
}
