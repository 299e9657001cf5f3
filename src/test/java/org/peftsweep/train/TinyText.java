package org.peftsweep.train;

import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.peftsweep.checkpoint.Architecture;
import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.compute.Backend;
import org.peftsweep.data.Batch;
import org.peftsweep.data.Batches;
import org.peftsweep.data.BpeTrainer;
import org.peftsweep.data.Padding;
import org.peftsweep.data.Seeds;
import org.peftsweep.data.TokenizedExample;
import org.peftsweep.data.Tokenizer;
import org.peftsweep.model.Model;
import org.peftsweep.model.RandomWeights;
import org.peftsweep.model.TinyModels;

/** Sixty short sentences of eight words, labels 0 to 2 by turns, and tiny models that read them. */
record TinyText(Tokenizer tokenizer, List<TokenizedExample> examples) implements AutoCloseable {
  private static final int TOKENS = 32;

  static TinyText of(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    List<String> words = List.of("red", "green", "blue", "dog", "cat", "runs", "sleeps", "fast");
    List<String> texts =
        IntStream.range(0, 60)
            .mapToObj(
                i ->
                    String.join(
                        " ",
                        random
                            .ints(2 + random.nextInt(7), 0, words.size())
                            .mapToObj(words::get)
                            .toList()))
            .toList();
    Tokenizer tokenizer = Tokenizer.ofJson(new BpeTrainer(280, 2).train(texts.stream()));
    return new TinyText(
        tokenizer,
        IntStream.range(0, texts.size())
            .mapToObj(i -> new TokenizedExample(i, tokenizer.encode(texts.get(i), TOKENS), i % 3))
            .toList());
  }

  /** Returns some of the examples as one batch. */
  Batch batch(int... rows) {
    return new Batches(rows.length, TOKENS, Padding.LONGEST, 1, tokenizer.padId())
        .batch(examples, rows);
  }

  /** Builds a model with the head of an objective, all of which is drawn. */
  Model model(Objective objective, Architecture architecture, Backend backend) {
    ModelConfig config =
        TinyModels.config(architecture, 2, tokenizer.vocabularyTokens(), TOKENS + 8);
    return objective.model(config, backend, new RandomWeights(backend, 0.2, new Seeds(3)));
  }

  @Override
  public void close() {
    tokenizer.close();
  }
}
