package org.peftsweep.spec;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.peftsweep.data.Augmentation;
import org.peftsweep.method.Methods;
import org.peftsweep.model.Layers;
import org.peftsweep.model.Role;
import org.peftsweep.model.Roles;
import org.peftsweep.optim.Optimizers;

/** Keys of training, layers and multiples of a rank as axes of a grid. */
class AxesTest {
  private static final Map<String, String> OTHERS =
      Map.of(
          "pad", "max",
          "schedule", "cosine",
          "precision", "bf16",
          "optimizer", "lion",
          "momentum", "0.5",
          "max-steps", "3",
          "epochs", "2.5",
          "warmup-fraction", "0.25",
          "beta1", "0.5",
          "beta2", "0.75");

  /** Settings that are true or false, with what they are not by default. */
  private static final Map<String, String> SWITCHES =
      Map.of(
          "scale-parameter", "true",
          "relative-step", "true",
          "half-precision", "true",
          "packing", "true",
          "safeguard-warmup", "true",
          "correct-bias", "false",
          "escape", "false");

  @ParameterizedTest
  @MethodSource("everyKeyOfTraining")
  void everyKeyOfTrainingIsAnAxis(String key) {
    String other = SWITCHES.getOrDefault(key, OTHERS.getOrDefault(key, "7"));
    String block = "{method: lora" + optimizer(key);
    Sweep sweep = sweep(block + ", " + key + ": " + other + "}, " + block + "}");
    List<Trial> trials = sweep.expand(model -> "m", task -> "t");

    assertThat(Axes.of(trials.get(0)).get(key)).isEqualTo(other);
    assertThat(trials).extracting(Trial::id).doesNotHaveDuplicates();
    assertThat(sweep.titles().apply(trials.get(0))).contains(key + "=" + other);
    assertThat(trials.stream().map(sweep.titles()).distinct()).hasSize(2);
  }

  /** Names an optimizer that has a setting, where the default one has not. */
  private static String optimizer(String key) {
    boolean isOfAll =
        RecordFields.names(Training.class).contains(key)
            || RecordFields.names(Optimizers.all().get("adamw")).contains(key);
    return isOfAll
        ? ""
        : Optimizers.all().entrySet().stream()
            .filter(entry -> RecordFields.names(entry.getValue()).contains(key))
            .map(entry -> ", optimizer: " + entry.getKey())
            .findFirst()
            .orElseThrow();
  }

  static List<String> everyKeyOfTraining() {
    return Training.keys();
  }

  @ParameterizedTest
  @CsvSource({"lora", "full", "head-only", "untrained"})
  void theStorageOfFrozenWeightsIsAnAxisOfEveryMethod(String method) {
    Sweep sweep = read("grid: [{method: " + method + ", weights: [fp32, bf16]}]\n");
    List<Trial> trials = sweep.expand(model -> "m", task -> "t");

    assertThat(trials)
        .extracting(trial -> Axes.of(trial).get("weights"))
        .containsExactly("fp32", "bf16");
    assertThat(trials).extracting(Trial::id).doesNotHaveDuplicates();
    assertThat(sweep.titles().apply(trials.get(1))).contains("weights=bf16");
    Trial plain = read("grid: [{method: " + method + "}]\n").expand(m -> "m", t -> "t").get(0);
    assertThat(trials.get(0).id()).isEqualTo(plain.id());
    Trial half =
        read("weights: bf16\ngrid: [{method: " + method + "}]\n").expand(m -> "m", t -> "t").get(0);
    assertThat(trials.get(1).id()).isEqualTo(half.id());
  }

