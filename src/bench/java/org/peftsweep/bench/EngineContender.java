package org.peftsweep.bench;

import java.util.ArrayList;
import java.util.List;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.DenseWeight;
import org.peftsweep.compute.ElementType;
import org.peftsweep.compute.Memory;
import org.peftsweep.compute.Plan;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Weight;
import org.peftsweep.compute.Var;
import org.peftsweep.data.Batch;
import org.peftsweep.data.Seeds;
import org.peftsweep.data.Task;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Model;
import org.peftsweep.model.Models;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Weights;
import org.peftsweep.optim.AdamW;
import org.peftsweep.optim.Rates;
import org.peftsweep.optim.Updates;

/** This project's engine, stepping as the trainer does. */
final class EngineContender implements Contender {
  private final Backend backend;
  private final Tape tape;
  private final Model model;
  private final List<Parameter> learning;
  private final Updates updates;
  private final Batch batch;
  private final int[] places;
  private final int[] labels;
  private Plan plan;
  private final List<Memory> base = new ArrayList<>();

  /** Steps after which the compiler is done with the kernels of a step. */
  private static final int WARM_STEPS = 400;

  /**
   * Opens the engine in a JVM that has trained a small model before, as that of an executor has: a
   * few steps of a large one call some kernels too rarely for the compiler.
   */
  static EngineContender warm(String backend, ElementType factors, Workload workload) {
    try (EngineContender small =
        new EngineContender(Backends.open(backend, workload.threads()), factors, workload.small())) {
      for (int i = 0; i < WARM_STEPS; i++) {
        small.step();
      }
    }
    return new EngineContender(Backends.open(backend, workload.threads()), factors, workload);
  }

  /**
   * @param factors number format of the factors of products
   */
  EngineContender(Backend backend, ElementType factors, Workload workload) {
    this.backend = backend;
    this.tape = new Tape(backend);
    tape.multiplyIn(factors);
    this.batch = workload.batch();
    this.places = workload.places();
    this.labels = workload.classes();
    int outputs = workload.shape().writes() ? Task.NEXT_TOKEN : Workload.CLASSES;
    this.model =
        Models.build(workload.shape().config(), outputs, backend, new Drawn(backend, base));
    workload
        .method()
        .method()
        .attach(new AttachContext(model, Workload.TARGETS, backend, new Seeds(1)));
    for (Linear linear : model.projections()) {
      if (linear.adapter() != null) {
        linear.adapter().parameters().forEach(this::draw);
      }
    }
    this.learning = model.trainable();
    double rate = Workload.LEARNING_RATE;
    this.updates =
        new Updates(
            backend,
            learning,
            new Rates(rate, 1, rate, Rates.Grouping.ROLES),
            Workload.WEIGHT_DECAY,
            new AdamW(Workload.BETA1, Workload.BETA2, Workload.ADAM_EPSILON));
  }

  private void draw(Parameter parameter) {
    // A B of zeros would hide an update that is left out.
    if (parameter.name().endsWith(".weight")) {
      float[] values =
          Draws.values(parameter.name(), Weights.Fresh.NORMAL, parameter.value().shape());
      backend.write(values, 0, parameter.value(), 0, values.length);
    }
  }

  @Override
  public void step() {
    learning.forEach(parameter -> parameter.var().clearGradient());
    if (plan == null || !plan.isCurrent()) {
      tape.startPlanning(learning.stream().map(Parameter::var).toList(), 1);
      tape.crossEntropy(logits(), tape.ints(() -> labels));
      tape.backward();
      plan = tape.plan();
    } else {
      plan.run(1);
    }
    updates.step(1);
  }

  @Override
  public double loss() {
    tape.startEvaluation();
    return tape.number(tape.crossEntropy(logits(), tape.ints(() -> labels)));
  }

  private Var logits() {
    return places == null ? model.logits(tape, batch) : model.logits(tape, batch, places);
  }

  @Override
  public long nativeBytes() {
    return tape.arena().bytes()
        + updates.stateBytes()
        + model.parameters().stream().mapToLong(Parameter::ownBytes).sum();
  }

  @Override
  public void close() {
    updates.close();
    tape.close();
    model.close();
    base.forEach(backend::free);
    backend.close();
  }

  private record Drawn(Backend backend, List<Memory> base) implements Weights {
    @Override
    public Weight base(String name, Fresh fresh, int... shape) {
      float[] values = Draws.values(name, fresh, shape);
      Memory memory = backend.allocateShared(values.length);
      base.add(memory);
      return new DenseWeight(filled(values, memory, shape));
    }

    @Override
    public Tensor head(String name, Fresh fresh, int... shape) {
      float[] values = Draws.values(name, fresh, shape);
      return filled(values, backend.allocate(values.length), shape);
    }

    private Tensor filled(float[] values, Memory memory, int... shape) {
      Tensor tensor = new Tensor(memory, 0, shape);
      backend.write(values, 0, tensor, 0, values.length);
      return tensor;
    }
  }
}
