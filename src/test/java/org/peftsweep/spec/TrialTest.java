package org.peftsweep.spec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.peftsweep.data.Metric;
import org.peftsweep.data.Padding;
import org.peftsweep.data.Task;
import org.peftsweep.data.Tasks;
import org.peftsweep.method.APET;
import org.peftsweep.method.DoRA;
import org.peftsweep.method.Full;
import org.peftsweep.method.HFT;
import org.peftsweep.method.HeadOnly;
import org.peftsweep.method.IA3;
import org.peftsweep.method.IST;
import org.peftsweep.method.LoRA;
import org.peftsweep.method.Method;
import org.peftsweep.method.Methods;
import org.peftsweep.method.Untrained;
import org.peftsweep.model.Role;
import org.peftsweep.model.Roles;
import org.peftsweep.optim.AdamW;
import org.peftsweep.optim.Rates;
import org.peftsweep.optim.Schedule;

class TrialTest {
  private static final Set<Role> QV = EnumSet.of(Role.QUERY, Role.VALUE);
  private static final ModelSource MODEL = new ModelSource("models/roberta-base", "ab12", false);
  private static final TaskSource RTE =
      new TaskSource(Tasks.named("rte"), "data/glue", "cd34", 0, 0, 0, false);
  private static final Rates RATES = new Rates(1e-4, 4, 1e-4, Rates.Grouping.PAPER);
  private static final Training TRAINING = training(20, 0, 32, 0.99);
  private static final Trial TRIAL =
      new Trial(MODEL, RTE, new LoRA(8, 8, 0.1), QV, RATES, TRAINING, 0);

  @Test
  void hasThisIdForEver() {
    // A change here means that every stored row is run again.
    assertThat(TRIAL.id()).isEqualTo("c089a683c93a");
  }

  @ParameterizedTest
  @MethodSource("trialsThatDiffer")
  void hasAnIdOfItsOwn(Trial other) {
    assertThat(other.id()).matches("[0-9a-f]{12}").isNotEqualTo(TRIAL.id());
  }

  static List<Trial> trialsThatDiffer() {
    LoRA lora = new LoRA(8, 8, 0.1);
    return List.of(
        new Trial(
            new ModelSource("models/roberta-base", "ab13", false),
            RTE,
            lora,
            QV,
            RATES,
            TRAINING,
            0),
        new Trial(
            new ModelSource("models/roberta-base", "ab12", true),
            RTE,
            lora,
            QV,
            RATES,
            TRAINING,
            0),
        new Trial(from("a", "ef56"), RTE, lora, QV, RATES, TRAINING, 0),
        new Trial(MODEL, RTE.withContentHash("cd35"), lora, QV, RATES, TRAINING, 0),
        new Trial(
            MODEL,
            new TaskSource(Tasks.named("qnli"), "data/glue", "cd34", 0, 0, 0, false),
            lora,
            QV,
            RATES,
            TRAINING,
            0),
        new Trial(MODEL, RTE, new LoRA(16, 8, 0.1), QV, RATES, TRAINING, 0),
        new Trial(MODEL, RTE, new LoRA(8, 8.000001, 0.1), QV, RATES, TRAINING, 0),
        new Trial(MODEL, RTE, new DoRA(8, 8, 0.1), QV, RATES, TRAINING, 0),
        new Trial(MODEL, RTE, lora, EnumSet.of(Role.QUERY), RATES, TRAINING, 0),
        new Trial(
            MODEL, RTE, lora, QV, new Rates(1e-4, 2, 1e-4, Rates.Grouping.PAPER), TRAINING, 0),
        new Trial(
            MODEL, RTE, lora, QV, new Rates(1e-4, 4, 1e-4, Rates.Grouping.ROLES), TRAINING, 0),
        new Trial(MODEL, RTE, lora, QV, RATES, training(10, 0, 32, 0.99), 0),
        new Trial(MODEL, RTE, lora, QV, RATES, training(20, 0, 32, 0.999), 0),
        new Trial(MODEL, RTE, lora, QV, RATES, TRAINING, 1));
  }

