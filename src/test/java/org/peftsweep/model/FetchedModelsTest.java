package org.peftsweep.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.peftsweep.checkpoint.Checkpoint;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.Tape;
import org.peftsweep.data.Batch;
import org.peftsweep.data.Batches;
import org.peftsweep.data.Padding;
import org.peftsweep.data.Seeds;
import org.peftsweep.data.TokenizedExample;
import org.peftsweep.data.Tokenizer;

/** Shows that the weights of fetched models are right: they know what such models know. */
class FetchedModelsTest {
  private static final int TOKENS = 32;

  /** Read once for all sentences: weights of a base stay until the process ends. */
  private static CheckpointWeights bert;

  @AfterAll
  static void closeFiles() {
    if (bert != null) {
      bert.checkpoint().close();
    }
  }

  @ParameterizedTest
  @CsvSource({
    "the capital of france is [MASK].,paris",
    "the capital of japan is [MASK].,tokyo",
    "she opened the [MASK] with her key.,door",
    "the grass in the meadow is [MASK].,green",
    "the opposite of hot is [MASK].,cold",
    "water freezes and turns into [MASK].,ice",
    "he drank a cup of hot [MASK] in the morning.,coffee",
    "dogs are animals that like to [MASK] at strangers.,bark",
    "the sun rises in the [MASK].,east",
    "shakespeare wrote many famous [MASK].,plays"
  })
  void bertFillsInTheMask(String sentence, String expected) {
    Path folder = fetched("bert-base-uncased");
    if (bert == null) {
      bert = new CheckpointWeights(Checkpoint.open(folder));
    }
    try (Backend backend = Backends.open(Backends.DEFAULT, 2);
        Tokenizer tokenizer = Tokenizer.open(folder);
        Tape tape = new Tape(backend);
        Model model =
            Models.buildMasked(
                bert.checkpoint().config(), backend, bert.forTrial(backend, new Seeds(0)))) {
      Batch batch = batch(tokenizer, List.of(sentence));
      tape.startEvaluation();
      float[] scores =
          floats(backend, tape, model, batch, at(batch, tokenizer.maskId().orElseThrow()));
      assertThat(best(tokenizer, scores, 5)).contains(expected);
    }
  }

  @Test
  void sentencesThatMeanTheSameAreNearestForEachSentenceEncoder() {
    List<Path> folders =
        Stream.of("minilm", "bge-small-en-v15", "e5-small-v2")
            .map(FetchedModelsTest::folder)
            .filter(Files::isDirectory)
            .toList();
    assumeTrue(!folders.isEmpty(), "no sentence encoder is fetched: run jobs/fetch.sh minilm");
    List<String> sentences =
        List.of(
            "A man is playing a guitar.",
            "Someone plays an acoustic guitar on the street.",
            "The company's profits rose sharply last quarter.",
            "Earnings of the firm grew strongly in the past three months.",
            "Cats sleep most of the day.",
            "Felines spend many hours asleep.");
    for (Path folder : folders) {
      double[][] means = means(folder, sentences);
      for (int i = 0; i < means.length; i++) {
        int nearest = -1;
        for (int j = 0; j < means.length; j++) {
          boolean isNearer =
              nearest < 0 || cosine(means[i], means[j]) > cosine(means[i], means[nearest]);
          nearest = j != i && isNearer ? j : nearest;
        }
        assertThat(nearest).as(folder + ": " + sentences.get(i)).isEqualTo(i ^ 1);
      }
    }
  }

  /** Mean of the last layer's states over the tokens of each sentence. */
  private static double[][] means(Path folder, List<String> sentences) {
    try (Backend backend = Backends.open(Backends.DEFAULT, 2);
        Checkpoint checkpoint = Checkpoint.open(folder);
        Tokenizer tokenizer = Tokenizer.open(folder);
        Tape tape = new Tape(backend);
        Model model =
            Models.build(
                checkpoint.config(),
                2,
                backend,
                new CheckpointWeights(checkpoint).forTrial(backend, new Seeds(0)))) {
      Batch batch = batch(tokenizer, sentences);
      int width = checkpoint.config().sizes().hidden();
      double[][] means = new double[sentences.size()][width];
      model.trace(
          (layer, hidden) -> {
            if (layer == model.layers()) {
              float[] states = new float[(int) hidden.size()];
              backend.read(hidden, 0, states, 0, states.length);
              for (int at = 0; at < batch.mask().length; at++) {
                for (int i = 0; i < width; i++) {
                  means[at / batch.tokens()][i] += batch.mask()[at] * states[at * width + i];
                }
              }
            }
          });
      tape.startEvaluation();
      model.logits(tape, batch);
      return means;
    }
  }

  private static double cosine(double[] a, double[] b) {
    double product = 0;
    double first = 0;
    double second = 0;
    for (int i = 0; i < a.length; i++) {
      product += a[i] * b[i];
      first += a[i] * a[i];
      second += b[i] * b[i];
    }
    return product / Math.sqrt(first * second);
  }

  private static Batch batch(Tokenizer tokenizer, List<String> sentences) {
    List<TokenizedExample> examples = new ArrayList<>();
    for (String sentence : sentences) {
      examples.add(new TokenizedExample(examples.size(), tokenizer.encode(sentence, TOKENS), 0));
    }
    int[] rows = new int[sentences.size()];
    for (int i = 0; i < rows.length; i++) {
      rows[i] = i;
    }
    return new Batches(rows.length, TOKENS, Padding.LONGEST, 1, tokenizer.padId())
        .batch(examples, rows);
  }

  private static int at(Batch batch, int id) {
    int at = 0;
    while (batch.ids()[at] != id) {
      at++;
    }
    return at;
  }

  private static float[] floats(Backend backend, Tape tape, Model model, Batch batch, int place) {
    var logits = model.logits(tape, batch, new int[] {place}).value();
    float[] scores = new float[(int) logits.size()];
    backend.read(logits, 0, scores, 0, scores.length);
    return scores;
  }

  private static List<String> best(Tokenizer tokenizer, float[] scores, int count) {
    return java.util.stream.IntStream.range(0, scores.length)
        .boxed()
        .sorted((a, b) -> Float.compare(scores[b], scores[a]))
        .limit(count)
        .map(id -> tokenizer.decode(new int[] {id}).strip())
        .toList();
  }

  private static Path folder(String name) {
    return Path.of("output", "models", name);
  }

  private static Path fetched(String name) {
    assumeTrue(
        Files.isDirectory(folder(name)), () -> name + " is absent: run jobs/fetch.sh " + name);
    return folder(name);
  }
}
