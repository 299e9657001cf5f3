package org.peftsweep.train;

import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import org.peftsweep.checkpoint.SafeTensorsWriter;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.GpuReading;
import org.peftsweep.method.ImpossibleSettingException;
import org.peftsweep.method.adapter.AdapterLayout;
import org.peftsweep.method.adapter.InitCache;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.model.Model;
import org.peftsweep.model.PrefixCache;
import org.peftsweep.model.Role;
import org.peftsweep.model.TrainedTensors;
import org.peftsweep.model.Weights;
import org.peftsweep.spec.AdapterSource;
import org.peftsweep.spec.ModelSource;
import org.peftsweep.spec.Phase;
import org.peftsweep.spec.TaskSource;
import org.peftsweep.spec.Training;
import org.peftsweep.spec.Trial;
import org.peftsweep.train.Outcome.CurvePoint;
import org.peftsweep.train.Outcome.Status;

/** Runs one trial on one backend. */
public final class TrialRun {
  private final Library library;
  private final Backend backend;

  public TrialRun(Library library, Backend backend) {
    this.library = library;
    this.backend = backend;
  }

  /** Trains on no limits. */
  public Outcome run(Trial trial, Progress progress) {
    return run(trial, RunLimits.FREE, progress);
  }

  /**
   * Trains and evaluates. A loss that is no number, a limit that has passed and want of memory are
   * outcomes; memory is free again once the backend is closed.
   *
   * @throws IllegalArgumentException if the trial's settings do not fit its model or data
   * @throws StoppedException if the limits stop it
   */
  public Outcome run(Trial trial, RunLimits limits, Progress progress) {
    try (Pack pack = Pack.alone(backend)) {
      return run(trial, limits, progress, pack.lane(0));
    }
  }

  /** The same as a lane of a pack. */
  Outcome run(Trial trial, RunLimits limits, Progress progress, Pack.Lane lane) {
    Record record = new Record();
    try (RunWatch watch = new RunWatch(limits)) {
      try {
        return run(trial, limits, watch, progress, record, lane)
            ? record.outcome(Status.FINISHED, null)
            : record.outcome(Status.STOPPED, "waits at step " + record.trainer.steps());
      } catch (Trainer.DivergedException e) {
        return record.outcome(Status.DIVERGED, e.getMessage());
      } catch (MemoryBudget.TooLargeException e) {
        return record.outcome(Status.OOM, e.getMessage());
      } catch (RuntimeException | Error e) {
        Optional<OutOfMemoryError> lack = outOfMemory(e);
        if (lack.isPresent()) {
          return record.outcome(Status.OOM, record.figures(lack.get()));
        }
        // What the deadline interrupts throws something of its own.
        if (watch.deadline().hasPassed() && !(e instanceof StoppedException)) {
          String limit = e instanceof Deadline.PassedException ? "" : watch.deadline() + ": ";
          return record.outcome(Status.TIMEOUT, limit + e.getMessage());
        }
        throw e;
      }
    }
  }

  /** Kernels that run on several threads wrap what they throw. */
  private static Optional<OutOfMemoryError> outOfMemory(Throwable failure) {
    for (Throwable at = failure; at != null; at = at.getCause()) {
      if (at instanceof OutOfMemoryError error) {
        return Optional.of(error);
      }
    }
    return Optional.empty();
  }

  /** Returns whether the trial came to its end. */
  private boolean run(
      Trial trial,
      RunLimits limits,
      RunWatch watch,
      Progress progress,
      Record record,
      Pack.Lane lane) {
    long start = System.nanoTime();
    Training training = trial.training();
    requireUnchanged(trial);
    new Preflight(library, backend.name()).require(trial);
    Base base = library.base(trial.model(), backend.place());
    TokenisedTask all = library.tokenised(trial);
    TokenisedTask data = trial.phase() == Phase.TUNING ? all.withoutReported() : all;
    record.loadSeconds = (System.nanoTime() - start) / 1e9;
    try {
      return train(trial, limits, watch, progress, record, base, data, lane);
    } catch (ImpossibleSettingException e) {
      throw e;
    } catch (IllegalArgumentException e) {
      // The settings fit: this is a fault of the program, not of the trial.
      throw new IllegalStateException(e.getMessage(), e);
    }
  }

