package org.peftsweep.cli.gpu;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Random;
import java.util.Set;
import org.peftsweep.checkpoint.Architectures;
import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.checkpoint.Rope;
import org.peftsweep.compute.AdamStep;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.ElementType;
import org.peftsweep.compute.Plan;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.data.Batch;
import org.peftsweep.data.Seeds;
import org.peftsweep.method.Method;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.model.Model;
import org.peftsweep.model.Models;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Role;
import org.peftsweep.model.Weights;
import org.peftsweep.optim.AdamW;
import org.peftsweep.optim.PlannedStep;
import org.peftsweep.optim.Rates;
import org.peftsweep.optim.Updates;

/** Training steps of a model on one batch, as a trial takes them. */
final class CheckedSteps implements AutoCloseable {
  private static final Set<Role> TARGETS = Set.of(Role.QUERY, Role.VALUE);
  private static final int CLASSES = 2;
  private static final int PADDING = 1;
  private static final double RATE = 1e-3;

  /** A model and a batch whose rows are all full, without dropout. */
  record Shape(ModelConfig config, int rows, int tokens) {
    /** Makes that of an encoder. */
    static Shape encoder(
        int vocabulary, int width, int layers, int heads, int inner, int rows, int tokens) {
      return of(
          "roberta",
          new ModelConfig.Sizes(
              vocabulary, width, layers, heads, heads, width / heads, inner, tokens + 2, 1),
          rows,
          tokens);
    }

    /** Makes that of a decoder. */
    static Shape decoder(
        int vocabulary,
        int width,
        int layers,
        int heads,
        int keyHeads,
        int inner,
        int rows,
        int tokens) {
      return of(
          "llama",
          new ModelConfig.Sizes(
              vocabulary, width, layers, heads, keyHeads, width / heads, inner, tokens, 0),
          rows,
          tokens);
    }

    private static Shape of(String type, ModelConfig.Sizes sizes, int rows, int tokens) {
      Optional<Rope> rope =
          type.equals("llama") ? Optional.of(new Rope(10000, new Rope.None())) : Optional.empty();
      ModelConfig config =
          new ModelConfig(
              Architectures.of(type, "the check of a GPU"),
              sizes,
              1e-5,
              new ModelConfig.Dropout(0, 0, 0),
              OptionalInt.of(PADDING),
              rope,
              false,
              false,
              false,
              0.02,
              List.of("LABEL_0", "LABEL_1"));
      return new Shape(config, rows, tokens);
    }

    private Batch batch() {
      Random random = new Random(5);
      int vocabulary = config.sizes().vocabulary();
      int[] ids = random.ints((long) rows * tokens, PADDING + 1, vocabulary).toArray();
      int[] mask = new int[ids.length];
      Arrays.fill(mask, 1);
      float[] labels = new float[rows];
      int[] indices = new int[rows];
      for (int row = 0; row < rows; row++) {
        labels[row] = row % CLASSES;
        indices[row] = row;
      }
      return new Batch(rows, tokens, ids, mask, new int[ids.length], labels, indices);
    }
  }

  private final Backend backend;
  private final Tape tape;
  private final Model model;
  private final List<Parameter> learning;
  private final Updates updates;
  private final Batch batch;
  private final int[] labels;
  private Plan plan;

  /**
   * Builds the model.
   *
   * @param factors number format of the factors of products
   */
  CheckedSteps(Backend backend, Shape shape, Method method, ElementType factors, Weights weights) {
    this.backend = backend;
    this.tape = new Tape(backend);
    tape.multiplyIn(factors);
    this.batch = shape.batch();
    this.labels = new int[batch.rows()];
    Arrays.setAll(labels, row -> (int) batch.labels()[row]);
    this.model = Models.build(shape.config(), CLASSES, backend, weights);
    method.attach(new AttachContext(model, TARGETS, backend, new Seeds(1)));
    this.learning = model.trainable();
    this.updates =
        new Updates(
            backend,
            learning,
            new Rates(RATE, 1, RATE, Rates.Grouping.ROLES),
            0.01,
            new AdamW(0.9, 0.999, 1e-8));
  }

  /** Takes steps, the first by itself, the others as a plan; returns once the last one is done. */
  void take(int steps) {
    for (int i = 0; i < steps; i++) {
      learning.forEach(parameter -> parameter.var().clearGradient());
      if (plan == null || !plan.isCurrent()) {
        tape.startPlanning(learning.stream().map(Parameter::var).toList(), 1);
        tape.crossEntropy(model.logits(tape, batch), tape.ints(() -> labels));
        tape.backward();
        update();
        plan = tape.plan();
      } else {
        plan.run(1);
      }
      updates.advance();
    }
    backend.read(learning.get(0).value(), 0, new float[1], 0, 1);
  }

  private void update() {
    PlannedStep step = updates.plan();
    float[] scalars = new float[AdamStep.LENGTH * step.moments().size()];
    Tensor now =
        tape.floats(
            () -> {
              step.write(1, scalars, 0);
              return scalars;
            });
    tape.backend().adamW(step.moments(), now);
  }

  /** Returns the loss of the batch. */
  double loss() {
    tape.startEvaluation();
    return tape.number(tape.crossEntropy(model.logits(tape, batch), tape.ints(() -> labels)));
  }

  @Override
  public void close() {
    updates.close();
    tape.close();
    model.close();
  }
}
