package org.peftsweep.sweep;

import java.time.Duration;
import java.util.List;
import org.apache.hadoop.conf.Configuration;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.BlasLibrary;
import org.peftsweep.spec.Execution;
import org.peftsweep.spec.TaskSource;
import org.peftsweep.spec.Trial;
import org.peftsweep.train.CheckpointFolder;
import org.peftsweep.train.Library;
import org.peftsweep.train.MemoryBudget;
import org.peftsweep.train.Outcome;
import org.peftsweep.train.PackRun;
import org.peftsweep.train.Preflight;
import org.peftsweep.train.Progress;
import org.peftsweep.train.RunLimits;
import org.peftsweep.train.TrialRun;
import org.peftsweep.train.Workload;

/** The trainer of this project, for the scheduler. */
public final class TrainerEngine implements Engine {
  /** Of one thread of a processor with AVX2; only ratios of forecasts need to be right. */
  private static final double OPERATIONS_PER_SECOND = 3e10;

  private static final long MEBIBYTE = 1 << 20;

  /** Loading, and the fixed cost of small kernels. */
  private static final double SECONDS_PER_STEP = 2e-3;

  @Override
  public String modelHash(String location, Configuration files) {
    return Library.shared(files).modelHash(location);
  }

  @Override
  public String taskHash(TaskSource source, Configuration files) {
    return Library.shared(files).taskHash(source);
  }

  @Override
  public List<String> taskNotices(TaskSource source, Configuration files) {
    return Library.shared(files).dataset(source).notices();
  }

  @Override
  public List<String> requireAll(List<Trial> trials, Configuration files) {
    return new Preflight(Library.shared(files)).requireAll(trials);
  }

  @Override
  public Forecast forecast(Execution execution, Configuration files) {
    Library library = Library.shared(files);
    return trial -> {
      Workload work = Workload.of(trial, library);
      double seconds =
          work.operations() / (OPERATIONS_PER_SECOND * execution.threads())
              + SECONDS_PER_STEP * work.steps();
      return new Forecast.Size(
          work.trainableParameters(),
          work.headParameters(),
          work.steps(),
          seconds,
          PackRun.base(trial));
    };
  }

  @Override
  public TrialTask task(Execution execution) {
    return new Task(
        execution.backend(),
        execution.threads(),
        execution.blas(),
        execution.memoryBytes(),
        execution.cacheBytes(),
        execution.timeLimit(),
        execution.checkpointEvery(),
        execution.keepMebibytes());
  }

  /** Trains on a backend of its own; base weights and data are shared by all tasks of the JVM. */
  private record Task(
      String backend,
      Integer threads,
      BlasLibrary blas,
      long memoryBytes,
      long cacheBytes,
      Duration timeLimit,
      Duration checkpointEvery,
      int keepMebibytes)
      implements TrialTask {
    private static final long serialVersionUID = 1;

    @Override
    public Outcome run(Trial trial, Slot slot, Progress progress) {
      try (Backend opened = Backends.open(backend, threads, blas)) {
        return new TrialRun(Library.shared(slot.files()), opened)
            .run(trial, limits(slot), progress);
      }
    }

    @Override
    public TrialPack pack(String name, int lanes, Slot slot) {
      Library library = Library.shared(slot.files());
      Backend passes = Backends.open(backend, threads, blas);
      PackRun pack = new PackRun(name, lanes, library, passes);
      return new TrialPack() {
        @Override
        public Outcome run(int lane, Trial trial, Slot own, Progress progress) {
          try (Backend opened = Backends.open(backend, threads, blas)) {
            return pack.run(lane, trial, opened, limits(own), progress);
          }
        }

        @Override
        public void close() {
          pack.close();
          passes.close();
        }
      };
    }

    private RunLimits limits(Slot slot) {
      return new RunLimits(
          timeLimit,
          MemoryBudget.shared(memoryBytes),
          new CheckpointFolder(slot.checkpoints(), slot.files()),
          checkpointEvery,
          slot.isStopped(),
          cacheBytes,
          slot.sink().upTo(keepMebibytes * MEBIBYTE));
    }
  }
}
