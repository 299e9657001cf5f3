package org.peftsweep.train;

import java.util.List;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Var;
import org.peftsweep.data.Batch;
import org.peftsweep.data.Batches;
import org.peftsweep.data.Seeds;
import org.peftsweep.method.adapter.InitCache;
import org.peftsweep.model.Model;
import org.peftsweep.spec.TaskSource;
import org.peftsweep.spec.Trial;

/** What methods may look at before the first step, the same for all seeds. */
final class Preparations {
  private Preparations() {}

  /** Returns the first batches, in an order that no trial's seed changes. */
  static List<Batch> first(Batches batches, TokenisedTask data, TaskSource task) {
    return batches.train(data.train(), new Seeds(task.dataSeed()), 0);
  }

  /** Returns what methods that start from gradients hold a model to. */
  static InitCache.Loss loss(TokenisedTask data, TaskSource task) {
    return new LossOfStart(data.objective(), new Seeds(task.dataSeed()));
  }

  /** Returns preparations that take the memory of a trial's and compute nothing. */
  static InitCache rehearsal(Trial trial, TokenisedTask data, int padId) {
    TaskSource task = trial.task();
    return InitCache.rehearsal(
        () -> first(Assembly.batches(trial.training(), padId), data, task), loss(data, task));
  }

  private record LossOfStart(Objective objective, Seeds seeds) implements InitCache.Loss {
    private Inputs inputs(Batch batch) {
      return objective.inputs(batch, seeds, -1);
    }

    @Override
    public Var outputs(Tape tape, Model model, Batch batch) {
      Inputs inputs = inputs(batch);
      return inputs.positions() == null
          ? model.logits(tape, inputs.batch())
          : model.logits(tape, inputs.batch(), inputs.positions());
    }

    @Override
    public Tensor of(Tape tape, Var outputs, Batch batch) {
      return objective.loss(tape, outputs, () -> inputs(batch));
    }
  }
}
