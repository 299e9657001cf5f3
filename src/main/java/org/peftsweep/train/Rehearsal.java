package org.peftsweep.train;

import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.DryBackend;
import org.peftsweep.data.Seeds;
import org.peftsweep.method.Methods;
import org.peftsweep.method.adapter.AdapterLayout;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.InitCache;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.model.Model;
import org.peftsweep.model.Models;
import org.peftsweep.model.Role;
import org.peftsweep.model.Weights;
import org.peftsweep.spec.Trial;

/**
 * A trial's model with its method attached on a {@link DryBackend}: names and shapes of all that
 * learns, without values.
 */
record Rehearsal(Backend backend, Model model, MethodHooks method) implements AutoCloseable {
  static Rehearsal of(Trial trial, AdapterLayout layout, ModelConfig config, int outputs) {
    Backend dry = DryBackend.open();
    Weights blank = new MemoryModel.Blank(dry, name -> false, trial.model().weights().type());
    Model model = Models.build(config, outputs, dry, blank);
    AttachContext to =
        new AttachContext(
            model.within(trial.layers()),
            trial.targets(),
            dry,
            new Seeds(trial.seed()),
            InitCache.blank(),
            layout);
    return new Rehearsal(dry, model, Methods.attach(trial.method(), to));
  }

  /** Returns how many scalars learn besides the head. */
  long trainableParameters() {
    return model.trainable().stream()
        .filter(parameter -> parameter.role() != Role.HEAD)
        .mapToLong(method::learning)
        .sum();
  }

  @Override
  public void close() {
    method.close();
    model.close();
    backend.close();
  }
}
