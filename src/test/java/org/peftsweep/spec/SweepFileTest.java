package org.peftsweep.spec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeSet;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.peftsweep.data.Metric;
import org.peftsweep.data.Task;
import org.peftsweep.method.DoRA;
import org.peftsweep.method.IST;
import org.peftsweep.method.LoRA;
import org.peftsweep.method.Methods;
import org.peftsweep.model.Role;
import org.peftsweep.optim.Rates;

/**
 * Files named x.yaml are built here; each begins with {@link #HEAD}, three lines, and a grid in the
 * fourth.
 */
class SweepFileTest {
  private static final String HEAD = "name: x\nmodel: builtin:mini\ntasks: [mini-rte]\n";
  private static final String GRID = "grid: [{method: full}]\n";

  /** Methods whose layers share what learns, or that train something else than layers. */
  private static final Set<String> WITH_SHARED =
      Set.of("roast", "said", "vblora", "prefix", "houlsby", "head-only", "bitfit");

  /** Methods of which nothing belongs to W_v alone. */
  private static final Set<String> WITHOUT_VALUES =
      Set.of(
          "compacter",
          "compacterplus",
          "ept",
          "head-only",
          "houlsby",
          "ln-tuning",
          "mam",
          "mosa",
          "parallel",
          "pfeiffer",
          "prefix",
          "prompt",
          "roast");

  @Test
  void expandsABlockWithItsFirstKeySlowest() {
    Sweep sweep = grid("{alpha: 4, ratio: [1, 2], method: [lora, dora], rank: [3, 5]}");

    assertThat(sweep.recipes())
        .extracting(Recipe::method)
        .startsWith(
            new LoRA(3, 4, 0.1), new LoRA(5, 4, 0.1), new DoRA(3, 4, 0.1), new DoRA(5, 4, 0.1))
        .hasSize(8);
    assertThat(sweep.recipes())
        .extracting(recipe -> recipe.rates().ratio())
        .containsExactly(1.0, 1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 2.0);
  }

  @Test
  void plugsIntoEveryMethodOfABlock() {
    Sweep sweep = grid("{method: [lora, full], plug-in: [none, ist]}");
    IST ist = new IST(new LoRA(8, 8, 0.1), 0.25, 0.5, 0.25, 3, 10, 10, 16);

    assertThat(sweep.recipes())
        .extracting(recipe -> Methods.id(recipe.method()))
        .containsExactly("lora", "lora+ist", "full", "full+ist");
    assertThat(sweep.recipes().get(1).method()).isEqualTo(ist);
    assertThat(sweep.expand(model -> "m", task -> "t"))
        .extracting(Trial::title)
        .startsWith("mini-rte · lora r=8 qv · seed 0", "mini-rte · lora+ist r=8 qv · seed 0");
  }

  @Test
  void givesAPlugInItsSettingsBesideThoseOfTheMethod() {
    Sweep sweep = grid("{method: lora, rank: [2, 4], plug-in: ist, update-fraction: [0.5, 1]}");

    assertThat(sweep.recipes())
        .extracting(Recipe::method)
        .contains(new IST(new LoRA(4, 8, 0.1), 0.5, 0.5, 0.25, 3, 10, 10, 16))
        .hasSize(4);
    assertThat(sweep.expand(model -> "m", task -> "t"))
        .extracting(sweep.titles())
        .startsWith("mini-rte · lora+ist r=2 qv update-fraction=0.5 · seed 0");
  }

  @Test
  void plugInsGoWithEveryMethodThatHasWhatTheyChange() {
    for (String id : WITH_SHARED) {
      assertThatThrownBy(() -> grid("{method: " + id + ", plug-in: [none, ist]}"))
          .as(id)
          .hasMessageContaining("Cannot use the key plug-in in x.yaml:4 with method " + id);
    }
    Set<String> learning = new TreeSet<>(Methods.all().keySet());
    learning.remove("untrained");
    for (String id : learning) {
      Sweep sweep = grid("{method: " + id + ", plug-in: [none, ema, drtune]}");
      assertThat(sweep.recipes())
          .extracting(recipe -> Methods.id(recipe.method()))
          .containsExactly(id, id + "+ema", id + "+drtune");
    }
    assertThatThrownBy(() -> grid("{method: untrained, plug-in: ema}"))
        .hasMessageContaining("Cannot use the key plug-in in x.yaml:4 with method untrained");
  }

