package org.peftsweep.sweep;

import static java.util.stream.Collectors.toList;

import java.time.Duration;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.hadoop.conf.Configuration;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.BlasLibrary;
import org.peftsweep.method.Methods;
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
import org.peftsweep.train.StepClock;
import org.peftsweep.train.TrialRun;
import org.peftsweep.train.Workload;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The trainer of this project, for the scheduler. */
public final class TrainerEngine implements Engine {
  /** Of one thread of a processor with AVX2; only ratios of forecasts need to be right. */
  private static final double OPERATIONS_PER_SECOND = 3e10;

  private static final long MEBIBYTE = 1 << 20;
  private static final int MOST_TIMED = 2;

  /** Trials that are timed side by side: more would take as much memory as a sweep. */
  private static final int MOST_AT_ONCE = 4;

  private static final Logger LOG = LoggerFactory.getLogger(TrainerEngine.class);

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
  public List<String> requireAll(Execution execution, List<Trial> trials, Configuration files) {
    return new Preflight(Library.shared(files), execution.backend()).requireAll(trials);
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
  public Forecast measured(
      Execution execution,
      int slots,
      Configuration files,
      List<Trial> trials,
      Consumer<String> told) {
    Library library = Library.shared(files);
    Forecast forecast = forecast(execution, files);
    Map<String, Double> factors = new TreeMap<>();
    double warmUp = 0;
    for (Trial trial : representatives(trials)) {
      double expected = forecast.of(trial).seconds() / forecast.of(trial).steps();
      try {
        int copies = Math.min(Math.min(slots, trials.size()), MOST_AT_ONCE);
        StepClock.Timing timing = time(trial, copies, library, execution);
        double seconds = timing.seconds();
        warmUp = Math.max(warmUp, timing.warmUpSeconds());
        if (seconds > 0 && expected > 0) {
          factors.put(shape(trial), seconds / expected);
          told.accept(
              String.format(
                  Locale.ROOT,
                  "Timed here: %.3g s a step of %s on %s, batch %d",
                  seconds,
                  Methods.id(trial.method()),
                  trial.task().task().name(),
                  trial.training().batch()));
        }
      } catch (RuntimeException e) {
        // What cannot be timed is estimated, and fails where it is to run.
        LOG.debug("not timed: {}", e.getMessage());
      }
    }
    if (factors.isEmpty()) {
      return forecast;
    }
    double mean =
        Math.exp(factors.values().stream().mapToDouble(Math::log).average().orElseThrow());
    return new Measured(forecast, factors, mean, warmUp);
  }

  /**
   * A forecast whose seconds are those of this machine.
   *
   * @param factors of its seconds, by the shape of trials
   * @param mean of other shapes
   */
  private record Measured(
      Forecast forecast, Map<String, Double> factors, double mean, double warmUpSeconds)
      implements Forecast {
    @Override
    public Size of(Trial trial) {
      Size size = forecast.of(trial);
      return new Size(
          size.trainableParameters(),
          size.headParameters(),
          size.steps(),
          size.seconds() * factors.getOrDefault(shape(trial), mean),
          size.base());
    }
  }

  /** Times copies of a trial side by side; returns their means. */
  private static StepClock.Timing time(
      Trial trial, int copies, Library library, Execution execution) {
    List<StepClock.Timing> all =
        IntStream.range(0, copies)
            .mapToObj(
                i ->
                    CompletableFuture.supplyAsync(
                        () -> {
                          try (Backend opened =
                              Backends.open(
                                  execution.backend(), execution.threads(), execution.blas())) {
                            return StepClock.time(trial, library, opened);
                          }
                        },
                        task -> new Thread(task, "step clock " + i).start()))
            .toList()
            .stream()
            .map(CompletableFuture::join)
            .toList();
    return new StepClock.Timing(
        all.stream().mapToDouble(StepClock.Timing::seconds).average().orElse(Double.NaN),
        all.stream().mapToDouble(StepClock.Timing::warmUpSeconds).average().orElse(0));
  }

  /** Returns a trial of each of the commonest shapes. */
  private static List<Trial> representatives(List<Trial> trials) {
    Map<String, List<Trial>> shapes =
        trials.stream()
            .filter(trial -> trial.method().learns())
            .collect(Collectors.groupingBy(TrainerEngine::shape, LinkedHashMap::new, toList()));
    return shapes.values().stream()
        .sorted(Comparator.comparingInt((List<Trial> of) -> of.size()).reversed())
        .limit(MOST_TIMED)
        .map(of -> of.get(0))
        .toList();
  }

  /** What decides how many operations a second a trial does. */
  private static String shape(Trial trial) {
    return String.join(
        " ",
        trial.model().location(),
        Methods.id(trial.method()),
        "" + trial.training().batch(),
        "" + trial.training().maxTokens(),
        "" + trial.training().pad(),
        "" + trial.training().precision());
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
      try (Backend opened = open(slot)) {
        return new TrialRun(Library.shared(slot.files()), opened)
            .run(trial, limits(slot, opened), progress);
      }
    }

    @Override
    public TrialPack pack(String name, int lanes, Slot slot) {
      Library library = Library.shared(slot.files());
      Backend passes = open(slot);
      PackRun pack = new PackRun(name, lanes, library, passes);
      return new TrialPack() {
        @Override
        public Outcome run(int lane, Trial trial, Slot own, Progress progress) {
          try (Backend opened = open(slot)) {
            return pack.run(lane, trial, opened, limits(own, opened), progress);
          }
        }

        @Override
        public void close() {
          pack.close();
          passes.close();
        }
      };
    }

    /** Opens the backend on the GPU that the slot has, where it computes on GPUs. */
    private Backend open(Slot slot) {
      Backend opened = Backends.open(Backends.place(backend, slot.gpuAddress()), threads, blas);
      if (memoryBytes == 0) {
        opened.requireAlone();
      }
      return opened;
    }

    private RunLimits limits(Slot slot, Backend opened) {
      return new RunLimits(
          timeLimit,
          MemoryBudget.shared(opened, memoryBytes),
          new CheckpointFolder(slot.checkpoints(), slot.files()),
          checkpointEvery,
          slot.isStopped(),
          cacheBytes,
          slot.sink().upTo(keepMebibytes * MEBIBYTE),
          slot.until());
    }
  }
}
