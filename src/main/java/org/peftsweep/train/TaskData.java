package org.peftsweep.train;

import java.util.List;
import java.util.function.IntFunction;
import org.peftsweep.data.Batch;
import org.peftsweep.data.Batches;
import org.peftsweep.data.Padding;
import org.peftsweep.data.Seeds;
import org.peftsweep.data.TokenizedExample;
import org.peftsweep.dl4j.TaskIterator;
import org.peftsweep.spec.Trial;

/**
 * The data of a trial as Deeplearning4j reads it: tokenised and cut as the trial saw it, in rows as
 * long as its exported network takes.
 */
public final class TaskData {
  private final Trial trial;
  private final GraphExport export;
  private final TokenisedTask data;
  private final Batches batches;

  private TaskData(Trial trial, Base base, Library library) {
    this.trial = trial;
    this.export = new GraphExport(trial, base, null);
    this.data = library.tokenised(trial);
    this.batches =
        new Batches(
            trial.training().batch(),
            export.tokens(),
            Padding.MAX,
            trial.training().bucketBatches(),
            base.padId());
  }

  /**
   * Reads the data of a trial; no weights are read.
   *
   * @throws IllegalArgumentException if its rows have no labels
   */
  public static TaskData of(Trial trial, Library library) {
    GraphExport.requireLabels(trial);
    return new TaskData(trial, library.base(trial.model(), "cpu"), library);
  }

  /** Returns the batches to learn from, in the trial's order. */
  public TaskIterator train() {
    Seeds seeds = new Seeds(trial.seed());
    return iterator(epoch -> batches.train(data.train(), seeds, epoch));
  }

  /** Returns the batches of the validation set, empty where there is none. */
  public TaskIterator validation() {
    return evaluation(data.validation());
  }

  /**
   * Returns the batches of a reported set.
   *
   * @param name such as {@code dev}
   * @throws IllegalArgumentException if the task has none of that name
   */
  public TaskIterator reported(String name) {
    return evaluation(
        data.reported().stream()
            .filter(set -> set.name().equals(name))
            .findFirst()
            .orElseThrow(
                () ->
                    new IllegalArgumentException(
                        "Cannot read set %s: the task has %s"
                            .formatted(
                                name,
                                data.reported().stream().map(TokenisedTask.Named::name).toList())))
            .examples());
  }

  private TaskIterator evaluation(List<TokenizedExample> examples) {
    return iterator(epoch -> batches.evaluation(examples));
  }

  private TaskIterator iterator(IntFunction<List<Batch>> epochs) {
    return new TaskIterator(epochs, trial.task().task().outputs(), export.hasTypes());
  }
}
