package org.peftsweep.train;

import java.util.ArrayList;
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

/** Tells the class of whole inputs: cross-entropy, the most likely class is the prediction. */
record Classification(Task task) implements Objective {
  @Override
  public Model model(ModelConfig config, Backend backend, Weights weights) {
    return Models.build(config, task.outputs(), backend, weights);
  }

  @Override
  public Inputs inputs(Batch batch, Seeds seeds, long pass) {
    int[] classes = new int[batch.rows()];
    for (int i = 0; i < classes.length; i++) {
      classes[i] = (int) batch.labels()[i];
    }
    return new Inputs(batch, null, classes);
  }

  @Override
  public Tensor loss(Tape tape, Var outputs, Supplier<Inputs> inputs) {
    return tape.crossEntropy(outputs, tape.ints(() -> inputs.get().classes()));
  }

  @Override
  public Scorer scorer(List<TokenizedExample> examples, Seeds seeds) {
    return new TaskScorer(task, this, examples, seeds, Classification::answer);
  }

  private static Answer answer(double label, float[] outputs) {
    int best = 0;
    for (int i = 1; i < outputs.length; i++) {
      best = outputs[i] > outputs[best] ? i : best;
    }
    double sum = 0;
    for (float output : outputs) {
      sum += Math.exp(output - outputs[best]);
    }
    List<Double> logits = new ArrayList<>(outputs.length);
    for (float output : outputs) {
      logits.add((double) output);
    }
    return new Answer(label, best, 1 / sum, logits);
  }
}
