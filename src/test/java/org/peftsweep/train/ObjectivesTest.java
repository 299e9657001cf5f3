package org.peftsweep.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.peftsweep.checkpoint.Architecture;
import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Var;
import org.peftsweep.data.Batch;
import org.peftsweep.data.BpeTrainer;
import org.peftsweep.data.Metric;
import org.peftsweep.data.Padding;
import org.peftsweep.data.Seeds;
import org.peftsweep.data.Task;
import org.peftsweep.data.TokenizedExample;
import org.peftsweep.data.Tokenizer;
import org.peftsweep.method.MethodHooks;
import org.peftsweep.model.Model;
import org.peftsweep.model.Models;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.RandomWeights;
import org.peftsweep.model.TinyModels;
import org.peftsweep.model.Weights;
import org.peftsweep.optim.AdamW;
import org.peftsweep.optim.Rates;
import org.peftsweep.optim.Schedule;
import org.peftsweep.optim.Updates;
import org.peftsweep.spec.Training;

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
  private static final Seeds SEEDS = new Seeds(5);
  private static final List<String> TEXTS = texts();

  private static Tokenizer tokenizer;
  private static Backend backend;

  @BeforeAll
  static void open() {
    tokenizer = Tokenizer.ofJson(new BpeTrainer(280, 2).train(TEXTS.stream()));
    backend = Backends.open("cpu", 1);
  }

  @AfterAll
  static void close() {
    tokenizer.close();
    backend.close();
  }

  private static List<String> texts() {
    SplittableRandom random = new SplittableRandom(1);
    List<String> words = List.of("red", "green", "blue", "dog", "cat", "runs", "sleeps", "fast");
    return IntStream.range(0, 60)
        .mapToObj(
            i ->
                String.join(
                    " ",
                    random
                        .ints(2 + random.nextInt(7), 0, words.size())
                        .mapToObj(words::get)
                        .toList()))
        .toList();
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
        Arguments.of("next", TinyModels.BERT));
  }

  private static Objective objective(String name) {
    return switch (name) {
      case "classification" -> new Classification(CLASSES);
      case "regression" -> new Regression(VALUES);
      case "masked" -> new MaskedLanguageModelling(tokenizer, 0.3);
      default -> new NextToken();
    };
  }

  /** Told from the outputs, in double precision. */
  private static double reference(Objective objective, Inputs inputs, float[] outputs) {
    int rows = inputs.positions() == null ? inputs.batch().rows() : inputs.positions().length;
    int width = outputs.length / rows;
    double loss = 0;
    for (int row = 0; row < rows; row++) {
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
    return loss / rows;
  }

  @ParameterizedTest(name = "{0} with {1}")
  @MethodSource("objectives")
  void theLossIsThatOfTheFormulaAndItsGradientThatOfFiniteDifferences(
      String name, Architecture architecture) {
    Objective objective = objective(name);
    try (Tape tape = new Tape(backend);
        Model model = model(objective, architecture)) {
      model.parameters().forEach(parameter -> parameter.train(backend));
      Inputs inputs = objective.inputs(batch(0, 1, 2, 3, 4), SEEDS, 0);
      tape.startTraining(0);
      Var outputs = inputs.outputs(model, tape);
      float[] values = floats(outputs.value());
      double loss = objective.loss(tape, outputs, inputs);
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
      losses[side] = objective.loss(tape, inputs.outputs(model, tape), inputs);
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
        Model model = model(objective, architecture)) {
      List<TokenizedExample> examples = examples();
      Evaluation first = evaluate(objective, tape, model, examples, 7);
      assertThat(evaluate(objective, tape, model, examples, 7)).isEqualTo(first);
      if (objective instanceof MaskedLanguageModelling || objective instanceof NextToken) {
        assertThat(first.answers()).isEmpty();
        assertThat(first.metrics()).containsKeys("accuracy", "loss");
        assertThat(first.score()).isEqualTo(first.metrics().get("accuracy")).isBetween(0.0, 1.0);
        return;
      }
      Evaluation other = evaluate(objective, tape, model, examples, 60);
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

  private static float[] alone(Tape tape, Model model, int example) {
    tape.startEvaluation();
    return floats(model.logits(tape, batch(example)).value());
  }

  @Test
  void hidesTheGivenPartOfTheTokensInTheGivenWays() {
    MaskedLanguageModelling objective = new MaskedLanguageModelling(tokenizer, 0.3);
    int all = 0;
    int hidden = 0;
    int[] ways = new int[3];
    for (int pass = 0; pass < 400; pass++) {
      Batch batch = batch(pass % 60, (pass + 7) % 60, (pass + 13) % 60);
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
        assertThat(tokenizer.isSpecial(id)).isFalse();
        assertThat(batch.mask()[at]).isEqualTo(1);
        boolean isMask = shown == tokenizer.maskId().orElseThrow();
        assertThat(isMask || !tokenizer.isSpecial(shown)).isTrue();
        ways[isMask ? 0 : shown == id ? 2 : 1]++;
      }
      for (int at = 0; at < isHidden.length; at++) {
        if (!isHidden[at]) {
          assertThat(inputs.batch().ids()[at]).isEqualTo(batch.ids()[at]);
        }
        all += batch.mask()[at] == 1 && !tokenizer.isSpecial(batch.ids()[at]) ? 1 : 0;
      }
    }
    assertThat(hidden / (double) all).isCloseTo(0.3, within(0.02));
    assertThat(ways[0] / (double) hidden).isCloseTo(0.8, within(0.03));
    assertThat(ways[1] / (double) hidden).isCloseTo(0.1, within(0.02));
  }

  /** Tells each token's successor from all tokens: an objective of this test alone. */
  private record NextToken() implements Objective {
    @Override
    public Model model(ModelConfig config, Backend backend, Weights weights) {
      return Models.buildMasked(config, backend, weights);
    }

    @Override
    public Inputs inputs(Batch batch, Seeds seeds, long pass) {
      int[] positions =
          IntStream.range(0, batch.ids().length - 1)
              .filter(at -> (at + 1) % batch.tokens() != 0 && batch.mask()[at + 1] == 1)
              .toArray();
      int[] next = Arrays.stream(positions).map(at -> batch.ids()[at + 1]).toArray();
      return new Inputs(batch, positions, next);
    }

    @Override
    public double loss(Tape tape, Var outputs, Inputs inputs) {
      return tape.crossEntropy(outputs, inputs.classes());
    }

    @Override
    public Scorer scorer(List<TokenizedExample> examples, Seeds seeds) {
      return new Scorer() {
        private double loss;
        private int tokens;

        @Override
        public Inputs inputs(Batch batch) {
          return NextToken.this.inputs(batch, seeds, -1);
        }

        @Override
        public void add(Tape tape, Var outputs, Inputs inputs) {
          loss += inputs.classes().length * NextToken.this.loss(tape, outputs, inputs);
          tokens += inputs.classes().length;
        }

        @Override
        public Evaluation evaluation() {
          double mean = Math.exp(-loss / tokens);
          return new Evaluation(
              mean, new TreeMap<>(Map.of("accuracy", mean, "loss", loss / tokens)), List.of());
        }
      };
    }
  }

  @Test
  void theLoopTrainsAnObjectiveThatItNeverSawAndGoesOnWithIt(@TempDir Path folder) {
    List<Double> whole = train(RunLimits.FREE, Integer.MAX_VALUE);
    assertThat(whole.get(whole.size() - 1)).isLessThan(whole.get(0) / 2);
    CheckpointFolder states =
        new CheckpointFolder(
            new org.apache.hadoop.fs.Path(folder.toUri().toString(), "states"),
            new Configuration());
    List<Double> parts = new ArrayList<>();
    for (int stop : new int[] {7, 12, Integer.MAX_VALUE}) {
      parts.addAll(
          train(
              new RunLimits(
                  Duration.ZERO, null, states, Duration.ZERO, () -> false, TensorSink.NOTHING),
              stop));
    }
    assertThat(parts).isEqualTo(whole);
  }

  /** Trains until the end, or until so many more steps are taken, and returns their losses. */
  private static List<Double> train(RunLimits limits, int stopAfter) {
    List<Double> losses = new ArrayList<>();
    Progress progress =
        new Progress() {
          @Override
          public void step(int step, int steps, double loss) {
            losses.add(loss);
          }

          @Override
          public void evaluated(Outcome.CurvePoint point) {}
        };
    RunLimits stopping =
        new RunLimits(
            Duration.ZERO,
            null,
            limits.checkpoints(),
            Duration.ZERO,
            () -> losses.size() >= stopAfter,
            TensorSink.NOTHING);
    Objective objective = new NextToken();
    Training training =
        new Training(
            0,
            40,
            8,
            2,
            32,
            Padding.LONGEST,
            1,
            Schedule.LINEAR,
            0.1,
            1,
            0.01,
            new AdamW(0.9, 0.999, 1e-8),
            15,
            Training.Precision.FP32);
    Model model = model(objective, TinyModels.ROBERTA);
    model.parameters().forEach(parameter -> parameter.train(backend));
    Updates updates =
        new Updates(
            backend,
            model.trainable(),
            new Rates(5e-3, 1, 5e-3, Rates.Grouping.ROLES),
            0.01,
            training.optimizer());
    TokenisedTask data =
        new TokenisedTask(
            objective, examples(), List.of(), List.of(new TokenisedTask.Named("x", examples())));
    try (Pack pack = Pack.alone(backend);
        Assembly parts =
            new Assembly(
                training,
                data,
                Assembly.batches(training, tokenizer.padId()),
                SEEDS,
                backend,
                pack.lane(0).with(model, MethodHooks.PASSIVE, objective),
                model,
                MethodHooks.PASSIVE,
                updates);
        RunWatch watch = new RunWatch(stopping)) {
      new Trainer(parts, progress, watch).run();
    } catch (StoppedException e) {
      assertThat(losses).hasSize(stopAfter);
    }
    return losses;
  }

  private static Evaluation evaluate(
      Objective objective, Tape tape, Model model, List<TokenizedExample> examples, int batch) {
    Objective.Scorer scorer = objective.scorer(examples, SEEDS);
    for (int from = 0; from < examples.size(); from += batch) {
      int[] rows = IntStream.range(from, Math.min(examples.size(), from + batch)).toArray();
      Inputs inputs = scorer.inputs(batch(rows));
      tape.startEvaluation();
      scorer.add(tape, inputs.outputs(model, tape), inputs);
    }
    return scorer.evaluation();
  }

  private static Model model(Objective objective, Architecture architecture) {
    ModelConfig tiny = TinyModels.config(architecture);
    ModelConfig.Sizes sizes = tiny.sizes();
    ModelConfig config =
        new ModelConfig(
            architecture,
            new ModelConfig.Sizes(
                tokenizer.vocabularyTokens(),
                sizes.hidden(),
                sizes.layers(),
                sizes.heads(),
                sizes.keyValueHeads(),
                sizes.headWidth(),
                sizes.feedForward(),
                40,
                sizes.tokenTypes()),
            tiny.normEpsilon(),
            tiny.dropout(),
            tiny.padTokenId(),
            tiny.rope(),
            tiny.attentionBias(),
            tiny.mlpBias(),
            tiny.tiedEmbeddings(),
            tiny.initializerRange(),
            tiny.labels());
    return objective.model(config, backend, new RandomWeights(backend, 0.2, new Seeds(3)));
  }

  private static List<TokenizedExample> examples() {
    return IntStream.range(0, TEXTS.size())
        .mapToObj(i -> new TokenizedExample(i, tokenizer.encode(TEXTS.get(i), 32), i % 3))
        .toList();
  }

  private static Batch batch(int... rows) {
    return new org.peftsweep.data.Batches(rows.length, 32, Padding.LONGEST, 1, tokenizer.padId())
        .batch(examples(), rows);
  }

  private static float[] floats(org.peftsweep.compute.Tensor tensor) {
    float[] values = new float[Math.toIntExact(tensor.size())];
    backend.read(tensor, 0, values, 0, values.length);
    return values;
  }
}
