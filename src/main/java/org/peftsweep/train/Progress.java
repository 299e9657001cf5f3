package org.peftsweep.train;

/** Hears how a running trial goes on; called from the thread that trains. */
public interface Progress {
  /** After an optimizer step; {@code step} counts from 1. */
  void step(int step, int steps, double loss);

  /** After an evaluation. */
  void evaluated(Outcome.CurvePoint point);

  /** Hears nothing. */
  Progress SILENT =
      new Progress() {
        @Override
        public void step(int step, int steps, double loss) {}

        @Override
        public void evaluated(Outcome.CurvePoint point) {}
      };
}
