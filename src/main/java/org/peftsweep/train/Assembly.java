package org.peftsweep.train;

import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.compute.Backend;
import org.peftsweep.data.Batches;
import org.peftsweep.data.Seeds;
import org.peftsweep.method.Methods;
import org.peftsweep.method.adapter.AdapterLayout;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.InitCache;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.model.Model;
import org.peftsweep.model.Weights;
import org.peftsweep.optim.Updates;
import org.peftsweep.spec.Training;
import org.peftsweep.spec.Trial;

/**
 * A trial put together on a backend. Where that fails half-way, what was allocated goes back with
 * the backend.
 */
record Assembly(
    Training training,
    TokenisedTask data,
    Batches batches,
    Seeds seeds,
    Backend backend,
    Pack.Lane lane,
    Model model,
    MethodHooks method,
    Updates updates)
    implements AutoCloseable {
  /**
   * Builds the model, attaches the method and makes the updates that it asks for.
   *
   * @param layout of the adapter that the trial starts from
   * @param lane of the pack that runs its passes
   */
  static Assembly of(
      Trial trial,
      ModelConfig config,
      int padId,
      TokenisedTask data,
      Weights weights,
      InitCache preparations,
      AdapterLayout layout,
      Backend backend,
      Pack.Lane lane) {
    Training training = trial.training();
    Seeds seeds = new Seeds(trial.seed());
    Batches batches = batches(training, padId);
    Model model = data.objective().model(config, backend, weights);
    Model adapted = model.within(trial.layers());
    MethodHooks method =
        Methods.attach(
            trial.method(),
            new AttachContext(adapted, trial.targets(), backend, seeds, preparations, layout));
    Updates updates =
        new Updates(
            backend,
            model.trainable(),
            trial.rates(),
            training.weightDecay(),
            training.optimizer(),
            method.updates());
    lane.with(model, method, data.objective()).multiplyIn(training.precision().factors());
    return new Assembly(training, data, batches, seeds, backend, lane, model, method, updates);
  }

  @Override
  public void close() {
    lane.close();
    updates.close();
    method.close();
    model.close();
  }

  /** Returns how a trial's examples become batches. */
  static Batches batches(Training training, int padId) {
    return new Batches(
        training.batch(), training.maxTokens(), training.pad(), training.bucketBatches(), padId);
  }
}