  @Test
  void anAdapterIsKnownByItsContentAndNotItsPlace() {
    Trial here = new Trial(from("a", "ef56"), RTE, TRIAL.method(), QV, RATES, TRAINING, 0);
    Trial there = new Trial(from("b", "ef56"), RTE, TRIAL.method(), QV, RATES, TRAINING, 0);
    Trial other = new Trial(from("a", "ef57"), RTE, TRIAL.method(), QV, RATES, TRAINING, 0);

    assertThat(here.id()).isEqualTo(there.id()).isNotEqualTo(other.id());
    assertThat(Trial.fromJson(here.toJson())).isEqualTo(here);
    assertThat(TRIAL.toJson()).doesNotContain("adapter");
    assertThat(Trial.fromJson(TRIAL.toJson())).isEqualTo(TRIAL);
  }

  @Test
  void theStorageOfFrozenWeightsIsPartOfItWhereItIsNotFp32() {
    List<Trial> trials = new ArrayList<>();
    for (ModelSource.Storage weights : ModelSource.Storage.values()) {
      ModelSource model =
          new ModelSource(
              MODEL.location(), MODEL.contentHash(), false, AdapterSource.NONE, weights);
      Trial trial = new Trial(model, RTE, TRIAL.method(), QV, RATES, TRAINING, 0);
      assertThat(Trial.fromJson(trial.toJson())).isEqualTo(trial);
      trials.add(trial);
    }
    assertThat(trials.get(0)).isEqualTo(TRIAL);
    assertThat(TRIAL.toJson()).doesNotContain("weights");
    assertThat(trials.get(1).toJson()).contains("\"weights\":\"bf16\"");
    assertThat(trials.get(1).id()).isNotEqualTo(TRIAL.id());
  }

  @Test
  void howTheRowsOfItsTaskAreFoundIsNoPartOfItsIdAndOldOnesStayReadable() {
    Task plain =
        new Task("mine", List.of("text"), "label", List.of("a", "b"), List.of(Metric.ACCURACY));
    Task found =
        new Task(
            "mine",
            List.of("body"),
            "stars",
            List.of("a", "b"),
            List.of(Metric.ACCURACY),
            List.of("dev"),
            true,
            0.2);
    Trial old = on(plain);

    assertThat(on(found).id()).isEqualTo(old.id());
    assertThat(Trial.fromJson(on(found).toJson())).isEqualTo(on(found));
    assertThat(old.toJson()).doesNotContain("quotes", "dev-fraction");
    assertThat(Trial.fromJson(old.toJson())).isEqualTo(old);
  }

  private static Trial on(Task task) {
    TaskSource source = new TaskSource(task, "data", "cd34", 0, 0, 0, false);
    return new Trial(MODEL, source, TRIAL.method(), QV, RATES, TRAINING, 0);
  }

  private static ModelSource from(String adapter, String hash) {
    return new ModelSource(
        MODEL.location(),
        MODEL.contentHash(),
        false,
        new AdapterSource(adapter, hash),
        ModelSource.Storage.FP32);
  }

  @Test
  void hasTheSameIdWhereverModelAndDataLie() {
    Trial elsewhere =
        new Trial(
            new ModelSource("s3a://bucket/base", "ab12", false),
            new TaskSource(RTE.task(), "hdfs://host/glue", "cd34", 0, 0, 0, true),
            TRIAL.method(),
            Set.of(Role.VALUE, Role.QUERY),
            RATES,
            TRAINING,
            0);

    assertThat(elsewhere.id()).isEqualTo(TRIAL.id());
    assertThat(elsewhere).isNotEqualTo(TRIAL);
  }

  @Test
  void hasTheSameIdInEveryLocale() {
    Locale before = Locale.getDefault();
    try {
      String id = TRIAL.id();
      Locale.setDefault(Locale.forLanguageTag("tr-TR-u-nu-arab"));
      assertThat(TRIAL.id()).isEqualTo(id);
    } finally {
      Locale.setDefault(before);
    }
  }

  @Test
  void forgetsEpochsWhereStepsAreGiven() {
    Trial short10 = with(TRIAL.method(), QV, training(10, 50, 32, 0.99));
    Trial short20 = with(TRIAL.method(), QV, training(20, 50, 32, 0.99));

    assertThat(short10.id()).isEqualTo(short20.id()).isNotEqualTo(TRIAL.id());
  }

  @Test
  void forgetsHowToTrainWhereNothingLearns() {
    Trial first = with(new Untrained(), Set.of(), training(0, 0, 32, 0.99));
    Trial second = with(new Untrained(), Set.of(), training(0, 0, 16, 0.9));

    assertThat(first.id()).isEqualTo(second.id());
    assertThat(first.id()).isNotEqualTo(with(new HeadOnly(), Set.of(), TRAINING).id());
  }

