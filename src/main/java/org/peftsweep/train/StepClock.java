package org.peftsweep.train;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
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
  private static final long NANOS = TimeUnit.MILLISECONDS.toNanos(7000);
  private static final int MOST_STEPS = 100_000;

  /**
   * What steps take.
   *
   * @param seconds of a step on a batch of average length; NaN for a trial that takes none
   * @param warmUpSeconds that the first steps took more, until the code was compiled
   */
  public record Timing(double seconds, double warmUpSeconds) {}

  private StepClock() {}

  /**
   * Times steps of a trial.
   *
   * @param backend that is opened for this alone
   */
  public static Timing time(Trial asked, Library library, Backend backend) {
    if (Workload.of(asked, library).steps() == 0) {
      return new Timing(Double.NaN, 0);
    }
    Trial trial = withManySteps(asked);
    Base base = library.base(trial.model(), backend.place());
    TokenisedTask data = library.tokenised(trial);
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
      double seconds = typical(trainer);
      double warmUp = Math.max(0, trainer.measured().trainSeconds() - trainer.steps() * seconds);
      // Rehearsed are the largest batches, and two passes of a step.
      int passes = trial.training().accumulate();
      return new Timing(
          seconds * share(trial.training(), data) * passes / Math.min(2, passes), warmUp);
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

  /** Returns the average length of batches, padded, over that of the longest. */
  private static double share(Training training, TokenisedTask data) {
    int[] tokens =
        data.train().stream().mapToInt(example -> example.encoded().tokens()).sorted().toArray();
    int longest = tokens.length == 0 ? 0 : tokens[tokens.length - 1];
    if (training.pad() == Padding.MAX || longest == 0) {
      return 1;
    }
    double mean =
        training.bucketBatches() > 1
            ? meanOfSorted(tokens, training.batch())
            : meanOfDrawn(tokens, training.batch());
    return mean / longest;
  }

  /** The mean of the longest of neighbours: what sorting leaves of padding. */
  private static double meanOfSorted(int[] sorted, int batch) {
    double sum = 0;
    int batches = 0;
    for (int last = Math.min(batch, sorted.length) - 1; last < sorted.length; last += batch) {
      sum += sorted[last];
      batches++;
    }
    return sum / batches;
  }

  /** What the longest of so many drawn ones is expected to be. */
  private static double meanOfDrawn(int[] sorted, int batch) {
    double expected = 0;
    double before = 0;
    for (int i = 0; i < sorted.length; i++) {
      double below = Math.pow((i + 1.0) / sorted.length, batch);
      expected += sorted[i] * (below - before);
      before = below;
    }
    return expected;
  }

  /**
   * Takes steps for a while and returns seconds of one in the middle group of the later half: the
   * first are slow until code is compiled, and others may use the machine meanwhile.
   */
  private static double typical(Trainer trainer) {
    long start = System.nanoTime();
    List<Double> groups = new ArrayList<>();
    int each = 1;
    while (groups.size() < 2 || System.nanoTime() - start < NANOS) {
      double before = trainer.measured().trainSeconds();
      int from = trainer.steps();
      trainer.rehearse(from + each);
      groups.add((trainer.measured().trainSeconds() - before) / (trainer.steps() - from));
      // A rehearsal also evaluates, which is not to be most of the time.
      each = Math.min(50, each * 2);
    }
    List<Double> later = new ArrayList<>(groups.subList(groups.size() / 2, groups.size()));
    Collections.sort(later);
    return later.get(later.size() / 2);
  }
}
