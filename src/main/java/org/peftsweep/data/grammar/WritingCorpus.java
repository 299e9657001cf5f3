package org.peftsweep.data.grammar;

import java.util.List;
import java.util.function.LongFunction;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.peftsweep.data.Seeds;

/**
 * Endless text to pretrain a language model on: documents of the {@link Corpus} as running text,
 * and sums of one step between them.
 *
 * @param settings the grammar, the same as that of the tasks
 * @param seed draws the documents, not the words
 */
public record WritingCorpus(GrammarSettings settings, long seed) {
  private static final double SUMS = 0.25;

  /** The first documents. */
  public Stream<String> documents(long count) {
    return documents(0, count);
  }

  /** So many documents from a number on. */
  Stream<String> documents(long first, long count) {
    LongFunction<List<String>> corpus = new Corpus(settings, seed).source();
    Seeds seeds = new Seeds(seed);
    Lexicon lexicon = Lexicon.of(settings);
    return LongStream.range(first, first + count)
        .mapToObj(
            number -> {
              Words words = new Words(lexicon, settings, seeds.random("sum " + number));
              return words.chance(SUMS)
                  ? Instructions.sum(words)
                  : String.join(" ; ", corpus.apply(number));
            });
  }
}
