package org.peftsweep.train;

import java.util.Collections;
import java.util.List;
import java.util.SortedMap;
import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.checkpoint.SafeTensorsWriter;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Tape;
import org.peftsweep.data.Seeds;
import org.peftsweep.method.Attached;
import org.peftsweep.method.Attachment;
import org.peftsweep.method.Preparations;
import org.peftsweep.model.Model;
import org.peftsweep.model.Models;
import org.peftsweep.model.Role;
import org.peftsweep.model.TrainedTensors;
import org.peftsweep.optim.AdamW;
import org.peftsweep.optim.Optimizer;
import org.peftsweep.spec.AdapterSource;
import org.peftsweep.spec.ModelSource;
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

  /**
   * Trains and evaluates; a loss that is no number is an outcome of status {@link Status#DIVERGED}.
   *
   * @throws IllegalArgumentException if the trial's settings do not fit its model or data
   */
  public Outcome run(Trial trial, Progress progress) {
    return run(trial, progress, Keeper.NOTHING);
  }

  /** The same; a finished trial's trained tensors go to a keeper. */
  public Outcome run(Trial trial, Progress progress, Keeper keeper) {
    long start = System.nanoTime();
    Record record = new Record();
    try {
      train(trial, progress, keeper, record, start);
      return record.outcome(Status.FINISHED, null);
    } catch (Trainer.DivergedException e) {
      return record.outcome(Status.DIVERGED, e.getMessage());
    }
  }

  private void train(Trial trial, Progress progress, Keeper keeper, Record record, long start) {
    Seeds seeds = new Seeds(trial.seed());
    Training training = trial.training();
    requireUnchanged(trial);
    Base base = library.base(trial.model(), backend.name());
    TokenisedTask data = library.tokenised(trial.task(), trial.model(), base, training.maxTokens());
    requireFit(base, training, data);
    try (Tape tape = new Tape(backend);
        Model model =
            Models.build(
                base.config(), data.task().outputs(), backend, base.weights(trial, backend))) {
      int padId = base.config().padTokenId().orElse(base.tokenizer().padId());
      Preparations prepared = library.preparations(trial, data, padId, backend.name());
      Attachment to = new Attachment(model, trial.targets(), backend, seeds, prepared);
      trial.method().requireFit(model, trial.targets());
      try (Attached method = trial.method().attach(to);
          Optimizer optimizer = optimizer(trial, model, method)) {
        library.startFromAdapter(trial, model, backend);
        record.count(model, method);
        record.loadSeconds = (System.nanoTime() - start) / 1e9 - prepared.waited();
        record.prepared = prepared;
        Trainer trainer =
            new Trainer(training, data, padId, model, method, optimizer, tape, seeds, progress);
        try {
          trainer.run();
        } finally {
          record.take(trainer, method);
        }
        keep(trial, trainer.steps(), model, keeper);
      }
    }
  }

  private void keep(Trial trial, int steps, Model model, Keeper keeper) {
    if (TrainedTensors.bytes(model) <= keeper.mostBytes()) {
      SafeTensorsWriter tensors =
          new SafeTensorsWriter()
              .metadata(Keeper.TRIAL, trial.toJson())
              .metadata(Keeper.STEPS, Integer.toString(steps));
      TrainedTensors.save(model, backend, tensors);
      keeper.keep(tensors);
    }
  }

  private Optimizer optimizer(Trial trial, Model model, Attached method) {
    Training training = trial.training();
    return new AdamW(
        backend,
        model.trainable(),
        trial.rates(),
        new AdamW.Settings(
            training.beta1(), training.beta2(), training.epsilon(), training.weightDecay()),
        method.updates());
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

  private static void requireFit(Base base, Training training, TokenisedTask data) {
    ModelConfig config = base.config();
    int reserved = config.family().isEncoder() ? config.positionOffset() : 0;
    if (training.maxTokens() + reserved > config.sizes().positions()) {
      throw new IllegalArgumentException(
          "Cannot use max-tokens = "
              + training.maxTokens()
              + " with a model of "
              + (config.sizes().positions() - reserved)
              + " positions: give at most that");
    }
    if (base.tokenizer().vocabularyTokens() > config.sizes().vocabulary()) {
      throw new IllegalArgumentException(
          "Cannot use a tokenizer of "
              + base.tokenizer().vocabularyTokens()
              + " tokens with a model of "
              + config.sizes().vocabulary()
              + ": give the tokenizer that the model was trained with");
    }
    if (data.train().isEmpty()) {
      throw new IllegalArgumentException(
          "Cannot train " + data.task().name() + " on no examples: lower validation-fraction");
    }
  }

  /** What is known of a trial so far; unset parts stay null. */
  private final class Record {
    private Long trainableParameters;
    private Long headParameters;
    private Long optimizerBytes;
    private Long peakBytes;
    private Double loadSeconds;
    private Preparations prepared;
    private List<Attached.LayerScore> layers = List.of();
    private SortedMap<String, Integer> ranks = Collections.emptySortedMap();
    private Trainer trainer;

    void count(Model model, Attached method) {
      headParameters = learning(model, method, true);
      trainableParameters = learning(model, method, false);
    }

    private static long learning(Model model, Attached method, boolean ofHead) {
      return model.trainable().stream()
          .filter(parameter -> (parameter.role() == Role.HEAD) == ofHead)
          .mapToLong(method::learning)
          .sum();
    }

    void take(Trainer trainer, Attached method) {
      this.trainer = trainer;
      optimizerBytes = trainer.optimizerBytes();
      peakBytes = trainer.peakBytes();
      layers = method.layerScores(trainer.steps());
      ranks = method.ranks();
    }

    Outcome outcome(Status status, String reason) {
      List<CurvePoint> curve = trainer == null ? List.of() : trainer.curve();
      boolean measured = status == Status.FINISHED && !curve.isEmpty();
      return new Outcome(
          status,
          reason,
          measured ? best(curve) : null,
          measured ? curve.get(curve.size() - 1) : null,
          trainableParameters,
          headParameters,
          trainer == null ? null : trainer.steps(),
          trainer == null ? null : trainer.lastLoss(),
          optimizerBytes,
          peakBytes,
          loadSeconds,
          prepared == null ? null : prepared.seconds(),
          prepared == null ? null : prepared.bytes(),
          trainer == null ? null : trainer.trainSeconds(),
          trainer == null ? null : trainer.evaluateSeconds(),
          backend.name(),
          backend.device(),
          curve,
          measured ? trainer.predictions() : List.of(),
          layers,
          ranks);
    }

    /** The first point of the highest validation score; the last point without validation. */
    private static CurvePoint best(List<CurvePoint> curve) {
      CurvePoint best = curve.get(curve.size() - 1);
      if (best.validationScore() == null) {
        return best;
      }
      for (int i = curve.size() - 2; i >= 0; i--) {
        double score = curve.get(i).validationScore();
        if (score >= best.validationScore() || Double.isNaN(best.validationScore())) {
          best = curve.get(i);
        }
      }
      return best;
    }
  }
}