  /** By the roles of what learns, over all methods. */
  @Test
  void aRatioThatChangesNothingMakesNoTrialMore() {
    Set<String> learning = new TreeSet<>(Methods.all().keySet());
    learning.remove("untrained");
    for (String id : learning) {
      Sweep sweep = grid("{method: " + id + ", ratio: [1, 4]}");
      int ratios = WITHOUT_VALUES.contains(id) ? 1 : 2;
      assertThat(ids(sweep)).as(id).hasSize(ratios);
      assertThat(sweep.withoutRatio()).as(id).hasSize(2 - ratios);
    }
    Sweep keys = grid("{method: lora, targets: [qk, qv], ratio: [1, 4]}");
    assertThat(ids(keys)).hasSize(3);
    Sweep values = grid("{method: [roast, said], targets: v, ratio: [1, 4]}");
    assertThat(ids(values)).hasSize(4);
    Sweep byName = grid("{method: prefix, ratio: [1, 4], grouping: paper}");
    assertThat(ids(byName)).hasSize(2);
  }

  private static Set<String> ids(Sweep sweep) {
    Set<String> ids = new TreeSet<>();
    sweep.expand(model -> "m", task -> "t").forEach(trial -> ids.add(trial.id()));
    return ids;
  }

  @Test
  void tunesOnSeedsOfTheirOwnWhatItSelects() {
    Sweep sweep =
        read(
            HEAD
                + "validation-fraction: 0.1\ntuning-seeds: [1, 2]\nevaluation-seeds: [3]\n"
                + "select: [method, targets]\nduplicates: 2\n"
                + "grid: [{method: lora, targets: [qv, qkv], ratio: [1, 4]}, {method: full}]");
    List<Candidates> candidates = sweep.candidates(model -> "m", task -> "t");

    assertThat(candidates)
        .extracting(Candidates::name)
        .containsExactly("mini-rte · lora · qv", "mini-rte · lora · qkv", "mini-rte · full · qv");
    assertThat(candidates.get(0).first())
        .extracting(Trial::title)
        .containsExactly(
            "mini-rte · lora r=8 qv · tuning seed 1",
            "mini-rte · lora r=8 qv · tuning seed 2",
            "mini-rte · lora r=8 qv λ=4 · tuning seed 1",
            "mini-rte · lora r=8 qv λ=4 · tuning seed 2");
    // Where there is nothing to choose, nothing is tuned.
    List<Trial> alone = candidates.get(2).first().toList();
    assertThat(alone).extracting(Trial::phase).containsOnly(Phase.EVALUATION);
    assertThat(alone).extracting(Trial::copy).containsExactly(0, 1);
    assertThat(alone).extracting(Trial::seed).first().isEqualTo(3L);
    assertThat(alone).extracting(Trial::seed).doesNotHaveDuplicates();
    assertThat(alone).extracting(Trial::id).doesNotHaveDuplicates();
  }

  @Test
  void ordersTrialsByRecipeThenTaskThenSeed() {
    Sweep sweep =
        read(
            HEAD.replace("[mini-rte]", "[mini-rte, mini-cola]")
                + "seeds: [7, 3]\n"
                + "grid: [{method: [full, head-only]}]");

    assertThat(sweep.expand(model -> "m", task -> "t"))
        .extracting(Trial::title)
        .containsExactly(
            "mini-rte · full qv · seed 7",
            "mini-rte · full qv · seed 3",
            "mini-cola · full qv · seed 7",
            "mini-cola · full qv · seed 3",
            "mini-rte · head-only · seed 7",
            "mini-rte · head-only · seed 3",
            "mini-cola · head-only · seed 7",
            "mini-cola · head-only · seed 3");
  }