  private boolean train(
      Trial trial,
      RunLimits limits,
      RunWatch watch,
      Progress progress,
      Record record,
      Base base,
      TokenisedTask data,
      Pack.Lane lane) {
    int padId = base.padId();
    AdapterLayout layout = library.layout(trial, base.config(), trial.task().task().outputs());
    PrefixCache prefixes =
        limits.cacheBytes() == 0 ? null : library.prefixes(trial.model(), backend.place(), limits);
    record.predicted =
        MemoryModel.predict(
            trial, base.config(), base::lacks, padId, data, layout, prefixes != null, backend);
    try (MemoryBudget.Share share =
        admit(trial, limits, watch.deadline(), record.predicted, lane)) {
      long start = System.nanoTime();
      Weights weights = base.weights(trial, backend, prefixes);
      InitCache prepared = library.preparations(trial, data, padId, backend.place());
      try (Assembly parts =
          Assembly.of(
              trial, base.config(), padId, data, weights, prepared, layout, backend, lane)) {
        library.startFromAdapter(trial, parts.model(), backend);
        record.count(parts.model(), parts.method());
        record.loadSeconds += (System.nanoTime() - start) / 1e9 - prepared.waited();
        record.prepared = prepared;
        Trainer trainer = new Trainer(parts, progress, watch);
        boolean isWhole = false;
        try {
          isWhole = trainer.run();
        } finally {
          record.take(trainer, parts.method());
        }
        if (isWhole) {
          keep(trial, layout, trainer.steps(), parts.model(), limits.sink());
        }
        return isWhole;
      }
    }
  }

  private MemoryBudget.Share admit(
      Trial trial, RunLimits limits, Deadline deadline, Footprint predicted, Pack.Lane lane) {
    if (limits.memory() == null) {
      return () -> {};
    }
    Object base = Library.baseKey(trial.model(), backend.place());
    Optional<MemoryBudget.Share> free = limits.memory().admitNow(predicted, base, lane.passes());
    if (free.isPresent()) {
      return free.get();
    }
    deadline.pause();
    try {
      return lane.outside(() -> limits.memory().admit(predicted, base, lane.passes()));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new StoppedException("Stopped while it waited for memory");
    } finally {
      deadline.resume();
    }
  }

  private void keep(Trial trial, AdapterLayout layout, int steps, Model model, TensorSink sink) {
    if (TrainedTensors.bytes(model) <= sink.mostBytes()) {
      SafeTensorsWriter tensors =
          new SafeTensorsWriter()
              .metadata(TensorSink.TRIAL, trial.toJson())
              .metadata(TensorSink.STEPS, Integer.toString(steps));
      if (!layout.isNone()) {
        tensors.metadata(TensorSink.LAYOUT, layout.toJson());
      }
      TrainedTensors.save(model, backend, tensors);
      sink.keep(tensors);
    }
  }

  /** What this machine reads must be what the trial's identity speaks of. */
  private void requireUnchanged(Trial trial) {
    ModelSource model = trial.model();
    if (!library.modelHash(model.location()).equals(model.contentHash())) {
      throw new IllegalArgumentException(
          "Cannot train on model "
              + model.location()
              + ": its files are not those that the sweep was planned with");
    }
    AdapterSource adapter = model.adapter();
    if (!adapter.isNone() && !library.modelHash(adapter.location()).equals(adapter.contentHash())) {
      throw new IllegalArgumentException(
          "Cannot start from adapter "
              + adapter.location()
              + ": its files are not those that the sweep was planned with");
    }
    TaskSource task = trial.task();
    if (!library.taskHash(task).equals(task.contentHash())) {
      throw new IllegalArgumentException(
          "Cannot train on "
              + task.task().name()
              + " of "
              + task.location()
              + ": its rows are not those that the sweep was planned with");
    }
  }

