package org.peftsweep.train;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.BiFunction;
import java.util.stream.IntStream;
import org.peftsweep.data.Batches;
import org.peftsweep.data.Completions;
import org.peftsweep.data.Dataset;
import org.peftsweep.data.EvaluationSet;
import org.peftsweep.data.Example;
import org.peftsweep.data.Metric;
import org.peftsweep.data.Seeds;
import org.peftsweep.data.Task;
import org.peftsweep.data.TokenizedExample;
import org.peftsweep.data.Tokenizer;
import org.peftsweep.train.Outcome.Prediction;

/**
 * Examples as token ids, cut to one length, and what is to be learned from them.
 *
 * @param retained texts whose loss is measured beside the score
 */
record TokenisedTask(
    Objective objective,
    List<TokenizedExample> train,
    List<TokenizedExample> validation,
    List<Named> reported,
    Optional<Retained> retained) {
  /** One reported set. */
  record Named(String name, List<TokenizedExample> examples) {
    /** Returns the answers of an evaluation of it as rows of {@code predictions}. */
    List<Prediction> predictions(Evaluation evaluation) {
      return IntStream.range(0, evaluation.answers().size())
          .mapToObj(
              i -> {
                Evaluation.Answer answer = evaluation.answers().get(i);
                return new Prediction(
                    name,
                    examples.get(i).index(),
                    answer.label(),
                    answer.prediction(),
                    answer.score(),
                    answer.outputs());
              })
          .toList();
    }
  }

  /**
   * Texts that nothing learns from, and how their loss is measured.
   *
   * @param hash of the texts, which tells states of trials apart that measured others
   */
  record Retained(Objective objective, List<TokenizedExample> examples, String hash) {
    /** Whether there is any token that follows another and counts. */
    boolean hasTokens(Batches batches) {
      return batches.evaluation(examples).stream()
          .anyMatch(batch -> !objective.inputs(batch, new Seeds(0), -1).isEmpty());
    }
  }

  /** What messages call the rows that are trained on, and those held out of them. */
  static final String TRAIN = "train";

  /** A task beside which no retention is measured. */
  TokenisedTask(
      Objective objective,
      List<TokenizedExample> train,
      List<TokenizedExample> validation,
      List<Named> reported) {
    this(objective, train, validation, reported, Optional.empty());
  }

  /**
   * Cuts a dataset into tokens.
   *
   * @param packing whether texts of train are put together into rows of maxTokens
   */
  static TokenisedTask of(Dataset dataset, Tokenizer tokenizer, int maxTokens, boolean packing) {
    Task task = dataset.task();
    BiFunction<String, List<Example>, List<TokenizedExample>> cut =
        task.isCompletion()
            ? (set, examples) -> Completions.of(examples, task, set, tokenizer, maxTokens)
            : (set, examples) -> TokenizedExample.of(examples, tokenizer, maxTokens);
    List<TokenizedExample> train = cut.apply(TRAIN, dataset.train());
    return new TokenisedTask(
        objective(task, tokenizer, maxTokens),
        packing ? Completions.packed(train, maxTokens) : train,
        cut.apply(TRAIN, dataset.validation()),
        dataset.dev().stream()
            .map(set -> new Named(set.name(), cut.apply(set.name(), set.examples())))
            .toList());
  }

  private static Objective objective(Task task, Tokenizer tokenizer, int maxTokens) {
    if (task.isCompletion()) {
      return new CausalLanguageModelling(task, tokenizer, maxTokens);
    }
    return task.isRegression() ? new Regression(task) : new Classification(task);
  }

  /** Cuts the texts of all reported sets of a dataset into tokens. */
  static Retained retained(Dataset dataset, Tokenizer tokenizer, int maxTokens) {
    List<Example> all = new ArrayList<>();
    for (EvaluationSet set : dataset.dev()) {
      for (Example example : set.examples()) {
        all.add(new Example(all.size(), example.first(), example.second(), example.label()));
      }
    }
    Task task = dataset.task().scoredBy(List.of(Metric.TOKEN_ACCURACY, Metric.LOSS));
    return new Retained(
        new CausalLanguageModelling(task, tokenizer, maxTokens),
        Completions.of(all, task, "the reported sets", tokenizer, maxTokens),
        Datasets.contentHash(dataset));
  }

  /** Returns the same with texts whose loss is measured beside the score. */
  TokenisedTask with(Retained texts) {
    return new TokenisedTask(objective, train, validation, reported, Optional.of(texts));
  }

  /** Counts rows without a token that is to be told; labels are always to be told. */
  long silent(List<TokenizedExample> rows, Batches batches) {
    return rows.stream()
        .map(row -> batches.batch(List.of(row), new int[] {0}))
        .filter(batch -> objective.inputs(batch, new Seeds(0), -1).isEmpty())
        .count();
  }

  /** Returns the same without the sets that only an evaluation may look at. */
  TokenisedTask withoutReported() {
    return new TokenisedTask(objective, train, validation, List.of(), retained);
  }
}