  @Test
  void aPlugInMakesAnotherTrial() {
    Method lora = TRIAL.method();
    Trial plugged = with(new IST(lora, 0.25, 0.5, 0.25, 3, 10, 10, 16), QV, TRAINING);

    assertThat(plugged.methodId()).isEqualTo("lora+ist");
    assertThat(plugged.id()).isNotEqualTo(TRIAL.id());
    assertThat(plugged.toJson())
        .contains(
            "\"over\":{\"alpha\":8.0,\"dropout\":0.1,\"id\":\"lora\",\"rank\":8,\"version\":1}");
  }

  /** Ids of stored rows, from when a set had to be one of these. */
  @ParameterizedTest
  @CsvSource(
      delimiter = ' ',
      value = {
        "14d348255ae8 none",
        "f309b763de01 query",
        "acb8b95ac98d key",
        "c8840fb36863 value",
        "625576ffe5d7 output",
        "fd6496926ae0 ffn-gate",
        "ffc1853b244c ffn-up",
        "c27e35cddb2f ffn-down",
        "dfcb721c4c14 output-and-ffn-down",
        "7a7e060a60af ffn-up-and-ffn-down",
        "50a954031d8a ffn-gate-and-ffn-up",
        "cb1fc8a89458 output-and-ffn-up",
        "e29bd4777ce0 output-and-ffn-up-and-ffn-down",
        "a492f86141e6 query-and-key-and-value",
        "4b64c85d1ea5 query-and-key-and-value-and-output",
      })
  void setsOfScaledInputsHaveTheirIdsForEver(String id, String inputs) {
    Trial trial = with(new IA3(Roles.of(inputs)), QV, TRAINING);

    assertThat(trial.id()).isEqualTo(id);
    assertThat(trial.toJson()).contains("\"inputs\":\"" + inputs + "\"");
    assertThat(Trial.fromJson(trial.toJson())).isEqualTo(trial);
    assertThat(Axes.of(trial)).containsEntry("inputs", inputs);
  }

  @Test
  void rowsThatDoNotSayWhatIsDrawnOrWhenAreReadAsOldOnes() {
    Map<Method, Method> others =
        Map.of(
            new HFT(2, 0, HFT.Resample.NEVER),
            new HFT(2, 0, HFT.Resample.STAGE),
            new APET(0.02, APET.Granularity.ELEMENT, 0),
            new APET(0.02, APET.Granularity.TENSOR, 0));
    others.forEach(
        (before, other) -> {
          Set<Role> targets = before.usesTargets() ? QV : Set.of();
          Trial old = with(before, targets, TRAINING);
          Trial drawn = with(other, targets, TRAINING);
          assertThat(old.toJson()).doesNotContain("resample", "granularity", "pairs-rank");
          assertThat(Trial.fromJson(old.toJson())).isEqualTo(old);
          assertThat(Trial.fromJson(drawn.toJson())).isEqualTo(drawn);
          assertThat(drawn.id()).isNotEqualTo(old.id());
        });
  }

  @ParameterizedTest
  @MethodSource("everyMethod")
  void survivesTheWayThroughJson(Method method) {
    Set<Role> targets = method.usesTargets() ? QV : Set.of();
    Trial trial = with(method, targets, method.learns() ? TRAINING : TRAINING.withoutSteps());

    Trial read = Trial.fromJson(trial.toJson());

    assertThat(read).isEqualTo(trial);
    assertThat(read.id()).isEqualTo(trial.id());
    assertThat(read.toJson()).isEqualTo(trial.toJson());
    assertThat(read.targets()).containsExactlyElementsOf(trial.targets());
  }

  static List<Method> everyMethod() {
    Sweep sweep =
        SweepFile.read(
            "conf/quickstart.yaml",
            Map.of("grid", "[" + blocks() + "]"),
            new org.apache.hadoop.conf.Configuration());
    return sweep.recipes().stream().map(Recipe::method).toList();
  }

  private static String blocks() {
    return String.join(
            ", ", Methods.all().keySet().stream().map(id -> "{method: " + id + "}").toList())
        + ", {method: lora, plug-in: ist}";
  }

