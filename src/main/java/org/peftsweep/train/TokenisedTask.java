package org.peftsweep.train;

import java.util.List;
import org.peftsweep.data.Dataset;
import org.peftsweep.data.EvaluationSet;
import org.peftsweep.data.Task;
import org.peftsweep.data.TokenizedExample;
import org.peftsweep.data.Tokenizer;

/** Examples as token ids, cut to one length, and what is to be learned from them. */
record TokenisedTask(
    Objective objective,
    List<TokenizedExample> train,
    List<TokenizedExample> validation,
    List<Named> reported) {
  /** One reported set. */
  record Named(String name, List<TokenizedExample> examples) {}

  static TokenisedTask of(Dataset dataset, Tokenizer tokenizer, int maxTokens) {
    Task task = dataset.task();
    return new TokenisedTask(
        task.isRegression() ? new Regression(task) : new Classification(task),
        TokenizedExample.of(dataset.train(), tokenizer, maxTokens),
        TokenizedExample.of(dataset.validation(), tokenizer, maxTokens),
        dataset.dev().stream().map(set -> named(set, tokenizer, maxTokens)).toList());
  }

  /** Returns the same without the sets that only an evaluation may look at. */
  TokenisedTask withoutReported() {
    return new TokenisedTask(objective, train, validation, List.of());
  }

  private static Named named(EvaluationSet set, Tokenizer tokenizer, int maxTokens) {
    return new Named(set.name(), TokenizedExample.of(set.examples(), tokenizer, maxTokens));
  }
}
