package org.peftsweep.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.peftsweep.checkpoint.Architecture;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Var;
import org.peftsweep.data.Batch;
import org.peftsweep.data.Completion;
import org.peftsweep.data.Metric;
import org.peftsweep.data.Seeds;
import org.peftsweep.data.Task;
import org.peftsweep.data.TokenizedExample;
import org.peftsweep.model.Model;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.TinyModels;

/** What each objective asks of a model, and that the loop takes one that it never saw. */
class ObjectivesTest {
  private static final Task CLASSES =
      new Task(
          "t",
          List.of("text"),
          "label",
          List.of("a", "b", "c"),
          List.of(Metric.MACRO_F1, Metric.ACCURACY));
  private static final Task VALUES =
      new Task("t", List.of("text"), "label", List.of(), List.of(Metric.PEARSON, Metric.SPEARMAN));
  private static final Task TEXTS =
      new Task(
          "t",
          List.of("text"),
          "",
          List.of(),
          List.of(Metric.TOKEN_ACCURACY, Metric.LOSS, Metric.PERPLEXITY),
          List.of("dev"),
          false,
          0,
          new Completion(Completion.Form.TEXT, Completion.LossOn.ALL, 8, 0, 1));
  private static final Seeds SEEDS = new Seeds(5);

  private static TinyText text;
  private static Backend backend;

  @BeforeAll
  static void open() {
    text = TinyText.of(1);
    backend = Backends.open("cpu", 1);
  }

  @AfterAll
  static void close() {
    text.close();
    backend.close();
  }

  static Stream<Arguments> objectives() {
    return Stream.of(
        Arguments.of("classification", TinyModels.ROBERTA),
        Arguments.of("classification", TinyModels.BERT),
        Arguments.of("classification", TinyModels.LLAMA),
        Arguments.of("regression", TinyModels.ROBERTA),
        Arguments.of("regression", TinyModels.LLAMA),
        Arguments.of("masked", TinyModels.ROBERTA),
        Arguments.of("masked", TinyModels.BERT),
        Arguments.of("next", TinyModels.BERT),
        Arguments.of("causal", TinyModels.LLAMA));
  }

  private static Objective objective(String name) {
    return switch (name) {
      case "classification" -> new Classification(CLASSES);
      case "regression" -> new Regression(VALUES);
      case "masked" -> new MaskedLanguageModelling(text.tokenizer(), 0.3);
      case "causal" -> new CausalLanguageModelling(TEXTS, text.tokenizer(), 32);
      default -> new NextToken();
    };
  }

  /** Told from the outputs, in double precision. */
  private static double reference(Objective objective, Inputs inputs, float[] outputs) {
    int rows = inputs.positions() == null ? inputs.batch().rows() : inputs.positions().length;
    int width = outputs.length / rows;
    double loss = 0;
    int counted = 0;
    for (int row = 0; row < rows; row++) {
      if (inputs.classes().length > 0 && inputs.classes()[row] < 0) {
        continue;
      }
      counted++;
      if (objective instanceof Regression) {
        loss += Math.pow(outputs[row] - inputs.batch().labels()[row], 2);
        continue;
      }
      double sum = 0;
      for (int i = 0; i < width; i++) {
        sum += Math.exp(outputs[row * width + i]);
      }
      loss += Math.log(sum) - outputs[row * width + inputs.classes()[row]];
    }
    return loss / counted;
  }

  @ParameterizedTest(name = "{0} with {1}")
  @MethodSource("objectives")
  void theLossIsThatOfTheFormulaAndItsGradientThatOfFiniteDifferences(
      String name, Architecture architecture) {
    Objective objective = objective(name);
    try (Tape tape = new Tape(backend);
        Model model = text.model(objective, architecture, backend)) {
      model.parameters().forEach(parameter -> parameter.train(backend));
      Inputs inputs = objective.inputs(text.batch(0, 1, 2, 3, 4), SEEDS, 0);
      tape.startTraining(0);
      Var outputs = outputs(model, tape, inputs);
      float[] values = floats(outputs.value());
      double loss = tape.number(objective.loss(tape, outputs, () -> inputs));
      assertThat(loss).isCloseTo(reference(objective, inputs, values), within(1e-4));
      tape.backward();
      SplittableRandom random = new SplittableRandom(2);
      for (Parameter parameter : model.parameters()) {
        checkDirection(objective, tape, model, inputs, parameter, random);
      }
    }
  }

