package org.peftsweep.train;

import java.util.List;
import java.util.stream.Stream;
import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Tape;
import org.peftsweep.data.Seeds;
import org.peftsweep.method.Attachment;
import org.peftsweep.model.Model;
import org.peftsweep.model.Models;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.RandomWeights;
import org.peftsweep.model.Role;
import org.peftsweep.model.Weights;
import org.peftsweep.optim.AdamW;
import org.peftsweep.optim.Optimizer;
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
    long start = System.nanoTime();
    Record record = new Record();
    try {
      train(trial, progress, record, start);
      return record.outcome(Status.FINISHED, null);
    } catch (Trainer.DivergedException e) {
      return record.outcome(Status.DIVERGED, e.getMessage());
    }
  }

  private void train(Trial trial, Progress progress, Record record, long start) {
    Seeds seeds = new Seeds(trial.seed());
    Training training = trial.training();
    Base base = library.base(trial.model(), backend.name());
    TokenisedTask data = library.tokenised(trial.task(), trial.model(), base, training.maxTokens());
    requireFit(base, training, data);
    try (Tape tape = new Tape(backend);
        Model model =
            Models.build(
                base.config(), data.task().outputs(), backend, weights(trial, base, seeds))) {
      trial.method().attach(new Attachment(model, trial.targets(), backend, seeds));
      try (Optimizer optimizer = optimizer(trial, model)) {
        record.count(model, optimizer);
        record.loadSeconds = (System.nanoTime() - start) / 1e9;
        int padId = base.config().padTokenId().orElse(base.tokenizer().padId());
        Trainer trainer =
            new Trainer(training, data, padId, model, optimizer, tape, seeds, progress);
        try {
          trainer.run();
        } finally {
          record.take(trainer, tape);
        }
      }
    }
  }

  private Weights weights(Trial trial, Base base, Seeds seeds) {
    return trial.model().randomInit()
        ? new RandomWeights(backend, base.config().initializerRange(), seeds)
        : base.weights().forTrial(backend, seeds);
  }

  private Optimizer optimizer(Trial trial, Model model) {
    Training training = trial.training();
    return new AdamW(
        backend,
        model.trainable(),
        trial.rates(),
        new AdamW.Settings(
            training.beta1(), training.beta2(), training.epsilon(), training.weightDecay()));
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
    private Long ownBytes;
    private Long peakBytes;
    private Double loadSeconds;
    private Trainer trainer;

    void count(Model model, Optimizer optimizer) {
      List<Parameter> learning = model.trainable();
      headParameters = sizes(learning, true);
      trainableParameters = sizes(learning, false);
      optimizerBytes = optimizer.stateBytes();
      Stream<Parameter> all =
          Stream.concat(
              model.parameters().stream(),
              model.projections().stream()
                  .filter(linear -> linear.adapter() != null)
                  .flatMap(linear -> linear.adapter().parameters().stream()));
      ownBytes = all.mapToLong(Parameter::ownBytes).sum();
    }

    private static long sizes(List<Parameter> parameters, boolean ofHead) {
      return parameters.stream()
          .filter(parameter -> (parameter.role() == Role.HEAD) == ofHead)
          .mapToLong(Parameter::size)
          .sum();
    }

    void take(Trainer trainer, Tape tape) {
      this.trainer = trainer;
      peakBytes = ownBytes + optimizerBytes + tape.arena().peakBytes();
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
          trainer == null ? null : trainer.trainSeconds(),
          trainer == null ? null : trainer.evaluateSeconds(),
          backend.name(),
          backend.device(),
          curve,
          measured ? trainer.predictions() : List.of());
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
