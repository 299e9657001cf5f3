package org.peftsweep.sweep;

import java.util.List;
import java.util.Locale;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.peftsweep.compute.DeviceLostException;
import org.peftsweep.results.Samples;
import org.peftsweep.spec.Execution;
import org.peftsweep.spec.Phase;
import org.peftsweep.spec.TaskSource;
import org.peftsweep.spec.Trial;

/**
 * Trains nothing: a trial's score follows from its seed and ratio, so that scheduling can be tested
 * alone. Learning rates above 1 throw; one of 0.5 loses the device of its first start.
 */
public final class StandInEngine implements Engine {
  private static final double LOSES_ITS_DEVICE = 0.5;

  private final double shift;

  public StandInEngine() {
    this(0);
  }

  /** Adds to every score, as code does that gives other numbers. */
  public StandInEngine(double shift) {
    this.shift = shift;
  }

  @Override
  public String modelHash(String location, Configuration files) {
    return "ab".repeat(32);
  }

  @Override
  public String taskHash(TaskSource source, Configuration files) {
    return "cd".repeat(32);
  }

  @Override
  public List<String> taskNotices(TaskSource source, Configuration files) {
    return List.of();
  }

  @Override
  public List<String> requireAll(Execution execution, List<Trial> trials, Configuration files) {
    return List.of();
  }

  @Override
  public Forecast forecast(Execution execution, Configuration files) {
    return trial ->
        new Forecast.Size(
            1000 + trial.targets().size(), 56, Samples.RUNG_STEPS, 0.1 * (1 + trial.seed()));
  }

  @Override
  public TrialTask task(Execution execution) {
    double more = shift;
    return (trial, slot, progress) -> {
      Thread.sleep(100);
      if (trial.rates().learningRate() > 1) {
        throw new IllegalStateException(
            String.format(
                Locale.ROOT, "Cannot learn at %.1f: it is a lot", trial.rates().learningRate()));
      }
      if (trial.rates().learningRate() == LOSES_ITS_DEVICE
          && slot.checkpoints().getFileSystem(slot.files()).mkdirs(slot.checkpoints())
          && slot.checkpoints()
              .getFileSystem(slot.files())
              .createNewFile(new Path(slot.checkpoints(), "lost"))) {
        throw new DeviceLostException("Cannot run a kernel: CUDA reports ecc uncorrectable (214)");
      }
      double score = 0.5 + more + trial.rates().ratio() / 100 + trial.seed() / 1000.0;
      if (trial.training().maxSteps() == Samples.RUNG_STEPS) {
        return Samples.upTo(slot.until(), score);
      }
      return trial.phase() == Phase.TUNING ? Samples.tuned(score) : Samples.finished(score, 3);
    };
  }
}
