package org.peftsweep.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.Tape;
import org.peftsweep.data.Batch;
import org.peftsweep.data.Batches;
import org.peftsweep.data.Completions;
import org.peftsweep.data.Padding;
import org.peftsweep.data.Seeds;
import org.peftsweep.data.TokenizedExample;
import org.peftsweep.model.Model;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.RandomWeights;
import org.peftsweep.model.TinyModels;
import org.peftsweep.spec.SpecException;
import org.peftsweep.spec.Trial;
import org.peftsweep.train.Outcome.Status;

/** Whole trials of decoders that learn to write. */
class CausalTrialsTest {
  private static final Library LIBRARY = new Library(new Configuration());
  private static final String FULL = "{method: full, targets: all}";

  @TempDir static Path folder;
  private static TinyWriter tiny;

  @BeforeAll
  static void write() throws IOException {
    tiny = new TinyWriter(folder);
  }

  private static Outcome run(Trial trial) {
    try (Backend backend = Backends.open("cpu", 1)) {
      return new TrialRun(LIBRARY, backend).run(trial, Progress.SILENT);
    }
  }

  @ParameterizedTest
  @CsvSource({"plain, exact-match", "chats, exact-match", "running, token-accuracy"})
  void learnsToWriteWhatItIsShown(String task, String metric) {
    Outcome outcome = run(tiny.trial(LIBRARY, task, FULL, 120));
    assertThat(outcome.status()).isEqualTo(Status.FINISHED);
    var best = outcome.best();
    assertThat(best.devScore()).isEqualTo(best.devMetrics().get("dev/" + metric));
    double untaught = outcome.curve().get(0).devScore();
    assertThat(best.devScore()).isGreaterThan(untaught + 0.5).isGreaterThan(0.8);
    assertThat(best.devMetrics().get("dev/perplexity"))
        .isCloseTo(Math.exp(best.devMetrics().get("dev/loss")), within(1e-9));
    assertThat(outcome.predictions()).hasSize(20);
    assertThat(outcome.peakBytes()).isLessThanOrEqualTo(outcome.predictedPeakBytes());
    assertThat(outcome.predictedPeakBytes()).isLessThan((long) (1.25 * outcome.peakBytes()));
    double weights = 0;
    double sum = 0;
    for (Outcome.Prediction prediction : outcome.predictions()) {
      weights += prediction.label();
      sum += prediction.label() * prediction.prediction();
    }
    assertThat(sum / weights).isCloseTo(best.devScore(), within(1e-9));
  }

  @Test
  void allMetricsOfAnswersAreThere() {
    Outcome outcome = run(tiny.trial(LIBRARY, "plain", FULL, 120));
    assertThat(outcome.best().devMetrics().keySet())
        .contains("dev/exact-match", "dev/token-f1", "dev/rouge-l", "dev/numeric", "dev/loss");
    assertThat(outcome.best().devMetrics().get("dev/numeric")).isZero();
    assertThat(outcome.best().devMetrics().get("dev/rouge-l"))
        .isGreaterThanOrEqualTo(outcome.best().devMetrics().get("dev/exact-match"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{method: lora}",
        "{method: prefix}",
        "{method: ept}",
        "{method: adalora, rank: 2}",
        "{method: galore}"
      })
  void methodsAddTheirOwnAndTheHeadStaysAsItIs(String block) {
    Outcome outcome = run(tiny.trial(LIBRARY, "plain", block, 6));
    assertThat(outcome.status()).isEqualTo(Status.FINISHED);
    assertThat(outcome.headParameters()).isZero();
    assertThat(outcome.trainableParameters()).isPositive();
  }

  /** The loss of rows of several texts is that of the texts, and its gradient too. */
  @ParameterizedTest
  @ValueSource(strings = {"cpu", "nd4j", "samediff"})
  void packedTextsLearnAsTextsAlone(String backend) {
    String block = "{method: lora, targets: all, batch: %d, packing: %s, pad: max}";
    Trial alone = tiny.trial(LIBRARY, "plain", block.formatted(12, false), 1);
    TokenisedTask texts = LIBRARY.tokenised(alone);
    Trial packed = tiny.trial(LIBRARY, "plain", block.formatted(6, true), 1);
    TokenisedTask rows = LIBRARY.tokenised(packed);
    assertThat(rows.train()).hasSizeLessThan(texts.train().size() / 2);
    List<TokenizedExample> twelve = texts.train().subList(0, 12);
    List<TokenizedExample> joined = Completions.packed(twelve, 40);
    double[] losses = new double[2];
    double[] norms = new double[2];
    try (Backend opened = Backends.open(backend, 1)) {
      for (int i = 0; i < 2; i++) {
        List<TokenizedExample> examples = i == 0 ? twelve : joined;
        Batch batch =
            new Batches(examples.size(), 40, Padding.LONGEST, 1, 0)
                .batch(examples, IntStream.range(0, examples.size()).toArray());
        losses[i] = lossAndNorm(opened, texts.objective(), batch, norms, i);
      }
    }
    assertThat(losses[1]).isCloseTo(losses[0], within(1e-5 * Math.abs(losses[0])));
    assertThat(norms[1]).isCloseTo(norms[0], within(1e-4 * norms[0]));
  }

  private static double lossAndNorm(
      Backend backend, Objective objective, Batch batch, double[] norms, int at) {
    try (Tape tape = new Tape(backend, Backends.graph(backend));
        Model model =
            objective.model(
                LIBRARY.config(folder.resolve("llama").toString()),
                backend,
                new RandomWeights(backend, 0.2, new Seeds(3)))) {
      model.parameters().forEach(parameter -> parameter.train(backend));
      Inputs inputs = objective.inputs(batch, new Seeds(1), 0);
      tape.startTraining(0);
      double loss =
          tape.number(
              objective.loss(
                  tape, model.logits(tape, inputs.batch(), inputs.positions()), () -> inputs));
      tape.backward();
      for (Parameter parameter : model.parameters()) {
        if (parameter.var().hasGradient()) {
          for (float value : TinyModels.read(backend, parameter.var().gradient())) {
            norms[at] += value * value;
          }
        }
      }
      return loss;
    }
  }

  @Test
  void packedTrialsLearn() {
    Outcome outcome =
        run(tiny.trial(LIBRARY, "plain", FULL.replace("}", ", packing: true, batch: 4}"), 120));
    assertThat(outcome.best().devScore()).isGreaterThan(0.8);
    assertThat(outcome.peakBytes()).isLessThanOrEqualTo(outcome.predictedPeakBytes());
    Trial labelled =
        tiny.trial(LIBRARY, "mini-rte", "{method: lora, packing: true}", 1, "builtin:mini");
    assertThatThrownBy(() -> new Preflight(LIBRARY).require(labelled))
        .hasMessageContaining("Cannot use packing = true with mini-rte");
  }

  @Test
  void whatCannotWriteIsRefusedBeforeTheFirstTrial() {
    Preflight preflight = new Preflight(LIBRARY);
    for (String block : List.of("{method: head-only}", "{method: lora, plug-in: drtune}")) {
      Trial trial = tiny.trial(LIBRARY, "plain", block, 2);
      assertThatThrownBy(() -> preflight.require(trial)).hasMessageContaining("language model");
    }
    Trial encoder = tiny.trial(LIBRARY, "plain", "{method: lora}", 2, "builtin:mini");
    assertThatThrownBy(() -> preflight.requireAll(List.of(encoder)))
        .isInstanceOf(SpecException.class)
        .hasMessageContaining("Cannot write text with model_type = roberta: give a decoder");
  }
}