  /** What is known of a trial so far; unset parts stay null. */
  private final class Record {
    private final Optional<GpuReading> gpuAtStart = backend.gpu();
    private Long trainableParameters;
    private Long headParameters;
    private Long optimizerBytes;
    private Long peakBytes;
    private Footprint predicted;
    private Double loadSeconds;
    private InitCache prepared;
    private List<MethodHooks.LayerScore> layers = List.of();
    private SortedMap<String, Integer> ranks = Collections.emptySortedMap();
    private Trainer trainer;

    void count(Model model, MethodHooks method) {
      headParameters = learning(model, method, true);
      trainableParameters = learning(model, method, false);
    }

    private static long learning(Model model, MethodHooks method, boolean ofHead) {
      return model.trainable().stream()
          .filter(parameter -> (parameter.role() == Role.HEAD) == ofHead)
          .mapToLong(method::learning)
          .sum();
    }

    void take(Trainer trainer, MethodHooks method) {
      this.trainer = trainer;
      optimizerBytes = trainer.measured().optimizerBytes();
      peakBytes = trainer.peakBytes();
      layers = method.layerScores(trainer.steps());
      ranks = method.ranks();
    }

    /** What was wanted beside what was foreseen, and what was there. */
    String figures(OutOfMemoryError lack) {
      String figures =
          "%s; predicted %s bytes outside the heap, seen %d, the heap may have %d"
              .formatted(
                  lack.getMessage(),
                  predicted == null ? "no" : predicted.heldBytes(),
                  backend.allocations().peakBytes(),
                  Runtime.getRuntime().maxMemory());
      return figures;
    }

    Outcome outcome(Status status, String reason) {
      Measured measured = trainer == null ? null : trainer.measured();
      List<CurvePoint> curve = measured == null ? List.of() : measured.curve();
      boolean counts = status == Status.FINISHED && !curve.isEmpty();
      CurvePoint best = counts ? Outcome.best(curve) : null;
      return new Outcome(
          status,
          best == null ? reason : undefined(best),
          best,
          counts ? curve.get(curve.size() - 1) : null,
          trainableParameters,
          headParameters,
          trainer == null ? null : trainer.steps(),
          measured == null || isUndefined(measured.lastLoss()) ? null : measured.lastLoss(),
          optimizerBytes,
          peakBytes,
          predicted == null ? null : predicted.peakBytes(),
          loadSeconds,
          prepared == null ? null : prepared.seconds(),
          prepared == null ? null : prepared.bytes(),
          measured == null ? null : measured.trainSeconds(),
          measured == null ? null : measured.evaluateSeconds(),
          null,
          null,
          backend.name(),
          backend.device(),
          backend.gpu().map(now -> now.since(gpuAtStart.orElse(now))).orElse(null),
          curve,
          counts ? measured.predictions() : List.of(),
          layers,
          ranks);
    }

    /** Says what is undefined of the point that counts, null for nothing. */
    private String undefined(CurvePoint best) {
      if (isUndefined(best.devScore())) {
        List<Outcome.Prediction> all = trainer.measured().predictions();
        boolean areLabelsAlike =
            all.stream().mapToDouble(Outcome.Prediction::label).distinct().count() <= 1;
        return "score undefined: the "
            + (areLabelsAlike ? "labels" : "predictions or labels")
            + " of a reported set are constant";
      }
      if (isUndefined(best.validationScore())) {
        return "validation score undefined at every step, so the last step counts: the labels or"
            + " predictions of the validation part are constant";
      }
      return null;
    }
  }

  private static boolean isUndefined(Double score) {
    return score != null && Double.isNaN(score);
  }
}
