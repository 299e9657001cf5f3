package org.peftsweep.optim;

import java.util.List;
import org.peftsweep.compute.AdamStep;
import org.peftsweep.compute.Moments;

/**
 * A step of all parameters that have a gradient, made by AdamW's kernel on scalars that are asked
 * for anew before each time that it runs.
 */
public final class PlannedStep {
  /** The scalars of one parameter. */
  interface Scalars {
    AdamStep next(double factor);
  }

  private final List<Moments> moments;
  private final List<Scalars> scalars;

  PlannedStep(List<Moments> moments, List<Scalars> scalars) {
    this.moments = List.copyOf(moments);
    this.scalars = List.copyOf(scalars);
  }

  /** Returns what the kernel reads and writes. */
  public List<Moments> moments() {
    return moments;
  }

  /**
   * Writes the scalars of the next step as the kernel reads them, {@link AdamStep#LENGTH} for each
   * parameter.
   *
   * @param factor the schedule's, on every learning rate
   */
  public void write(double factor, float[] to, int at) {
    for (int i = 0; i < scalars.size(); i++) {
      scalars.get(i).next(factor).write(to, at + AdamStep.LENGTH * i);
    }
  }
}