  private static void checkDirection(
      Objective objective,
      Tape tape,
      Model model,
      Inputs inputs,
      Parameter parameter,
      SplittableRandom random) {
    float[] start = floats(parameter.value());
    float[] gradient =
        parameter.var().hasGradient()
            ? floats(parameter.var().gradient())
            : new float[start.length];
    float[] direction = new float[start.length];
    double wanted = 0;
    double norm = 0;
    for (int i = 0; i < direction.length; i++) {
      direction[i] = random.nextBoolean() ? 1 : -1;
      wanted += direction[i] * gradient[i];
      norm += gradient[i] * gradient[i];
    }
    double step = 2e-3 / Math.sqrt(direction.length);
    double[] losses = new double[2];
    for (int side = 0; side < 2; side++) {
      float[] moved = new float[start.length];
      for (int i = 0; i < moved.length; i++) {
        moved[i] = (float) (start[i] + (1 - 2 * side) * step * direction[i]);
      }
      backend.write(moved, 0, parameter.value(), 0, moved.length);
      tape.startEvaluation();
      losses[side] = tape.number(objective.loss(tape, outputs(model, tape, inputs), () -> inputs));
    }
    backend.write(start, 0, parameter.value(), 0, start.length);
    assertThat((losses[0] - losses[1]) / (2 * step))
        .as("directional derivative of %s", parameter)
        .isCloseTo(wanted, within(2e-2 * Math.sqrt(norm * direction.length) + 1e-2));
  }

  @ParameterizedTest(name = "{0} with {1}")
  @MethodSource("objectives")
  void anEvaluationScoresEveryExampleAndDrawsTheSameEachTime(
      String name, Architecture architecture) {
    Objective objective = objective(name);
    try (Tape tape = new Tape(backend);
        Model model = text.model(objective, architecture, backend)) {
      List<TokenizedExample> examples = text.examples();
      Evaluation first = evaluate(objective, tape, model, examples, 7);
      assertThat(evaluate(objective, tape, model, examples, 7)).isEqualTo(first);
      if (objective instanceof MaskedLanguageModelling || objective instanceof NextToken) {
        assertThat(first.answers()).isEmpty();
        assertThat(first.metrics()).containsKeys("accuracy", "loss");
        assertThat(first.score()).isEqualTo(first.metrics().get("accuracy")).isBetween(0.0, 1.0);
        return;
      }
      Evaluation other = evaluate(objective, tape, model, examples, 60);
      if (objective instanceof CausalLanguageModelling) {
        weighsExamplesByTheirTokens(first, other);
        return;
      }
      assertThat(first.answers()).hasSize(examples.size());
      double[] labels = new double[examples.size()];
      double[] predictions = new double[labels.length];
      for (int i = 0; i < labels.length; i++) {
        Evaluation.Answer answer = first.answers().get(i);
        labels[i] = examples.get(i).label();
        predictions[i] = answer.prediction();
        assertThat(answer.label()).isEqualTo(labels[i]);
        assertThat(answer.score()).isCloseTo(other.answers().get(i).score(), within(1e-4));
        float[] outputs = alone(tape, model, i);
        if (objective instanceof Regression) {
          assertThat(answer.prediction()).isCloseTo(outputs[0], within(1e-4));
        } else {
          double sum = IntStream.range(0, 3).mapToDouble(c -> Math.exp(outputs[c])).sum();
          int predicted = (int) answer.prediction();
          assertThat(answer.score()).isCloseTo(Math.exp(outputs[predicted]) / sum, within(1e-4));
          assertThat(answer.score()).isGreaterThanOrEqualTo(1 / 3.0);
        }
      }
      Task task = objective instanceof Regression ? VALUES : CLASSES;
      Map<String, Double> metrics = new TreeMap<>();
      for (Metric metric : task.metrics()) {
        metrics.put(metric.id(), metric.of(predictions, predictions, labels));
      }
      assertThat(first.metrics()).isEqualTo(metrics);
      assertThat(first.score()).isEqualTo(metrics.get(task.primaryMetric().id()));
    }
  }

