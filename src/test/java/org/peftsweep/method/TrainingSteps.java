package org.peftsweep.method;

import java.util.function.BiConsumer;
import java.util.function.DoubleSupplier;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.HostKernels;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Var;
import org.peftsweep.data.Batch;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.method.adapter.Probe;
import org.peftsweep.model.Model;
import org.peftsweep.model.TinyModels;
import org.peftsweep.optim.AdamW;
import org.peftsweep.optim.Rates;
import org.peftsweep.optim.Updates;

/** Steps on random batches, with all that a method asks to be called for. */
final class TrainingSteps {
  private TrainingSteps() {}

  static Updates updates(Model model, MethodHooks method, Backend backend) {
    return new Updates(
        backend,
        model.trainable(),
        new Rates(1e-2, 2, 1e-2, Rates.Grouping.ROLES),
        0.01,
        new AdamW(0.9, 0.99, 1e-8),
        method.updates());
  }

  static void take(Model model, MethodHooks method, Updates updates, Tape tape, int steps) {
    for (int step = 0; step < steps; step++) {
      take(model, method, updates, tape, step, steps);
    }
  }

  static void take(
      Model model, MethodHooks method, Updates updates, Tape tape, int step, int steps) {
    Probe probe =
        new Probe() {
          @Override
          public DoubleSupplier draw(int examples, long draw) {
            return () -> evaluate(model, tape, TinyModels.batch(1000 + draw));
          }

          @Override
          public void states(Batch of, BiConsumer<Tape, Var> see) {
            tape.startEvaluation();
            see.accept(tape, model.states(tape, of));
          }
        };
    method.beforeStep(step, steps, probe);
    updates.rest();
    model.trainable().forEach(parameter -> parameter.var().clearGradient());
    Batch batch = TinyModels.batch(step);
    tape.startTraining(step);
    HostKernels.crossEntropy(tape, model.logits(tape, batch), TinyModels.classes(batch));
    method.regularisers(tape).stream().mapToDouble(tape::number).sum();
    tape.backward();
    updates.receive();
    updates.step(1);
    method.afterStep(step, steps);
  }

  static double evaluate(Model model, Tape tape, Batch batch) {
    tape.startEvaluation();
    return HostKernels.crossEntropy(tape, model.logits(tape, batch), TinyModels.classes(batch));
  }
}
