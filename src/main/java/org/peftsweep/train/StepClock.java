package org.peftsweep.train;

import java.util.IntSummaryStatistics;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.peftsweep.compute.Backend;
import org.peftsweep.data.Padding;
import org.peftsweep.method.adapter.AdapterLayout;
import org.peftsweep.method.adapter.InitCache;
import org.peftsweep.spec.Training;
import org.peftsweep.spec.Trial;

/**
 * Times a few real steps of a trial: on its model and data, at its batch, with the backend that it
 * would run on.
 */
public final class StepClock {
  private static final long NANOS = TimeUnit.MILLISECONDS.toNanos(2500);
  private static final int MOST_STEPS = 100_000;

  private StepClock() {}

  /**
   * Returns seconds of a step on a batch of average length; NaN for a trial that takes none.
   *
   * @param backend that is opened for this alone
   */
  public static double secondsPerStep(Trial asked, Library library, Backend backend) {
    if (Workload.of(asked, library).steps() == 0) {
      return Double.NaN;
    }
    Trial trial = withManySteps(asked);
    Base base = library.base(trial.model(), backend.place());
    TokenisedTask data =
        library.tokenised(trial.task(), trial.model(), base, trial.training().maxTokens());
    AdapterLayout layout = library.layout(trial, base.config(), trial.task().task().outputs());
    try (Pack pack = Pack.alone(backend);
        Assembly parts =
            Assembly.of(
                trial,
                base.config(),
                base.padId(),
                data,
                base.weights(trial, backend),
                InitCache.blank(),
                layout,
                backend,
                pack.lane(0))) {
      Trainer trainer = new Trainer(parts, Progress.SILENT, new RunWatch(RunLimits.FREE));
      double seconds = fastest(trainer);
      // Rehearsed are the largest batches, and two passes of a step.
      int passes = trial.training().accumulate();
      return seconds * share(trial.training(), data) * passes / Math.min(2, passes);
    }
  }

  private static Trial withManySteps(Trial trial) {
    return new Trial(
        trial.model(),
        trial.task(),
        trial.method(),
        trial.targets(),
        trial.layers(),
        trial.rates(),
        trial.training().with(new TreeMap<>(Map.of("max-steps", MOST_STEPS))),
        trial.seed(),
        trial.phase(),
        trial.copy());
  }

  /** Returns the average length of inputs over the longest. */
  private static double share(Training training, TokenisedTask data) {
    IntSummaryStatistics tokens =
        data.train().stream().mapToInt(example -> example.encoded().tokens()).summaryStatistics();
    return training.pad() == Padding.MAX || tokens.getMax() <= 0
        ? 1
        : tokens.getAverage() / tokens.getMax();
  }

  /**
   * Takes steps for a while and returns seconds of one in the fastest group: the first are slow
   * until code is compiled, and others may use the machine meanwhile.
   */
  private static double fastest(Trainer trainer) {
    long start = System.nanoTime();
    double least = Double.POSITIVE_INFINITY;
    int each = 1;
    for (int group = 0; group < 2 || System.nanoTime() - start < NANOS; group++) {
      double before = trainer.trainSeconds();
      int from = trainer.steps();
      trainer.rehearse(from + each);
      least = Math.min(least, (trainer.trainSeconds() - before) / (trainer.steps() - from));
      // A rehearsal also evaluates, which is not to be most of the time.
      each = Math.min(50, each * 2);
    }
    return least;
  }
}