  @Test
  void theSampleOfTrainIsAnAxisOfEveryMethodThatLearns() {
    String block = "{method: [lora, head-only], ";
    Trial plain = read("grid: [" + block + "batch: 32}]\n").expand(m -> "m", t -> "t").get(0);
    Sweep sweep =
        read(
            "augmentation-rate: 0.2\ngrid: ["
                + block
                + "train-fraction: [1, 0.25], augmentation: [none, swap]}]\n");
    List<Trial> trials = sweep.expand(model -> "m", task -> "t");

    assertThat(trials).hasSize(8).extracting(Trial::id).doesNotHaveDuplicates();
    assertThat(trials.get(0).id()).isEqualTo(plain.id());
    assertThat(trials.get(0).toJson()).isEqualTo(plain.toJson());
    assertThat(trials.get(3).task().sample())
        .isEqualTo(new TrainSample(0.25, Augmentation.SWAP, 0.2, 1));
    assertThat(Axes.of(trials.get(3)))
        .containsEntry("train-fraction", "0.25")
        .containsEntry("augmentation", "swap")
        .containsEntry("augmentation-rate", "0.2");
    assertThat(sweep.titles().apply(trials.get(3)))
        .contains("train-fraction=0.25")
        .contains("augmentation=swap");
    assertThat(trials).allSatisfy(t -> assertThat(Trial.fromJson(t.toJson())).isEqualTo(t));
    assertThat(read("train-fraction: 0.5\ngrid: [{method: untrained}]\n").recipes().get(0).sample())
        .isEqualTo(TrainSample.WHOLE);
  }

  @Test
  void aListOfAdaptersWithinTheListIsOneStart() {
    String block = "grid: [{method: lora, adapter: [[a, b/c], a, none, [d]], ";
    List<Trial> trials =
        read(block + "adapter-merge: [mean, consensus]}]\n").expand(model -> "m" + model, t -> "t");

    assertThat(trials)
        .extracting(trial -> trial.model().adapter().location())
        .containsExactly("mean(a, b/c)", "consensus(a, b/c)", "a", "none", "d");
    assertThat(trials).extracting(Trial::id).doesNotHaveDuplicates();
    assertThat(AdapterSource.folders("consensus(a, b/c)")).containsExactly("a", "b/c");
    assertThat(AdapterSource.folders("median(a, b/c)")).containsExactly("median(a, b/c)");
    assertThat(trials.get(1).model().adapter().merge()).isEqualTo(AdapterSource.Merge.CONSENSUS);
    assertThat(read("adapter: [a, b]\ngrid: [{method: lora}]\n").recipes().get(0).adapter())
        .isEqualTo("mean(a, b)");
  }

  @Test
  void withoutAugmentationItsSettingsTellNoTrialsApart() {
    assertThat(
            read("grid: [{method: lora, augmentation-rate: [0.1, 0.2], augmentation-copies: [1, 4]}]\n")
                .recipes())
        .hasSize(1);
  }

  @Test
  void aBlockCountsBeforeWhatTheTaskSays() {
    Sweep sweep =
        read(
            "grid: [{method: lora, batch: [4, 8]}]\n"
                + "training: {batch: 16}\nper-task: {mini-rte: {batch: 2, clip: 3}}\n");

    assertThat(sweep.expand(model -> "m", task -> "t"))
        .extracting(trial -> trial.training().batch() + " " + trial.training().clip())
        .containsExactly("4 3.0", "8 3.0");
  }

  @Test
  void aListUnderTrainingIsAnAxisOfEveryBlockThatDoesNotSayOtherwise() {
    Sweep sweep =
        read(
            "grid: [{method: lora}, {method: dora, batch: 5}, {method: untrained}]\n"
                + "training: {batch: [16, 32], clip: [1, 2], epochs: 2}\n"
                + "per-task: {mini-rte: {batch: 3, epochs: 4}}\n");

    assertThat(sweep.expand(model -> "m", task -> "t"))
        .extracting(
            trial ->
                trial.method().id()
                    + " "
                    + trial.training().batch()
                    + " "
                    + trial.training().clip()
                    + " "
                    + trial.training().epochs())
        .startsWith("lora 16 1.0 4.0", "lora 16 2.0 4.0", "lora 32 1.0 4.0", "lora 32 2.0 4.0")
        .contains("dora 5 1.0 4.0", "dora 5 2.0 4.0")
        .hasSize(7);
  }

  @Test
  void oneSettingIsChosenForEachBatch() {
    Sweep sweep =
        read(
            "validation-fraction: 0.1\ntuning-seeds: [1]\nevaluation-seeds: [2]\n"
                + "select: [batch, layers]\n"
                + "grid: [{method: lora, batch: [4, 8], layers: [0, all], rank: [2, 4]}]\n");

    assertThat(sweep.candidates(model -> "m", task -> "t"))
        .extracting(Candidates::name)
        .containsExactly(
            "mini-rte · 4 · 0", "mini-rte · 4 · all", "mini-rte · 8 · 0", "mini-rte · 8 · all");
  }

