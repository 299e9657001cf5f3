package org.peftsweep.train;

import java.util.List;
import org.peftsweep.compute.AdamStep;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Moments;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.model.Parameter;
import org.peftsweep.optim.GradientClip;
import org.peftsweep.optim.PlannedStep;
import org.peftsweep.optim.Updates;

/**
 * What a trial does with its gradients once the last pass of a step left them: the mean of the
 * passes, clipping, its updates.
 *
 * <p>Where AdamW's kernel is all of its updates, and nobody looks at losses before them, that is
 * part of the last pass and of its plan, one launch of each kernel for all lanes of the pass.
 * Elsewhere the trial does it behind the pass by {@link #run}.
 */
final class StepEnd {
  private final Backend backend;
  private final List<Parameter> learning;
  private final Updates updates;
  private final double most;
  private final StepLosses losses;
  private final boolean joinsPass;

  /** The schedule's, of the step at hand. */
  private double factor;

  private int passes;

  /**
   * Makes the end of a trial's steps.
   *
   * @param most largest norm of gradients left alone; 0 for no clipping
   */
  StepEnd(
      Backend backend, List<Parameter> learning, Updates updates, double most, StepLosses losses) {
    this.backend = backend;
    this.learning = learning;
    this.updates = updates;
    this.most = most;
    this.losses = losses;
    this.joinsPass = backend.stepsBetweenLooks() > 1 && updates.arePlannable();
  }

  /**
   * Begins a step.
   *
   * @param rateFactor the schedule's, on every learning rate
   * @param count passes of the step
   */
  void begin(double rateFactor, int count) {
    factor = rateFactor;
    passes = count;
  }

  /** Whether it is part of a step's last pass. */
  boolean joinsPass() {
    return joinsPass;
  }

  /** Returns the passes of the step, by which plans are told apart. */
  int passes() {
    return passes;
  }

  /** Does it by kernels of the trial's own backend; updates come with {@link #update}. */
  void run() {
    average(backend);
    updates.receive();
    GradientClip.apply(backend, learning, most, losses.norm());
    StepLosses.append(backend, List.of(losses));
  }

  /** Moves what learns, or counts that a pass has. */
  void update(boolean isMoved) {
    if (isMoved) {
      updates.advance();
    } else {
      updates.step(factor);
    }
  }

  private void average(Backend on) {
    if (passes > 1) {
      GradientClip.gradients(learning)
          .forEach(gradient -> on.scale(1f / passes, gradient, gradient));
    }
  }

  /** Ends steps of several trials in their pass, which has run back. */
  static void run(Tape tape, List<StepEnd> ends) {
    List<PlannedStep> steps = ends.stream().map(end -> end.updates.plan()).toList();
    List<List<Tensor>> gradients =
        ends.stream().map(end -> GradientClip.gradients(end.learning)).toList();
    List<Moments> moments = steps.stream().flatMap(step -> step.moments().stream()).toList();
    Tensor scalars =
        moments.isEmpty() ? null : tape.floats(() -> scalars(ends, steps, moments.size()));
    Backend on = tape.backend();
    ends.forEach(end -> end.average(on));
    on.clip(
        gradients,
        ends.stream().mapToDouble(end -> end.most).toArray(),
        ends.stream().map(end -> end.losses.norm()).toArray(Tensor[]::new));
    if (scalars != null) {
      on.adamW(moments, scalars.reshape(moments.size(), AdamStep.LENGTH));
    }
    StepLosses.append(on, ends.stream().map(end -> end.losses).toList());
  }

  private static float[] scalars(List<StepEnd> ends, List<PlannedStep> steps, int parameters) {
    float[] scalars = new float[AdamStep.LENGTH * parameters];
    int at = 0;
    for (int i = 0; i < steps.size(); i++) {
      steps.get(i).write(ends.get(i).factor, scalars, at);
      at += AdamStep.LENGTH * steps.get(i).moments().size();
    }
    return scalars;
  }
}
