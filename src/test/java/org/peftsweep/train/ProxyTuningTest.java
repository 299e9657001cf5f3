package org.peftsweep.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.apache.commons.lang3.ArrayUtils;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.peftsweep.checkpoint.Architecture;
import org.peftsweep.checkpoint.Architectures;
import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.Tape;
import org.peftsweep.data.Batch;
import org.peftsweep.data.Completion;
import org.peftsweep.data.Seeds;
import org.peftsweep.data.Task;
import org.peftsweep.model.Gpt2Architecture;
import org.peftsweep.model.Model;
import org.peftsweep.model.Models;
import org.peftsweep.model.RandomWeights;
import org.peftsweep.model.TinyModels;

/**
 * Texts that three models write together. Large ones have 3 layers, small ones 2; every
 * architecture is large once, with a small one of another kind.
 */
class ProxyTuningTest {
  private static final int TOKENS = 50;
  private static final int MOST = 6;
  private static final List<int[]> PROMPTS = List.of(new int[] {7, 31, 4, 12, 9}, new int[] {3, 8});

  static Stream<Arguments> families() {
    return Architectures.all().stream()
        .filter(TinyModels::isDecoder)
        .flatMap(
            large ->
                Stream.of("cpu", "nd4j")
                    .map(
                        backend ->
                            Arguments.of(
                                large,
                                large instanceof Gpt2Architecture
                                    ? TinyModels.LLAMA
                                    : new Gpt2Architecture(),
                                backend)));
  }

  private static Model model(
      Architecture architecture, int layers, int vocabulary, int seed, Backend on) {
    ModelConfig config = TinyModels.config(architecture, layers, vocabulary, 32);
    return Models.build(config, Task.NEXT_TOKEN, on, new RandomWeights(on, 0.3, new Seeds(seed)));
  }

  private static List<List<Integer>> written(Tape tape, NextTokens tokens) {
    Completion how =
        new Completion(Completion.Form.PROMPT, Completion.LossOn.COMPLETIONS, MOST, 0, 1);
    List<List<Integer>> written = new ArrayList<>();
    new TextWriter(how, Set.of(), 32, new SplittableRandom(0))
        .write(
            tape,
            tokens,
            TextWriter.batch(PROMPTS, 32, 1),
            ids -> written.add(List.of(ArrayUtils.toObject(ids))));
    return written;
  }

  /** Returns the logits after the last of some tokens, by a pass over all of them. */
  private static float[] last(Tape tape, Model model, int... ids) {
    int[] seen = new int[ids.length];
    Arrays.fill(seen, 1);
    Batch batch =
        new Batch(1, ids.length, ids, seen, new int[ids.length], new float[1], new int[1]);
    tape.startEvaluation();
    int[] end = {ids.length - 1};
    return TinyModels.read(tape.backend(), model.logits(tape, batch, end).value());
  }

  @ParameterizedTest(name = "{0} by {1} on {2}")
  @MethodSource("families")
  void writesBySumsOfThreePasses(Architecture of, Architecture by, String name) {
    float scale = 0.75f;
    try (Backend backend = Backends.open(name, 1);
        Tape tape = new Tape(backend);
        Model large = model(of, 3, TOKENS + 8, 1, backend);
        Model tuned = model(by, 2, TOKENS, 2, backend);
        Model untuned = model(by, 2, TOKENS, 3, backend)) {
      ProxyTuning proxy = new ProxyTuning(large, tuned, untuned, scale);
      List<List<Integer>> wanted = new ArrayList<>();
      for (int[] prompt : PROMPTS) {
        int[] ids = prompt;
        for (int i = 0; i < MOST; i++) {
          float[] sums = Arrays.copyOf(last(tape, large, ids), TOKENS);
          float[] after = last(tape, tuned, ids);
          float[] before = last(tape, untuned, ids);
          for (int token = 0; token < TOKENS; token++) {
            sums[token] += scale * (after[token] - before[token]);
          }
          int[] seen = new int[ids.length];
          Arrays.fill(seen, 1);
          Batch batch =
              new Batch(1, ids.length, ids, seen, new int[ids.length], new float[1], new int[1]);
          tape.startEvaluation();
          int[] end = {ids.length - 1};
          assertThat(TinyModels.read(backend, proxy.at(tape, batch, end).value()))
              .containsExactly(sums, within(1e-5f));
          ids = ArrayUtils.add(ids, TokenChoice.mostLikely(sums));
        }
        wanted.add(
            List.of(ArrayUtils.toObject(Arrays.copyOfRange(ids, prompt.length, ids.length))));
      }
      assertThat(written(tape, proxy))
          .isEqualTo(wanted)
          .isNotEqualTo(written(tape, new ProxyTuning(large, tuned, untuned, 0)))
          .isNotEqualTo(written(tape, NextTokens.of(tuned)))
          .isNotEqualTo(written(tape, new ProxyTuning(large, untuned, tuned, scale)));
    }
  }

  @ParameterizedTest(name = "{0} by {1} on {2}")
  @MethodSource("families")
  void whatDoesNotDifferCancels(Architecture of, Architecture by, String name) {
    try (Backend backend = Backends.open(name, 1);
        Tape tape = new Tape(backend);
        Model large = model(of, 3, TOKENS, 1, backend);
        Model tuned = model(by, 2, TOKENS, 2, backend);
        Model untuned = model(by, 2, TOKENS, 3, backend);
        Model again = model(by, 2, TOKENS, 3, backend)) {
      List<List<Integer>> ofLarge = written(tape, NextTokens.of(large));
      List<List<Integer>> ofTuned = written(tape, NextTokens.of(tuned));
      assertThat(ofLarge).isNotEqualTo(ofTuned);
      assertThat(written(tape, new ProxyTuning(large, again, untuned, 1))).isEqualTo(ofLarge);
      assertThat(written(tape, new ProxyTuning(large, tuned, untuned, 0))).isEqualTo(ofLarge);
      assertThat(written(tape, new ProxyTuning(again, tuned, untuned, 1))).isEqualTo(ofTuned);
    }
  }
}