  @Test
  void runsATrialOnceThatTwoBlocksDescribe() {
    Sweep sweep = grid("{method: lora, rank: [4, 8]}, {method: lora, rank: [8, 16], ratio: 1.0}");

    assertThat(sweep.recipes()).extracting(Recipe::method).doesNotHaveDuplicates().hasSize(3);
  }

  @Test
  void putsTheHashesOfWhatWasReadIntoTheTrials() {
    Trial trial =
        read(HEAD + GRID).expand(model -> "hash of " + model, task -> task.task().name()).get(0);

    assertThat(trial.model().contentHash()).isEqualTo("hash of builtin:mini");
    assertThat(trial.task().contentHash()).isEqualTo("mini-rte");
    assertThat(trial.task().isBuiltIn()).isTrue();
  }

  @Test
  void takesTheRateOfValueInPlaceOfARatio() {
    Sweep byValue = grid("{method: lora, learning-rate: 2e-5, value-learning-rate: 2e-3}");
    Sweep byRatio = grid("{method: lora, learning-rate: 2e-5, ratio: 100}");

    assertThat(byValue.recipes()).isEqualTo(byRatio.recipes());
  }

  @Test
  void readsTargetsByShortNameAndByRoles() {
    Sweep sweep = grid("{method: full, targets: [qv, [query, ffn-up], all]}");

    assertThat(sweep.recipes())
        .extracting(Recipe::targets)
        .containsExactly(
            EnumSet.of(Role.QUERY, Role.VALUE),
            EnumSet.of(Role.QUERY, Role.FFN_UP),
            EnumSet.copyOf(Targets.ROLES));
  }

  @Test
  void givesTheHeadTheCommonRateOrItsOwn() {
    Sweep sweep = grid("{method: full, learning-rate: 3e-4, head-learning-rate: [same, 1e-2]}");

    assertThat(sweep.recipes())
        .extracting(recipe -> recipe.rates().headLearningRate())
        .containsExactly(3e-4, 1e-2);
  }

  @Test
  void takesNoStepWithTheUntrainedBase() {
    Sweep sweep =
        read(HEAD + "training: {max-steps: 9}\ngrid: [{method: untrained}, {method: full}]");

    assertThat(sweep.expand(model -> "m", task -> "t"))
        .extracting(trial -> trial.training().takesSteps())
        .containsExactly(false, true);
    assertThat(sweep.recipes().get(0).rates()).isEqualTo(Rates.NONE);
  }

  @Test
  void overridesTrainingAndDataByTask() {
    Sweep sweep =
        read(
            HEAD.replace("[mini-rte]", "[rte, cola, mini-rte]")
                + GRID
                + "data: data/glue\n"
                + "train-limit: 100\n"
                + "per-task: {cola: {epochs: 2.5, train-limit: 7, data: s3a://bucket/cola}}");

    assertThat(sweep.tasks())
        .extracting(plan -> plan.training().epochs())
        .containsExactly(10.0, 2.5, 10.0);
    assertThat(sweep.tasks())
        .extracting(plan -> plan.source().location() + " " + plan.source().trainLimit())
        .containsExactly("data/glue 100", "s3a://bucket/cola 7", "builtin 100");
  }

  @Test
  void declaresTasks() {
    Sweep sweep =
        read(
            HEAD.replace("mini-rte", "spam, age")
                + GRID
                + "data: data/mine\n"
                + "declare-tasks:\n"
                + "  spam: {text-columns: [a, b], label-column: y, labels: [yes, no],"
                + " metrics: [f1, accuracy], quotes: true, dev-fraction: 0.1}\n"
                + "  age:\n"
                + "    text-columns: [bio]\n"
                + "    label-column: years\n"
                + "    metrics: [pearson]\n"
                + "    evaluation-sets: [old, young]\n");

    assertThat(sweep.tasks())
        .extracting(plan -> plan.source().task())
        .containsExactly(
            new Task(
                "spam",
                List.of("a", "b"),
                "y",
                List.of("yes", "no"),
                List.of(Metric.F1, Metric.ACCURACY),
                List.of("dev"),
                true,
                0.1),
            new Task(
                "age",
                List.of("bio"),
                "years",
                List.of(),
                List.of(Metric.PEARSON),
                List.of("old", "young"),
                false,
                0.2));
  }

