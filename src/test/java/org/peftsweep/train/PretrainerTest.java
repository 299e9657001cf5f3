package org.peftsweep.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.peftsweep.checkpoint.Checkpoint;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.data.Task;
import org.peftsweep.data.Tokenizer;
import org.peftsweep.data.grammar.Corpus;
import org.peftsweep.data.grammar.GrammarSettings;
import org.peftsweep.data.grammar.WritingCorpus;
import org.peftsweep.model.Models;
import org.peftsweep.spec.Pretraining;
import org.peftsweep.spec.SpecException;
import org.peftsweep.train.Outcome.CurvePoint;

class PretrainerTest {
  /** Ten batches an epoch, so that these steps are two epochs and a half. */
  private static final int STEPS = 25;

  @TempDir Path folder;

  /** Hears all losses, and stops a training, kindly or not. */
  private static class Listener implements Progress {
    private final List<Double> losses = new ArrayList<>();
    private final int stopAfterSteps;

    Listener(int stopAfterSteps) {
      this.stopAfterSteps = stopAfterSteps;
    }

    @Override
    public void step(int step, int steps, double loss) {
      losses.add(loss);
    }

    @Override
    public void evaluated(CurvePoint point) {}

    boolean isStopped() {
      return losses.size() >= stopAfterSteps;
    }
  }

  @Test
  void theSameTextGivesTheSameFilesBitForBit() {
    run(20, folder.resolve("first"));
    run(20, folder.resolve("second"));
    assertSameFiles(folder.resolve("first"), folder.resolve("second"));
  }

  @Test
  void learnsToFillInMaskedTokens() {
    Pretrainer.Quality before = run(0, folder.resolve("before"));
    Pretrainer.Quality after = run(800, folder.resolve("after"));
    assertThat(before.accuracy()).isLessThan(0.05);
    assertThat(after.accuracy()).isGreaterThan(0.15);
    assertThat(after.loss()).isLessThan(before.loss() - 1);
  }

  @Test
  void learnsToTellTheNextToken() throws IOException {
    List<String> passages = new WritingCorpus(GrammarSettings.STANDARD, 0).documents(3000).toList();
    Path model = folder.resolve("causal");
    Pretrainer.Quality before =
        run(small(0, 0, 32, 5e-3), passages, folder.resolve("before"), silent());
    Pretrainer.Quality after = run(small(0, 200, 32, 5e-3), passages, model, silent());
    assertThat(before.accuracy()).isLessThan(0.05);
    assertThat(after.accuracy()).isGreaterThan(0.3);
    assertThat(after.loss()).isLessThan(before.loss() - 2);
    run(small(0, 200, 32, 5e-3), passages, folder.resolve("again"), silent());
    assertSameFiles(model, folder.resolve("again"));
    try (Checkpoint checkpoint = Checkpoint.open(model)) {
      assertThat(checkpoint.config().architecture().className()).isEqualTo("Llama");
      assertThat(Models.requireComplete(checkpoint, Task.NEXT_TOKEN)).isEmpty();
    }
  }

  private static Listener silent() {
    return new Listener(Integer.MAX_VALUE);
  }

  @Test
  void writesAModelThatCanBeOpenedWithATokenizerForAnyText() throws IOException {
    Path model = folder.resolve("model");
    run(1, model);
    assertThat(Files.exists(model.resolve("model.safetensors"))).isTrue();
    try (Checkpoint checkpoint = Checkpoint.open(model);
        Tokenizer tokenizer = Tokenizer.open(model)) {
      assertThat(checkpoint.config().sizes().vocabulary()).isEqualTo(tokenizer.vocabularyTokens());
      assertThat(checkpoint.config().dropout().hidden()).isEqualTo(0.1);
      assertThat(checkpoint.find("encoder.layer.0.attention.self.query.weight").shape())
          .containsExactly(32L, 32L);
      String text = "Ärger \uD83D\uDE00 \u0000 never seen";
      assertThat(tokenizer.decode(tokenizer.encodeRaw(text))).isEqualTo(text);
    }
  }

  /**
   * Losses of another loop, which made the shipped model, with the settings that it was made by.
   */
  @Test
  void keepsTheLossesOfThePretrainingOfTheShippedModel() {
    double[] losses = {
      6.405634762445963, 6.419169163964622, 6.397518623871705, 6.328248830708563,
      6.281125066958698, 6.204248326516482, 5.9905061483847115, 5.909002208305833,
      5.940956851529803, 5.830440529770262, 5.6709327593713015, 5.674571408823529,
      5.851500674248535, 5.780051894822005, 5.580246860097579, 5.432995469850105,
      5.44212699094521, 5.477476491791615, 5.345038736941287, 5.302818252128388,
      5.6508531179041555, 5.424378555662062, 5.128118362016227, 5.411761184213748,
      5.219503195777815
    };
    Listener heard = new Listener(Integer.MAX_VALUE);
    Pretrainer.Quality quality =
        run(small(0.2, STEPS, 32, 5e-3), passages(300), folder.resolve("x"), heard);
    assertThat(heard.losses).hasSize(STEPS);
    for (int i = 0; i < STEPS; i++) {
      assertThat(heard.losses.get(i)).as("step %d", i).isCloseTo(losses[i], within(1e-4));
    }
    assertThat(quality.loss()).isCloseTo(5.785880140726153, within(1e-3));
    assertThat(quality.accuracy()).isCloseTo(0.13333333333333333, within(0.03));
  }

