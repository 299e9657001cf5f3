package org.peftsweep.train;

import java.util.Comparator;
import java.util.List;
import java.util.function.Supplier;
import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Var;
import org.peftsweep.data.Batch;
import org.peftsweep.data.Seeds;
import org.peftsweep.data.TokenizedExample;
import org.peftsweep.model.Model;
import org.peftsweep.model.Weights;

/**
 * What is learned from examples: which head a model needs, what it reads of a batch, the loss of
 * its outputs, and how they are scored. The loop that trains knows nothing else of it.
 */
interface Objective {
  /** Builds a model with the head that is asked for. */
  Model model(ModelConfig config, Backend backend, Weights weights);

  /**
   * Returns what a pass of the training reads of a batch.
   *
   * @param pass counted from 0 over all steps; below 0 for passes that train nothing
   */
  Inputs inputs(Batch batch, Seeds seeds, long pass);

  /**
   * Whether a pass asks for outputs at some places of a batch, which differ from batch to batch.
   */
  default boolean asksForPlaces() {
    return false;
  }

  /** Returns the most places that are asked for in any of these batches. */
  default int mostPlaces(List<Batch> batches, Seeds seeds) {
    return !asksForPlaces()
        ? 0
        : batches.stream()
            .mapToInt(batch -> inputs(batch, seeds, -1).positions().length)
            .max()
            .orElse(0);
  }

  /**
   * Records the mean loss of a model's outputs on their tape.
   *
   * @param inputs asked for whenever the loss is computed, be it by a plan of the tape
   * @return where it will be
   */
  Tensor loss(Tape tape, Var outputs, Supplier<Inputs> inputs);

  /** Returns those examples of a set whose evaluation takes most memory, by batches of so many. */
  default List<TokenizedExample> largest(List<TokenizedExample> examples, int rows) {
    return examples.stream()
        .sorted(Comparator.comparingInt(example -> -example.encoded().tokens()))
        .limit(rows)
        .toList();
  }

  /** Begins an evaluation of a set, which draws the same each time. */
  Scorer scorer(List<TokenizedExample> examples, Seeds seeds);

  /** Writes text with the model that is trained. */
  interface Writing {
    /** Returns how many texts are to be written at a time. */
    int rows();

    /**
     * Goes on with texts.
     *
     * @param prompts token ids of each, one at least
     * @return the new token ids of each, without the one that ended it
     */
    List<int[]> write(List<int[]> prompts, TextWriter writer);
  }

  /** Hears a model's outputs batch by batch and scores them. */
  interface Scorer {
    /** Returns what the model is to read of the next batch. */
    Inputs inputs(Batch batch);

    /** Takes the outputs for these inputs. */
    void add(Tape tape, Var outputs, Inputs inputs);

    /** Writes what is to be scored besides, once all outputs were added; most do not. */
    default void write(Writing writing) {}

    /** Returns the scores of all that was added. */
    Evaluation evaluation();
  }
}
