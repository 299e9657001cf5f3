package org.peftsweep.train;

import java.util.List;
import java.util.function.Function;
import org.peftsweep.data.Completions;
import org.peftsweep.data.Dataset;
import org.peftsweep.data.Example;
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

  /**
   * Cuts a dataset into tokens.
   *
   * @param packing whether texts of train are put together into rows of maxTokens
   */
  static TokenisedTask of(Dataset dataset, Tokenizer tokenizer, int maxTokens, boolean packing) {
    Task task = dataset.task();
    Function<List<Example>, List<TokenizedExample>> cut =
        task.isCompletion()
            ? examples -> Completions.of(examples, task, tokenizer, maxTokens)
            : examples -> TokenizedExample.of(examples, tokenizer, maxTokens);
    return new TokenisedTask(
        objective(task, tokenizer, maxTokens),
        packing
            ? Completions.packed(cut.apply(dataset.train()), maxTokens)
            : cut.apply(dataset.train()),
        cut.apply(dataset.validation()),
        dataset.dev().stream()
            .map(set -> new Named(set.name(), cut.apply(set.examples())))
            .toList());
  }

  private static Objective objective(Task task, Tokenizer tokenizer, int maxTokens) {
    if (task.isCompletion()) {
      return new CausalLanguageModelling(task, tokenizer, maxTokens);
    }
    return task.isRegression() ? new Regression(task) : new Classification(task);
  }

  /** Returns the same without the sets that only an evaluation may look at. */
  TokenisedTask withoutReported() {
    return new TokenisedTask(objective, train, validation, List.of());
  }
}
