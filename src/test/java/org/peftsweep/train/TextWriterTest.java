package org.peftsweep.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.peftsweep.GoldenCase;
import org.peftsweep.TestFolders;
import org.peftsweep.checkpoint.Checkpoint;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.Tape;
import org.peftsweep.data.Batch;
import org.peftsweep.data.Batches;
import org.peftsweep.data.Completion;
import org.peftsweep.data.Encoded;
import org.peftsweep.data.Padding;
import org.peftsweep.data.Seeds;
import org.peftsweep.data.Task;
import org.peftsweep.data.TokenizedExample;
import org.peftsweep.model.CheckpointWeights;
import org.peftsweep.model.Model;
import org.peftsweep.model.Models;

class TextWriterTest {
  private static final Path STORIES = TestFolders.shared("checkpoints").resolve("stories260k");

  private static List<int[]> write(
      Backend backend, int most, double temperature, long seed, int[]... prompts) {
    try (Checkpoint checkpoint = Checkpoint.open(STORIES);
        Tape tape = new Tape(backend);
        Model model =
            Models.build(
                checkpoint.config(),
                Task.NEXT_TOKEN,
                backend,
                new CheckpointWeights(checkpoint).forTrial(backend, new Seeds(0)))) {
      List<TokenizedExample> rows =
          Arrays.stream(prompts)
              .map(ids -> new TokenizedExample(0, new Encoded(ids, new int[ids.length]), 0))
              .toList();
      Batch batch =
          new Batches(rows.size(), 512, Padding.LONGEST, 1, 0)
              .batch(rows, IntStream.range(0, rows.size()).toArray());
      Completion how =
          new Completion(
              Completion.Form.PROMPT, Completion.LossOn.COMPLETIONS, most, temperature, 0.9);
      TextWriter writer = new TextWriter(how, Set.of(1, 2), 512, new SplittableRandom(seed));
      List<int[]> answers = new ArrayList<>();
      writer.write(tape, NextTokens.of(model), batch, answers::add);
      return answers;
    }
  }

  private static int[] story() {
    JsonNode ids = GoldenCase.json(STORIES.resolve("golden_greedy.json")).path("ids");
    return IntStream.range(0, ids.size()).map(i -> ids.get(i).asInt()).toArray();
  }

  @ParameterizedTest
  @ValueSource(strings = {"cpu", "nd4j"})
  void greedyTextIsThatOfLlama(String name) {
    int[] story = story();
    try (Backend backend = Backends.open(name, 1)) {
      int[] told = write(backend, story.length - 1, 0, 0, new int[] {1}).get(0);
      assertThat(told).isEqualTo(Arrays.copyOfRange(story, 1, story.length));
    }
  }

  @Test
  void rowsOfABatchAreWrittenAsEachAlone() {
    int[] story = story();
    int[][] prompts = {
      Arrays.copyOf(story, 12), {1}, Arrays.copyOf(story, 5), {1, 300, 301, 302}, {1, 403}
    };
    try (Backend backend = Backends.open("cpu", 1)) {
      List<int[]> together = write(backend, 40, 0, 0, prompts);
      for (int i = 0; i < prompts.length; i++) {
        assertThat(together.get(i)).isEqualTo(write(backend, 40, 0, 0, prompts[i]).get(0));
      }
      int[] rest = Arrays.copyOfRange(story, 12, 52);
      assertThat(together.get(0)).isEqualTo(rest);
    }
  }

  @Test
  void drawnTextsAreOfTheirSeed() {
    int[] begin = {1};
    try (Backend backend = Backends.open("cpu", 1)) {
      List<String> texts =
          Stream.of(3L, 3L, 4L)
              .map(seed -> Arrays.toString(write(backend, 20, 1, seed, begin).get(0)))
              .toList();
      assertThat(texts.get(0)).isEqualTo(texts.get(1)).isNotEqualTo(texts.get(2));
    }
  }

  @Test
  void tokensAreDrawnByTheirProbabilitiesWithinTheNucleus() {
    float[] logits = {1f, 3f, 2f, -1f, 2.5f};
    SplittableRandom random = new SplittableRandom(1);
    Map<Integer, Integer> drawn = new HashMap<>();
    int draws = 20_000;
    for (int i = 0; i < draws; i++) {
      drawn.merge(TokenChoice.of(logits, 0.7, 0.85, random), 1, Integer::sum);
    }
    double[] weights = new double[logits.length];
    Arrays.setAll(weights, i -> Math.exp(logits[i] / 0.7));
    // 1 and 4 have 0.82 of all, with 2 it is 0.98.
    double sum = weights[1] + weights[4] + weights[2];
    assertThat(drawn.keySet()).containsExactlyInAnyOrder(1, 2, 4);
    for (int token : drawn.keySet()) {
      assertThat(drawn.get(token) / (double) draws).isCloseTo(weights[token] / sum, within(0.015));
    }
    assertThat(TokenChoice.of(logits, 0, 1, random)).isEqualTo(1);
    assertThat(TokenChoice.of(logits, 5, 1e-9, random)).isEqualTo(1);
  }
}
