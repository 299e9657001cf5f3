package org.peftsweep.bench;

import java.util.ArrayList;
import java.util.List;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.DenseWeight;
import org.peftsweep.compute.DryBackend;
import org.peftsweep.compute.ElementType;
import org.peftsweep.compute.Memory;
import org.peftsweep.compute.Plan;
import org.peftsweep.compute.QuantisedMatrix;
import org.peftsweep.compute.QuantisedWeight;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Var;
import org.peftsweep.compute.Weight;
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
  private final ElementType factors;
  private final ElementType matrices;
  private final Workload workload;
  private final Tape tape;
  private final Model model;
  private final List<Parameter> learning;
  private final Updates updates;
  private final Batch batch;
  private final int[] places;
  private final int[] labels;
  private Plan plan;
  private final List<Memory> base = new ArrayList<>();
  private long weightBytes = -1;

  /** Steps after which the compiler is done with the kernels of a step. */
  private static final int WARM_STEPS = 400;

  /**
   * Opens the engine in a JVM that has trained a small model before, as that of an executor has: a
   * few steps of a large one call some kernels too rarely for the compiler.
   */
  static EngineContender warm(
      String backend, ElementType factors, ElementType matrices, Workload workload) {
    try (EngineContender small =
        new EngineContender(
            Backends.open(backend, workload.threads()), factors, matrices, workload.small())) {
      for (int i = 0; i < WARM_STEPS; i++) {
        small.step();
      }
    }
    return new EngineContender(
        Backends.open(backend, workload.threads()), factors, matrices, workload);
  }

  /** Opens one with frozen weights in 32-bit floats. */
  EngineContender(Backend backend, ElementType factors, Workload workload) {
    this(backend, factors, ElementType.F32, workload);
  }

  /**
   * @param factors number format of the factors of products
   * @param matrices how frozen matrices are stored
   */
  EngineContender(Backend backend, ElementType factors, ElementType matrices, Workload workload) {
    this.backend = backend;
    this.factors = factors;
    this.matrices = matrices;
    this.workload = workload;
    this.tape = new Tape(backend);
    tape.multiplyIn(factors);
    this.batch = workload.batch();
    this.places = workload.places();
    this.labels = workload.classes();
    int outputs = workload.shape().writes() ? Task.NEXT_TOKEN : Workload.CLASSES;
    this.model =
        Models.build(
            workload.shape().config(), outputs, backend, new Drawn(backend, matrices, base));
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

  /** What products keep comes of a step on a backend that counts what others like it would. */
  @Override
  public long weightBytes() {
    if (weightBytes < 0) {
      long own = base.stream().mapToLong(memory -> Float.BYTES * memory.floats()).sum();
      Backend dry = DryBackend.like(backend);
      try (EngineContender counted = new EngineContender(dry, factors, matrices, workload)) {
        counted.step();
        weightBytes = own + DryBackend.packedBytes(dry);
      }
    }
    return weightBytes;
  }

  @Override
  public void close() {
    updates.close();
    tape.close();
    model.close();
    base.forEach(backend::free);
    backend.close();
  }

  private record Drawn(Backend backend, ElementType matrices, List<Memory> base)
      implements Weights {
    @Override
    public Weight base(String name, Fresh fresh, int... shape) {
      float[] values = Draws.values(name, fresh, shape);
      ElementType type = Weights.storage(matrices, shape);
      return new DenseWeight(filled(values, type, memory(type.floats(values.length)), shape));
    }

    @Override
    public Weight projection(String name, Fresh fresh, int out, int in) {
      if (!matrices.isQuantised()) {
        return base(name, fresh, out, in);
      }
      float[] values = Draws.values(name, fresh, out, in);
      return QuantisedWeight.of(
          matrices,
          memory(QuantisedMatrix.floats(matrices, out, in)),
          out,
          in,
          (from, to, count) -> System.arraycopy(values, (int) from, to, 0, count),
          backend);
    }

    private Memory memory(long floats) {
      Memory memory = backend.allocateShared(floats);
      base.add(memory);
      return memory;
    }

    @Override
    public Tensor head(String name, Fresh fresh, int... shape) {
      float[] values = Draws.values(name, fresh, shape);
      return filled(values, ElementType.F32, backend.allocate(values.length), shape);
    }

    private Tensor filled(float[] values, ElementType type, Memory memory, int... shape) {
      Tensor tensor = new Tensor(type, memory, 0, shape);
      backend.write(values, 0, tensor, 0, values.length);
      return tensor;
    }
  }
}
