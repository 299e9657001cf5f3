package org.peftsweep.train;

import java.util.List;
import java.util.function.Supplier;
import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Var;
import org.peftsweep.data.Batch;
import org.peftsweep.data.Seeds;
import org.peftsweep.data.Task;
import org.peftsweep.data.TokenizedExample;
import org.peftsweep.model.Model;
import org.peftsweep.model.Models;
import org.peftsweep.model.Weights;
import org.peftsweep.train.Evaluation.Answer;

/** Estimates a value of whole inputs: mean squared error, the output is the prediction. */
record Regression(Task task) implements Objective {
  private static final int[] NO_CLASSES = {};

  @Override
  public Model model(ModelConfig config, Backend backend, Weights weights) {
    return Models.build(config, task.outputs(), backend, weights);
  }

  @Override
  public Inputs inputs(Batch batch, Seeds seeds, long pass) {
    return new Inputs(batch, null, NO_CLASSES);
  }

  @Override
  public Tensor loss(Tape tape, Var outputs, Supplier<Inputs> inputs) {
    return tape.meanSquaredError(outputs, tape.floats(() -> inputs.get().batch().labels()));
  }

  @Override
  public Scorer scorer(List<TokenizedExample> examples, Seeds seeds) {
    return new TaskScorer(
        task,
        this,
        examples,
        seeds,
        (label, outputs) ->
            new Answer(label, outputs[0], outputs[0], List.of((double) outputs[0])));
  }
}