  private static void weighsExamplesByTheirTokens(Evaluation first, Evaluation other) {
    assertThat(first.answers()).hasSize(text.examples().size());
    double[] sums = new double[3];
    for (int i = 0; i < first.answers().size(); i++) {
      Evaluation.Answer answer = first.answers().get(i);
      assertThat(answer.label()).isEqualTo(text.examples().get(i).encoded().tokens() - 1);
      assertThat(answer.outputs().get(1))
          .isCloseTo(other.answers().get(i).outputs().get(1), within(1e-4));
      sums[0] += answer.label();
      sums[1] += answer.label() * answer.prediction();
      sums[2] += answer.label() * answer.outputs().get(1);
    }
    assertThat(first.score()).isCloseTo(sums[1] / sums[0], within(1e-9)).isBetween(0.0, 1.0);
    assertThat(first.metrics().get("loss")).isCloseTo(sums[2] / sums[0], within(1e-9));
    assertThat(first.metrics().get("perplexity"))
        .isCloseTo(Math.exp(first.metrics().get("loss")), within(1e-9));
  }

  private static float[] alone(Tape tape, Model model, int example) {
    tape.startEvaluation();
    return floats(model.logits(tape, text.batch(example)).value());
  }

  @Test
  void hidesTheGivenPartOfTheTokensInTheGivenWays() {
    MaskedLanguageModelling objective = new MaskedLanguageModelling(text.tokenizer(), 0.3);
    int all = 0;
    int hidden = 0;
    int[] ways = new int[3];
    for (int pass = 0; pass < 400; pass++) {
      Batch batch = text.batch(pass % 60, (pass + 7) % 60, (pass + 13) % 60);
      Inputs inputs = objective.inputs(batch, SEEDS, pass);
      assertThat(objective.inputs(batch, SEEDS, pass)).usingRecursiveComparison().isEqualTo(inputs);
      boolean[] isHidden = new boolean[batch.ids().length];
      for (int i = 0; i < inputs.positions().length; i++) {
        int at = inputs.positions()[i];
        int id = batch.ids()[at];
        int shown = inputs.batch().ids()[at];
        isHidden[at] = true;
        hidden++;
        assertThat(inputs.classes()[i]).isEqualTo(id);
        assertThat(text.tokenizer().isSpecial(id)).isFalse();
        assertThat(batch.mask()[at]).isEqualTo(1);
        boolean isMask = shown == text.tokenizer().maskId().orElseThrow();
        assertThat(isMask || !text.tokenizer().isSpecial(shown)).isTrue();
        ways[isMask ? 0 : shown == id ? 2 : 1]++;
      }
      for (int at = 0; at < isHidden.length; at++) {
        if (!isHidden[at]) {
          assertThat(inputs.batch().ids()[at]).isEqualTo(batch.ids()[at]);
        }
        all += batch.mask()[at] == 1 && !text.tokenizer().isSpecial(batch.ids()[at]) ? 1 : 0;
      }
    }
    assertThat(hidden / (double) all).isCloseTo(0.3, within(0.02));
    assertThat(ways[0] / (double) hidden).isCloseTo(0.8, within(0.03));
    assertThat(ways[1] / (double) hidden).isCloseTo(0.1, within(0.02));
  }

  private static Evaluation evaluate(
      Objective objective, Tape tape, Model model, List<TokenizedExample> examples, int batch) {
    Objective.Scorer scorer = objective.scorer(examples, SEEDS);
    for (int from = 0; from < examples.size(); from += batch) {
      int[] rows = IntStream.range(from, Math.min(examples.size(), from + batch)).toArray();
      Inputs inputs = scorer.inputs(text.batch(rows));
      tape.startEvaluation();
      scorer.add(tape, outputs(model, tape, inputs), inputs);
    }
    return scorer.evaluation();
  }

  private static float[] floats(org.peftsweep.compute.Tensor tensor) {
    float[] values = new float[Math.toIntExact(tensor.size())];
    backend.read(tensor, 0, values, 0, values.length);
    return values;
  }

  private static Var outputs(Model model, Tape tape, Inputs inputs) {
    List<int[]> positions = Collections.singletonList(inputs.positions());
    List<Model> lanes = List.of(model);
    return model.logits(tape, lanes, model.pack(lanes, List.of(inputs.batch()), positions)).get(0);
  }
}