  @Test
  void laysOverridesOverTheFile() {
    Map<String, String> overrides =
        Map.of(
            "training.epochs", "3",
            "tasks", "[mini-cola, mini-sst2]",
            "model", "file:///models/base",
            "methods.lora.rank", "2",
            "per-task.mini-cola.batch", "4");

    Sweep sweep = read(HEAD + "training: {epochs: 1, batch: 8}\ngrid: [{method: lora}]", overrides);

    assertThat(sweep.model()).isEqualTo("file:///models/base");
    assertThat(sweep.tasks())
        .extracting(plan -> plan.training().epochs() + " " + plan.training().batch())
        .containsExactly("3.0 4", "3.0 8");
    assertThat(sweep.recipes()).extracting(Recipe::method).containsExactly(new LoRA(2, 8, 0.1));
  }

  @Test
  void extendsAnotherFileByKeysOfSectionsAndWholeLists() {
    Map<String, String> files =
        Map.of(
            "conf/base.yaml",
            HEAD + "seeds: [1, 2]\ntraining: {epochs: 4, batch: 8}\n" + GRID,
            "conf/x.yaml",
            "extends: base.yaml\nname: y\nseeds: [3]\ntraining: {batch: 16}\n");

    Sweep sweep = SweepFile.read("conf/x.yaml", Map.of(), from(files));

    assertThat(sweep.name()).isEqualTo("y");
    assertThat(sweep.seeds()).containsExactly(3L);
    assertThat(sweep.tasks().get(0).training().epochs()).isEqualTo(4);
    assertThat(sweep.tasks().get(0).training().batch()).isEqualTo(16);
  }

  @Test
  void namesTheDefaultsThatLackAKey() throws IOException {
    String defaults = Files.readString(Path.of("conf/defaults.yaml"));
    Map<String, String> files =
        Map.of(
            "conf/x.yaml",
            HEAD + GRID,
            "conf/defaults.yaml",
            defaults.replaceAll("(?m)^  epochs: .*\n", ""));

    assertThatThrownBy(() -> SweepFile.read("conf/x.yaml", Map.of(), from(files)))
        .isInstanceOf(SpecException.class)
        .hasMessage(
            "Cannot find training.epochs in conf/defaults.yaml: every default stands there");
  }

  @Test
  void tellsAllFaultsOfAFileAtOnce() {
    SpecException refusal =
        catchThrowableOfType(
            SpecException.class,
            () ->
                read(
                    "name: X\nmodel: builtin:mini\ntasks: [mini-rte, colla]\n"
                        + "grid:\n  - {method: lora, rank: [4, -4, 5.5], dropout: [2, 0.1]}\n"
                        + "seads: [0]\n"));

    assertThat(refusal.faults())
        .containsExactlyInAnyOrder(
            "Cannot use name = X in x.yaml:1: use lower-case letters, digits and hyphens",
            "Cannot use tasks = colla in x.yaml:3: did you mean cola",
            "Cannot use rank = -4 in x.yaml:5: give a whole number of at least 1",
            "Cannot use rank = 5.5 in x.yaml:5: give a whole number",
            "Cannot use dropout = 2 in x.yaml:5: give a number from 0 up to, not including, 1",
            "Cannot use the key seads in x.yaml:6: did you mean seeds");
    assertThat(refusal).hasMessage(String.join("\n", refusal.faults()));
  }