  @ParameterizedTest
  @CsvSource({"r, 4", "2r, 8", "0.5r, 2", "0.1r, 0.4", "1e1r, 40"})
  void alphaIsAMultipleOfTheRankBesideIt(String alpha, double value) {
    Trial multiple = first("{method: lora, rank: 4, alpha: " + alpha + "}");
    Trial plain = first("{method: lora, rank: 4, alpha: " + value + "}");

    assertThat(multiple).isEqualTo(plain);
    assertThat(multiple.id()).isEqualTo(plain.id());
  }

  @Test
  void aMultipleUnderMethodsFollowsTheRankOfTheBlock() {
    Sweep sweep = read("methods: {lora: {alpha: 2r}}\ngrid: [{method: lora, rank: [4, 8, 16]}]\n");

    assertThat(sweep.recipes())
        .extracting(recipe -> RecordFields.of(recipe.method()).get("alpha"))
        .containsExactly(8.0, 16.0, 32.0);
  }

  @Test
  void layersAreSetsHoweverTheyAreWritten() {
    Sweep sweep = sweep("{method: lora, layers: [0-5, [6, 7-9, 11], [11, 6-9], [0-5, 3], all]}");

    assertThat(sweep.recipes())
        .extracting(recipe -> recipe.layers().toString())
        .containsExactly("0-5", "6-9+11", "all");
    assertThat(sweep.recipes().get(1).layers().contains(10)).isFalse();
    assertThat(Layers.of("6-9+11")).isEqualTo(sweep.recipes().get(1).layers());
  }

  @Test
  void inputsAreSetsOfAnyMatricesHoweverTheyAreWritten() {
    String inputs = "[none, key, [ffn-down, key], key-and-ffn-down, [output, value, ffn-gate]]";
    Sweep sweep = sweep("{method: ia3, targets: all, inputs: " + inputs + "}");
    List<Trial> trials = sweep.expand(model -> "m", task -> "t");

    assertThat(trials)
        .extracting(trial -> Axes.of(trial).get("inputs"))
        .containsExactly("none", "key", "key-and-ffn-down", "value-and-output-and-ffn-gate");
    assertThat(trials).extracting(Trial::id).doesNotHaveDuplicates();
    assertThat(trials).allSatisfy(t -> assertThat(Trial.fromJson(t.toJson())).isEqualTo(t));
    assertThat(sweep.titles().apply(trials.get(3)))
        .contains("inputs=value-and-output-and-ffn-gate");
    // What a report writes for a block stands for the same.
    assertThat(
            first(Axes.block(Axes.of(trials.get(3)), Map.of()).toString().replace("=", ": "))
                .method())
        .isEqualTo(trials.get(3).method());
    assertThat(read("methods: {ia3: {inputs: [ffn-up, key]}}\ngrid: [{method: ia3}]\n").recipes())
        .extracting(recipe -> RecordFields.of(recipe.method()).get("inputs"))
        .containsExactly(Roles.of(Role.KEY, Role.FFN_UP));
  }

  @Test
  void allLayersLeaveATrialItsId() {
    Trial plain = first("{method: lora}");

    assertThat(first("{method: lora, layers: all}").id()).isEqualTo(plain.id());
    assertThat(plain.toJson()).doesNotContain("layers");
    Trial some = first("{method: lora, layers: 0-1}");
    assertThat(some.id()).isNotEqualTo(plain.id());
    assertThat(Trial.fromJson(some.toJson())).isEqualTo(some);
  }

  @Test
  void everyMethodWithTargetsTakesLayers() {
    Methods.all()
        .forEach(
            (id, type) -> {
              boolean takes = first("{method: " + id + "}").method().usesTargets();
              if (takes) {
                assertThat(first("{method: " + id + ", layers: 1}").layers())
                    .isEqualTo(Layers.of("1"));
              }
            });
  }

  private static Trial first(String block) {
    return sweep(block).expand(model -> "m", task -> "t").get(0);
  }

  private static Sweep sweep(String blocks) {
    return read("grid: [" + blocks + "]\n");
  }

  private static Sweep read(String text) {
    String file = "name: x\nmodel: builtin:mini\ntasks: [mini-rte]\n" + text;
    Map<String, String> files = Map.of("x.yaml", file);
    return SweepFile.read("x.yaml", Map.of(), location -> Optional.ofNullable(files.get(location)));
  }
}
