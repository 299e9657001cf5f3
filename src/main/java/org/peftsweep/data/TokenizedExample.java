package org.peftsweep.data;

import java.util.List;

/**
 * An example as token ids.
 *
 * @param index the example's row number
 * @param encoded ids with special tokens
 * @param label class id or value; NaN where unknown
 * @param answer the text that a language model is to write at its end; null where that is not asked
 */
public record TokenizedExample(int index, Encoded encoded, float label, String answer) {
  /** An example that has a label. */
  public TokenizedExample(int index, Encoded encoded, float label) {
    this(index, encoded, label, null);
  }

  /** Tokenizes a list in its order, each row cut to {@code maxTokens}. */
  public static List<TokenizedExample> of(
      List<Example> examples, Tokenizer tokenizer, int maxTokens) {
    return examples.stream()
        .map(
            example ->
                new TokenizedExample(
                    example.index(), tokenizer.encode(example, maxTokens), (float) example.label()))
        .toList();
  }
}