  @Test
  void isWrittenInOneSpelling() {
    assertThat(TRIAL.toJson())
        .startsWith(
            "{\"method\":{\"alpha\":8.0,\"dropout\":0.1,\"id\":\"lora\",\"rank\":8,\"version\":1},\"model\":{")
        .contains("\"targets\":[\"query\",\"value\"]", "\"learning-rate\":1.0E-4");
  }

  @Test
  void refusesJsonThatIsNotAWholeTrial() {
    String json = TRIAL.toJson();
    Map<String, String> broken = new LinkedHashMap<>();
    broken.put("", "empty");
    broken.put("{}", "no keys");
    broken.put(json.replace("\"seed\":0,", ""), "a missing key");
    broken.put(json.replace("\"seed\":0,", "\"seed\":0,\"sead\":1,"), "an unknown key");
    broken.put(json.replace("\"rank\":8", "\"rank\":8.5"), "a broken rank");
    broken.put(json.replace("\"rank\":8", "\"rank\":-8"), "a negative rank");
    broken.put(json.replace("\"lora\"", "\"lola\""), "an unknown method");
    broken.put(json.replace("\"value\"]", "\"valve\"]"), "an unknown role");
    broken.put(json + "x", "something after the end");

    broken.forEach(
        (text, what) ->
            assertThatThrownBy(() -> Trial.fromJson(text))
                .as(what)
                .isInstanceOf(SpecException.class)
                .hasMessageStartingWith("Cannot read the settings of a trial: "));
  }

  @Test
  void tellsTuningTrialsAndCopiesApartAndSaysNothingOfBothElsewhere() {
    assertThat(TRIAL.toJson()).doesNotContain("phase").doesNotContain("copy");
    for (Trial other : List.of(TRIAL.tuning(0), TRIAL.copy(1), TRIAL.copy(2))) {
      assertThat(other.id()).isNotEqualTo(TRIAL.id());
      assertThat(Trial.fromJson(other.toJson())).isEqualTo(other);
    }
    assertThat(TRIAL.copy(0)).isEqualTo(TRIAL);
    assertThat(TRIAL.copy(1).seed()).isNotEqualTo(TRIAL.seed()).isEqualTo(TRIAL.copy(1).seed());
    assertThat(TRIAL.copy(1).title()).endsWith(" · copy 1");
  }

  @Test
  void isTitledAsPeopleSayIt() {
    assertThat(TRIAL.title()).isEqualTo("rte · lora r=8 qv λ=4 · seed 0");
    assertThat(TRIAL.methodLabel()).isEqualTo("LoRA");
    assertThat(TRIAL.targetsLabel()).isEqualTo("QV");
    Trial full =
        new Trial(
            new ModelSource("x", "y", true),
            RTE,
            new Full(),
            Set.of(Role.FFN_UP, Role.QUERY),
            new Rates(1e-4, 2.5, 1e-3, Rates.Grouping.ROLES),
            TRAINING,
            3);
    assertThat(full.title()).isEqualTo("rte · full query+ffn-up λ=2.5 random base · seed 3");
    assertThat(full.methodLabel()).isEqualTo("Full Fine-tune");
    Trial untrained = with(new Untrained(), Set.of(), TRAINING.withoutSteps());
    assertThat(untrained.methodLabel()).isEqualTo("Before Fine-tune");
    assertThat(untrained.targetsLabel()).isEmpty();
  }

  @Test
  void refusesTargetsThatItsMethodCannotUse() {
    assertThatThrownBy(() -> with(new HeadOnly(), QV, TRAINING))
        .hasMessage("Cannot use targets = [QUERY, VALUE] with method head-only: give none");
    assertThatThrownBy(() -> with(new Full(), Set.of(), TRAINING))
        .hasMessage("Cannot use targets = [] with method full: give at least one");
    assertThatThrownBy(() -> with(new Untrained(), Set.of(), TRAINING))
        .hasMessage("Cannot train with method untrained: give 0 epochs and 0 max-steps");
  }

  private static Trial with(Method method, Set<Role> targets, Training training) {
    return new Trial(MODEL, RTE, method, targets, RATES, training, 0);
  }

  private static Training training(double epochs, int maxSteps, int batch, double beta2) {
    return new Training(
        epochs,
        maxSteps,
        batch,
        1,
        128,
        Padding.MAX,
        1,
        Schedule.LINEAR,
        0,
        1,
        0,
        new AdamW(0.9, beta2, 1e-8),
        0,
        Training.Precision.FP32);
  }
}
