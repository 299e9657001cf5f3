package org.peftsweep.spec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.peftsweep.method.Methods;
import org.peftsweep.optim.AdamW;
import org.peftsweep.optim.Optimizer;
import org.peftsweep.optim.Optimizers;

/** Optimizers as keys of sweep files, over the registry. */
class OptimizersInSweepsTest {
  private static final String HEAD =
      "name: x\nmodel: models/roberta-base\ntasks: [cola]\ndata: data\n";

  static Stream<String> ids() {
    return Optimizers.all().keySet().stream();
  }

  @ParameterizedTest
  @MethodSource("ids")
  void isNamedInTrainingWithItsDefaults(String id) {
    Trial trial = trials("training: {optimizer: " + id + "}\ngrid: [{method: lora}]\n").get(0);
    Optimizer optimizer = trial.training().optimizer();
    assertThat(Optimizers.id(optimizer.getClass())).isEqualTo(id);
    assertThat(Trial.fromJson(trial.toJson())).isEqualTo(trial);
    assertThat(Trial.fromJson(trial.toJson()).id()).isEqualTo(trial.id());
  }

  @Test
  void anAxisOfTheGridMakesATrialEach() {
    String ids = String.join(", ", Optimizers.all().keySet());
    List<Trial> trials = trials("grid: [{method: [lora, full], optimizer: [" + ids + "]}]\n");
    assertThat(trials).hasSize(2 * Optimizers.all().size());
    assertThat(trials.stream().map(Trial::id).distinct()).hasSameSizeAs(trials);
    assertThat(trials)
        .extracting(trial -> trial.training().optimizer().getClass())
        .extracting(Optimizers::id)
        .containsAll(Optimizers.all().keySet());
  }

  @Test
  void settingsStandUnderTheirOptimizerOrInABlock() {
    String settings = "optimizers: {adamw: {beta2: 0.95}}\n";
    List<Trial> trials =
        trials(
            settings
                + "grid:\n"
                + "  - {method: lora}\n"
                + "  - {method: lora, beta1: [0.8, 0.7]}\n"
                + "  - {method: lora, optimizer: adamw, epsilon: 1e-6}\n");
    assertThat(trials)
        .extracting(trial -> trial.training().optimizer())
        .containsExactly(
            new AdamW(0.9, 0.95, 1e-8),
            new AdamW(0.8, 0.95, 1e-8),
            new AdamW(0.7, 0.95, 1e-8),
            new AdamW(0.9, 0.95, 1e-6));
    assertThat(titles(settings + "grid: [{method: lora, beta1: [0.8, 0.7]}]\n"))
        .anyMatch(title -> title.contains("beta1=0.8"));
  }

  @Test
  void adamwLeavesTheIdOfATrialAsItIs() {
    Trial trial = trials("grid: [{method: lora}]\n").get(0);
    assertThat(trial.toJson()).contains("\"beta1\":0.9").doesNotContain("optimizer");
    assertThat(Trial.fromJson(trial.toJson())).isEqualTo(trial);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "grid: [{method: lora, optimizer: adamv}]\n",
        "training: {optimizer: sgd}\ngrid: [{method: lora}]\n",
        "grid: [{method: lora, beta1: 1}]\n",
        "optimizers: {adamw: {beta3: 1}}\ngrid: [{method: lora}]\n",
        "optimizers: {adam: {beta1: 0}}\ngrid: [{method: lora}]\n",
        "training: {beta2: 0.9}\ngrid: [{method: lora}]\n"
      })
  void aSlipIsRefusedWithItsLine(String text) {
    assertThatThrownBy(() -> trials(text))
        .isInstanceOf(SpecException.class)
        .hasMessageMatching("(?s)Cannot use .* in x.yaml:[56].*: .*");
  }

  @ParameterizedTest
  @ValueSource(strings = {"sift", "galore", "lorafa, projection: true"})
  void aMethodWhoseUpdatesAreAdamsTakesNoOther(String method) {
    for (String id : Optimizers.all().keySet()) {
      String text = "grid: [{method: " + method + ", optimizer: " + id + "}]\n";
      if (id.equals("adamw")) {
        assertThat(trials(text)).hasSize(1);
      } else {
        assertThatThrownBy(() -> trials(text))
            .isInstanceOf(SpecException.class)
            .hasMessageContaining("Cannot use optimizer = " + id + " with method ")
            .hasMessageEndingWith("x.yaml:5: choose adamw");
      }
    }
  }

  @Test
  void anOptimizerThatFindsItsRateMakesOneTrialOfAllRates() {
    for (String id : List.of("prodigy", "dadaptation", "adafactor, relative-step: true")) {
      List<Trial> trials =
          trials("grid: [{method: lora, learning-rate: [1e-3, 1e-4], optimizer: " + id + "}]\n");
      assertThat(trials.stream().map(Trial::id).distinct()).as(id).hasSize(1);
    }
    assertThat(trials("grid: [{method: lora, learning-rate: [1e-3, 1e-4], optimizer: soap}]\n"))
        .extracting(Trial::id)
        .doesNotHaveDuplicates();
  }

  @Test
  void anOptimizerOfOneStepSizeTakesNoRatio() {
    assertThatThrownBy(() -> trials("grid: [{method: lora, ratio: 4, optimizer: prodigy}]\n"))
        .isInstanceOf(SpecException.class)
        .hasMessageStartingWith("Cannot use ratio = 4 with optimizer prodigy in ")
        .hasMessageEndingWith("it finds one step size for all, give 1, or another optimizer");
    assertThat(trials("grid: [{method: lora, ratio: 4, optimizer: dadaptation}]\n")).hasSize(1);
    assertThatThrownBy(() -> trials("grid: [{method: loraplus, optimizer: prodigy}]\n"))
        .hasMessageStartingWith("Cannot use optimizer = prodigy with method loraplus")
        .hasMessageEndingWith(
            ": choose adafactor or adamw or adamw-8bit or dadaptation or lion or lorarite or muon or"
                + " schedulefree or sm3 or soap");
    assertThatThrownBy(() -> trials("grid: [{method: spielma, optimizer: lion}]\n"))
        .hasMessageEndingWith(": choose adamw or sm3");
    assertThatThrownBy(() -> trials("grid: [{method: ept, prompt-ratio: 2, optimizer: prodigy}]\n"))
        .hasMessageStartingWith("Cannot use optimizer = prodigy with method ept");
    assertThat(trials("grid: [{method: ept, prompt-ratio: 1, optimizer: prodigy}]\n")).hasSize(1);
  }

  @Test
  void noSettingOfAnOptimizerIsOneOfAMethodOrOfTraining() {
    Set<String> others = new TreeSet<>(RecordFields.names(Training.class));
    Methods.all().values().forEach(type -> others.addAll(RecordFields.names(type)));
    Methods.plugIns().values().forEach(type -> others.addAll(RecordFields.names(type)));
    assertThat(RecordFields.ofOptimizers()).doesNotContainAnyElementsOf(others);
  }

  private static List<Trial> trials(String text) {
    return sweep(text).expand(model -> "m", task -> "t");
  }

  private static List<String> titles(String text) {
    Sweep sweep = sweep(text);
    return sweep.expand(model -> "m", task -> "t").stream().map(sweep.titles()).toList();
  }

  private static Sweep sweep(String text) {
    return SweepFile.read(
        "x.yaml",
        Map.of(),
        location ->
            location.equals("x.yaml")
                ? Optional.of(HEAD + text)
                : location.equals("defaults.yaml")
                    ? Optional.of(Files.readString(Path.of("conf/defaults.yaml")))
                    : Optional.empty());
  }
}
