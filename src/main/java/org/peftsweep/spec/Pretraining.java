package org.peftsweep.spec;

import java.util.List;

/**
 * How a small RoBERTa is made from text: its tokenizer, its shape, its masked-language-model training.
 *
 * @param name of the model
 * @param text {@code builtin} for the built-in generator, or files with one passage a line, two passages that
 *     belong together separated by a tab
 * @param passages lines to draw from the generator, or most lines to use of the files; 0 for all
 * @param vocabulary tokens of the byte-level BPE tokenizer, special ones and all 256 bytes included
 * @param maskFraction part of the tokens to predict; 80 % of them become the mask token, 10 % another token, 10 %
 *     stay (Devlin et al., arXiv:1810.04805, §3.1)
 * @param steps optimizer steps
 * @param batch passages a step
 * @param maxTokens longest passage, in tokens, special ones included
 */
public record Pretraining(
    String name,
    List<String> text,
    int passages,
    int vocabulary,
    Shape shape,
    double maskFraction,
    int steps,
    int batch,
    int maxTokens,
    double learningRate,
    double warmupFraction,
    double weightDecay,
    double clip,
    double beta1,
    double beta2,
    double epsilon,
    long seed) {
  /** Widths and counts of the encoder. */
  public record Shape(
      int hidden, int layers, int heads, int feedForward, int positions, double dropout) {}
}