  @Test
  void tellsTrialsApartByWhatDiffers() {
    Sweep sweep =
        grid(
            "{method: lora, learning-rate: [2e-5, 1e-4], ratio: [1, 2.5], alpha: [8, 16]},"
                + " {method: lora, init: random, head-learning-rate: 0.01}, {method: full}");

    List<String> titles =
        sweep.expand(model -> "m", task -> "t").stream().map(sweep.titles()).toList();

    assertThat(titles)
        .doesNotHaveDuplicates()
        .startsWith("mini-rte · lora r=8 qv alpha=8 η=2e-5 · seed 0")
        .contains(
            "mini-rte · lora r=8 qv λ=2.5 alpha=16 η=1e-4 · seed 0",
            "mini-rte · lora r=8 qv random base alpha=8 head-learning-rate=0.01 η=1e-4 · seed 0")
        .endsWith("mini-rte · full qv · seed 0");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "file:"})
  void readsFilesByPathAndByAddress(String scheme, @TempDir Path folder) throws IOException {
    Files.writeString(folder.resolve("base.yaml"), "\uFEFF" + HEAD);
    Files.writeString(folder.resolve("mine.yaml"), "extends: base.yaml\n" + GRID);

    Sweep sweep =
        SweepFile.read(scheme + folder.resolve("mine.yaml"), Map.of(), new Configuration());

    assertThat(sweep.recipes()).hasSize(1);
  }

  @Test
  void neverAnswersABrokenFileWithAnythingButSentences() throws IOException {
    String text = Files.readString(Path.of("conf/quickstart.yaml"));
    String pieces = "[]{}:,-&*!|>'\"%@`#?\n\t 0.9e~\u0000\u2028aλ";
    SplittableRandom random = new SplittableRandom(1);
    int refused = 0;
    for (int i = 0; i < 1000; i++) {
      StringBuilder broken = new StringBuilder(text);
      for (int j = 0; j <= random.nextInt(4); j++) {
        int at = random.nextInt(broken.length());
        char piece = pieces.charAt(random.nextInt(pieces.length()));
        switch (random.nextInt(3)) {
          case 0 -> broken.setCharAt(at, piece);
          case 1 -> broken.insert(at, piece);
          default -> broken.delete(at, Math.min(broken.length(), at + 1 + random.nextInt(9)));
        }
      }
      try {
        assertThat(read(broken.toString()).recipes()).isNotEmpty();
      } catch (SpecException e) {
        refused++;
        assertThat(e.faults())
            .isNotEmpty()
            .allSatisfy(
                fault ->
                    assertThat(fault)
                        .startsWith("Cannot ")
                        .contains("x.yaml", ": ")
                        .doesNotContain("\n"));
      }
    }
    assertThat(refused).isBetween(300, 999);
  }

  @Test
  void namesSetsOfMatricesBothWays() {
    Targets.shortNames().forEach((name, roles) -> assertThat(Targets.name(roles)).isEqualTo(name));
    assertThat(Targets.label(Set.of(Role.VALUE, Role.QUERY))).isEqualTo("QV");
    assertThat(Targets.label(Set.of(Role.VALUE, Role.FFN_UP))).isEqualTo("value+ffn-up");
  }

  @Test
  void packsAreAWordOrANumber() {
    assertThat(read(HEAD + GRID).execution().pack()).isEqualTo(Packing.OFF);
    assertThat(read(HEAD + GRID + "compute: {pack: auto}").execution().pack().mostLanes())
        .isEmpty();
    assertThat(read(HEAD + GRID + "compute: {pack: off}").execution().pack())
        .isEqualTo(Packing.OFF);
    assertThat(read(HEAD + GRID + "compute: {pack: 12}").execution().pack().mostLanes())
        .hasValue(12);
  }

  private static Sweep grid(String blocks) {
    return read(HEAD + "grid: [" + blocks + "]");
  }

  private static Sweep read(String text) {
    return read(text, Map.of());
  }

  private static Sweep read(String text, Map<String, String> overrides) {
    return SweepFile.read("x.yaml", overrides, from(Map.of("x.yaml", text)));
  }

  private static TextSource from(Map<String, String> files) {
    return location -> Optional.ofNullable(files.get(location));
  }
}