  /** With few tokens to hide there are batches without any, which move nothing. */
  @Test
  void aBatchWithoutHiddenTokensMovesNothing() {
    double[] losses = {
      0,
      0,
      0,
      6.195995521251334,
      6.2730078318567095,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      6.231227170160607,
      6.405149029529584,
      6.324362885450743,
      6.2531423895737674,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      5.841871876566137,
      0,
      6.269908510464994
    };
    Listener heard = new Listener(Integer.MAX_VALUE);
    Pretrainer.Quality quality =
        run(small(0.02, 60, 2, 5e-3), passages(60), folder.resolve("x"), heard);
    for (int i = 0; i < losses.length; i++) {
      assertThat(heard.losses.get(i)).as("step %d", i).isCloseTo(losses[i], within(1e-4));
    }
    assertThat(quality.loss()).isCloseTo(6.391063789379155, within(1e-3));
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4})
  void goesOnBitForBitAfterEveryStop(long seed) {
    Path whole = folder.resolve("whole");
    Listener undisturbed = new Listener(Integer.MAX_VALUE);
    Pretraining settings = dropping();
    Pretrainer.Quality quality = run(settings, passages(300), whole, undisturbed);

    Path target = folder.resolve("stopped");
    SplittableRandom random = new SplittableRandom(seed);
    List<Double> losses = new ArrayList<>();
    while (losses.size() < STEPS) {
      // Ten steps end an epoch, where the stop falls into an evaluation.
      Listener listener = new Listener(random.nextInt(1, 11));
      if (losses.size() + listener.stopAfterSteps >= STEPS) {
        break;
      }
      assertThatThrownBy(() -> run(settings, passages(300), target, listener))
          .isInstanceOf(StoppedException.class);
      assertThat(target).doesNotExist();
      assertThat(folder.resolve("stopped.pretraining")).isDirectory();
      losses.addAll(listener.losses);
    }
    Listener last = new Listener(Integer.MAX_VALUE);
    Pretrainer.Quality resumed = run(settings, passages(300), target, last);
    losses.addAll(last.losses);

    assertThat(losses).isEqualTo(undisturbed.losses);
    assertThat(resumed.loss()).isEqualTo(quality.loss());
    assertThat(resumed.accuracy()).isEqualTo(quality.accuracy());
    assertSameFiles(target, whole);
    assertThat(folder.resolve("stopped.pretraining")).doesNotExist();
  }

  @Test
  void goesOnFromTheNewestStateAfterADeath() {
    Path whole = folder.resolve("whole");
    Listener undisturbed = new Listener(Integer.MAX_VALUE);
    run(dropping(), passages(300), whole, undisturbed);

    Path target = folder.resolve("killed");
    Listener dying =
        new Listener(Integer.MAX_VALUE) {
          @Override
          public void step(int step, int steps, double loss) {
            if (step == 14) {
              throw new IllegalStateException("the machine is gone");
            }
          }
        };
    assertThatThrownBy(() -> run(dropping(), passages(300), target, dying, Duration.ofNanos(1)))
        .hasMessage("the machine is gone");
    assertThat(target).doesNotExist();
    Listener last = new Listener(Integer.MAX_VALUE);
    run(dropping(), passages(300), target, last, Duration.ofNanos(1));
    assertThat(last.losses).isEqualTo(undisturbed.losses.subList(13, STEPS));
    assertSameFiles(target, whole);
  }

  @Test
  void takesUpNoStateOfOtherSettingsOrText() {
    Path target = folder.resolve("model");
    Listener stopped = new Listener(5);
    assertThatThrownBy(() -> run(dropping(), passages(300), target, stopped))
        .isInstanceOf(StoppedException.class);
    Listener otherText = new Listener(1);
    assertThatThrownBy(() -> run(dropping(), passages(301), target, otherText))
        .isInstanceOf(StoppedException.class);
    assertThat(otherText.losses.get(0)).isNotEqualTo(stopped.losses.get(0));
    Listener others = new Listener(Integer.MAX_VALUE);
    run(small(0.2, STEPS, 32, 4e-3), passages(300), target, others);
    assertThat(others.losses).hasSize(STEPS);
    assertThat(folder.resolve("model.pretraining")).doesNotExist();
  }

  @Test
  void replacesTheModelOfAFolderAndLeavesOtherFilesAlone() throws IOException {
    Path target = Files.createDirectory(folder.resolve("model"));
    for (String file : List.of("README.md", "config.json", "model.safetensors")) {
      Files.writeString(target.resolve(file), "mine");
    }
    run(dropping(), passages(300), target, new Listener(Integer.MAX_VALUE));
    assertThat(target.resolve("README.md")).hasContent("mine");
    try (Stream<Path> files = Files.list(target)) {
      assertThat(files.map(file -> file.getFileName().toString()))
          .containsExactlyInAnyOrder(
              "README.md", "config.json", "model.safetensors", "tokenizer.json");
    }
    Checkpoint.open(target).close();
  }

  @Test
  void leavesAFolderAsItIsUntilTheEnd() throws IOException {
    Path target = Files.createDirectory(folder.resolve("model"));
    Files.writeString(target.resolve("config.json"), "mine");
    assertThatThrownBy(() -> run(dropping(), passages(300), target, new Listener(24)))
        .isInstanceOf(StoppedException.class);
    assertThat(target.resolve("config.json")).hasContent("mine");
    try (Stream<Path> files = Files.list(target)) {
      assertThat(files).hasSize(1);
    }
  }

  @Test
  void refusesAFileInPlaceOfTheFolderBeforeItTrains() throws IOException {
    Path target = Files.writeString(folder.resolve("model"), "mine");
    Listener listener = new Listener(Integer.MAX_VALUE);
    assertThatThrownBy(() -> run(dropping(), passages(300), target, listener))
        .isInstanceOf(SpecException.class)
        .hasMessage("Cannot write a model to " + target + ": give a folder that may be written");
    assertThat(listener.losses).isEmpty();
    assertThat(target).hasContent("mine");
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1})
  void refusesTooLittleText(int passages) {
    assertThatThrownBy(
            () -> run(dropping(), passages(passages), folder.resolve("x"), new Listener(1)))
        .isInstanceOf(SpecException.class)
        .hasMessage(
            "Cannot pretrain on %d passages: give at least 2, the first is held out"
                .formatted(passages));
  }

  @Test
  void aLossThatIsNoNumberEndsInASentence() {
    Path target = folder.resolve("model");
    assertThatThrownBy(
            () -> run(small(0.2, STEPS, 32, 1e30), passages(300), target, new Listener(99)))
        .isInstanceOf(SpecException.class)
        .hasMessageMatching(
            "Cannot pretrain with learning-rate = 1.0E30: [A-Z][a-z ]+ is \\S+ at step \\d+, give"
                + " a lower one");
    assertThat(folder).isEmptyDirectory();
  }

  private static void assertSameFiles(Path one, Path other) {
    for (String file : List.of("config.json", "model.safetensors", "tokenizer.json")) {
      assertThat(one.resolve(file)).hasSameBinaryContentAs(other.resolve(file));
    }
  }

  private static List<String> passages(int count) {
    return new Corpus(GrammarSettings.STANDARD, 0)
        .documents(count)
        .map(document -> String.join("\t", document))
        .toList();
  }

  /** With dropout, whose streams go on too. */
  private static Pretraining dropping() {
    return settings(
        2, new Pretraining.Course(0.2, STEPS, 32, 40, 0.1, 5e-3, 0.1, 0.01, 1, 0.9, 0.98, 1e-6, 3));
  }

  private static Pretraining small(double fraction, int steps, int batch, double rate) {
    return settings(
        2,
        new Pretraining.Course(
            fraction, steps, batch, 40, 0, rate, 0.1, 0.01, 1, 0.9, 0.98, 1e-6, 3));
  }

  private static Pretraining settings(int layers, Pretraining.Course course) {
    return new Pretraining(
        "tiny",
        List.of(Pretraining.BUILT_IN),
        List.of(),
        "",
        course.maskFraction() > 0 ? Pretraining.Objective.MASKED : Pretraining.Objective.CAUSAL,
        1,
        600,
        new Pretraining.Shape(32, layers, 2, 64, 48, 0.1),
        course);
  }

  private static Pretrainer.Quality run(int steps, Path folder) {
    Pretraining.Course course =
        new Pretraining.Course(0.2, steps, 32, 40, 0.1, 5e-3, 0.1, 0.01, 1, 0.9, 0.98, 1e-6, 3);
    return run(settings(1, course), passages(3000), folder, new Listener(Integer.MAX_VALUE));
  }

  private static Pretrainer.Quality run(
      Pretraining settings, List<String> passages, Path folder, Listener listener) {
    return run(settings, passages, folder, listener, Duration.ZERO);
  }

  private static Pretrainer.Quality run(
      Pretraining settings,
      List<String> passages,
      Path folder,
      Listener listener,
      Duration keepEvery) {
    try (Backend backend = Backends.open(Backends.DEFAULT, 1)) {
      return new Pretrainer(settings, backend, line -> {})
          .run(passages, folder, keepEvery, listener::isStopped, listener);
    }
  }
}
