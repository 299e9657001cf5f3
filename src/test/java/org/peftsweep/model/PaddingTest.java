package org.peftsweep.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.peftsweep.checkpoint.Architecture;
import org.peftsweep.checkpoint.Architectures;
import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.data.Batch;
import org.peftsweep.data.Seeds;

/** The attention mask alone says what is padding: an example's outputs know nothing of the rest. */
class PaddingTest {
  private static final int VOCABULARY = 50;

  static Stream<Arguments> architectures() {
    return Architectures.all().stream()
        .flatMap(
            architecture ->
                Stream.of(OptionalInt.of(1), OptionalInt.of(7), OptionalInt.empty())
                    // Who counts positions from behind the padding token has one.
                    .filter(pad -> pad.isPresent() || offset(architecture) == 0)
                    .map(pad -> Arguments.of(architecture, pad)));
  }

  @ParameterizedTest(name = "{0} with {1} in config.json")
  @MethodSource("architectures")
  void anExampleGivesTheSameAloneAndInAnyBatchUnderAnyPadding(
      Architecture architecture, OptionalInt pad) {
    ModelConfig config = withPad(TinyModels.config(architecture), pad);
    SplittableRandom random = new SplittableRandom(Architectures.all().indexOf(architecture));
    try (Backend backend = Backends.open(Backends.DEFAULT, 1);
        Tape tape = new Tape(backend);
        Model model =
            Models.build(
                config,
                TinyModels.OUTPUTS,
                backend,
                new RandomWeights(backend, config.initializerRange(), new Seeds(3)))) {
      List<int[]> examples =
          Stream.generate(() -> random.ints(1 + random.nextInt(9), 0, VOCABULARY).toArray())
              .limit(8)
              .toList();
      List<float[]> alone =
          examples.stream().map(ids -> scores(tape, model, batch(List.of(ids), 0, 0))).toList();
      for (int fill : new int[] {0, 1, 7, 30}) {
        for (int more : new int[] {0, 4}) {
          float[] together = scores(tape, model, batch(examples, fill, more));
          for (int i = 0; i < examples.size(); i++) {
            int from = i * TinyModels.OUTPUTS;
            assertThat(Arrays.copyOfRange(together, from, from + TinyModels.OUTPUTS))
                .as("example %d filled up with %d", i, fill)
                .containsExactly(alone.get(i), within(2e-5f));
          }
        }
      }
    }
  }

  private static int offset(Architecture architecture) {
    return architecture.positionOffset(TinyModels.config(architecture));
  }

  private static ModelConfig withPad(ModelConfig config, OptionalInt pad) {
    return new ModelConfig(
        config.architecture(),
        config.sizes(),
        config.normEpsilon(),
        config.dropout(),
        pad,
        config.rope(),
        config.attentionBias(),
        config.mlpBias(),
        config.tiedEmbeddings(),
        config.initializerRange(),
        config.labels());
  }

  /** Rows filled up with a token to the longest one and some more. */
  private static Batch batch(List<int[]> examples, int fill, int more) {
    int rows = examples.size();
    int tokens = examples.stream().mapToInt(ids -> ids.length).max().orElseThrow() + more;
    int[] ids = new int[rows * tokens];
    Arrays.fill(ids, fill);
    int[] mask = new int[ids.length];
    for (int row = 0; row < rows; row++) {
      int[] example = examples.get(row);
      System.arraycopy(example, 0, ids, row * tokens, example.length);
      Arrays.fill(mask, row * tokens, row * tokens + example.length, 1);
    }
    return new Batch(rows, tokens, ids, mask, new int[ids.length], new float[rows], new int[rows]);
  }

  private static float[] scores(Tape tape, Model model, Batch batch) {
    tape.startEvaluation();
    Tensor logits = model.logits(tape, batch).value();
    float[] scores = new float[(int) logits.size()];
    tape.backend().read(logits, 0, scores, 0, scores.length);
    return scores;
  }
}
