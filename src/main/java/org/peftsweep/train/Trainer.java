package org.peftsweep.train;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.DoubleSupplier;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Var;
import org.peftsweep.data.Batch;
import org.peftsweep.data.Batches;
import org.peftsweep.data.Seeds;
import org.peftsweep.data.Task;
import org.peftsweep.data.TokenizedExample;
import org.peftsweep.method.Attached;
import org.peftsweep.model.Model;
import org.peftsweep.model.Parameter;
import org.peftsweep.optim.GradientClip;
import org.peftsweep.optim.Optimizer;
import org.peftsweep.optim.Schedule;
import org.peftsweep.spec.Training;
import org.peftsweep.train.Outcome.CurvePoint;
import org.peftsweep.train.Outcome.Prediction;

/** The one training loop: steps, evaluations, and their record. */
final class Trainer {
  /** A loss that is no number; further steps would only spread it. */
  static final class DivergedException extends RuntimeException {
    private static final long serialVersionUID = 1;

    DivergedException(int step, double loss) {
      super("Loss is " + loss + " at step " + step);
    }
  }

  private final Training training;
  private final TokenisedTask data;
  private final Task task;
  private final Model model;
  private final List<Parameter> learning;
  private final Attached method;
  private final Optimizer optimizer;
  private final Tape tape;
  private final Seeds seeds;
  private final Progress progress;
  private final Batches batches;
  private final List<CurvePoint> curve = new ArrayList<>();
  private final List<Prediction> predictions = new ArrayList<>();
  private int step;
  private double lastLoss = Double.NaN;
  private double trainSeconds;
  private double evaluateSeconds;
  private long optimizerBytes;
  private long heldBytes;

  Trainer(
      Training training,
      TokenisedTask data,
      int padId,
      Model model,
      Attached method,
      Optimizer optimizer,
      Tape tape,
      Seeds seeds,
      Progress progress) {
    this.training = training;
    this.data = data;
    this.task = data.task();
    this.model = model;
    this.learning = model.trainable();
    this.method = method;
    this.optimizer = optimizer;
    this.tape = tape;
    this.seeds = seeds;
    this.progress = progress;
    this.batches =
        new Batches(
            training.batch(),
            training.maxTokens(),
            training.pad(),
            training.bucketBatches(),
            padId);
  }

  /** Trains and evaluates to the end. */
  void run() {
    int perEpoch = stepsPerEpoch();
    int steps = steps(training, perEpoch);
    int warmup = Schedule.warmupSteps(steps, training.warmupFraction());
    int every = training.evaluateEvery() > 0 ? training.evaluateEvery() : perEpoch;
    double sum = 0;
    int summed = 0;
    evaluate(0, null, steps == 0);
    for (int epoch = 0; step < steps; epoch++) {
      List<Batch> order = batches.train(data.train(), seeds, epoch);
      for (int from = 0; from < order.size() && step < steps; from += training.accumulate()) {
        int to = Math.min(order.size(), from + training.accumulate());
        double factor = training.schedule().factor(step, steps, warmup);
        lastLoss = step(order.subList(from, to), factor, steps);
        sum += lastLoss;
        summed++;
        progress.step(step, steps, lastLoss);
        if (step % every == 0 || step == steps) {
          evaluate(step / (double) perEpoch, sum / summed, step == steps);
          sum = 0;
          summed = 0;
        }
      }
    }
  }

  private int stepsPerEpoch() {
    int passes = batches.perEpoch(data.train().size());
    return Math.max(1, (passes + training.accumulate() - 1) / training.accumulate());
  }

  /** Returns the number of optimizer steps of a trial. */
  static int steps(Training training, int perEpoch) {
    return training.maxSteps() > 0
        ? training.maxSteps()
        : (int) Math.ceil(training.epochs() * perEpoch);
  }

  private double step(List<Batch> passes, double factor, int steps) {
    long start = System.nanoTime();
    method.beforeStep(step, steps, this::probe);
    optimizer.rest();
    learning.forEach(parameter -> parameter.var().clearGradient());
    double loss = 0;
    for (int pass = 0; pass < passes.size(); pass++) {
      tape.startTraining(seeds.of("dropout", (long) step * passes.size() + pass));
      loss += (loss(passes.get(pass)) + method.regulariser(tape)) / passes.size();
      tape.backward();
    }
    step++;
    if (!Double.isFinite(loss)) {
      throw new DivergedException(step, loss);
    }
    if (passes.size() > 1) {
      average(passes.size());
    }
    optimizer.receive();
    GradientClip.apply(tape.backend(), learning, training.clip());
    optimizer.step(factor);
    method.afterStep(step - 1, steps);
    measure();
    trainSeconds += seconds(start);
    return loss;
  }

  /** Notes what is held at the end of a step, when gradients and optimizer state are there. */
  private void measure() {
    optimizerBytes = Math.max(optimizerBytes, optimizer.stateBytes());
    long own = model.allParameters().stream().mapToLong(Parameter::ownBytes).sum();
    long held = own + optimizer.stateBytes() + optimizer.scratchBytes() + method.stateBytes();
    heldBytes = Math.max(heldBytes, held);
  }

  private DoubleSupplier probe(int examples, long draw) {
    List<TokenizedExample> all = data.train();
    int[] order = seeds.permutation("probe " + draw, all.size());
    Batch batch = batches.batch(all, Arrays.copyOf(order, Math.min(examples, order.length)));
    return () -> {
      tape.startEvaluation();
      return loss(batch);
    };
  }

  private double loss(Batch batch) {
    Var logits = model.logits(tape, batch);
    if (task.isRegression()) {
      return tape.meanSquaredError(logits, batch.labels());
    }
    int[] classes = new int[batch.rows()];
    for (int i = 0; i < classes.length; i++) {
      classes[i] = (int) batch.labels()[i];
    }
    return tape.crossEntropy(logits, classes);
  }

  private void average(int passes) {
    for (Parameter parameter : learning) {
      if (parameter.var().hasGradient()) {
        var gradient = parameter.var().gradient();
        tape.backend().scale(1f / passes, gradient, gradient);
      }
    }
  }

  private void evaluate(double epoch, Double trainLoss, boolean last) {
    long start = System.nanoTime();
    Double validation =
        data.validation().isEmpty()
            ? null
            : Evaluation.of(model, tape, task, batches, data.validation()).score(task);
    SortedMap<String, Double> metrics = new TreeMap<>();
    Double score = data.reported().isEmpty() ? null : 0.0;
    for (TokenisedTask.Named set : data.reported()) {
      Evaluation evaluation = Evaluation.of(model, tape, task, batches, set.examples());
      metrics.putAll(evaluation.metrics(task, set.name()));
      score += evaluation.score(task) / data.reported().size();
      if (last) {
        keep(set, evaluation);
      }
    }
    double seconds = seconds(start);
    evaluateSeconds += seconds;
    CurvePoint point = new CurvePoint(step, epoch, trainLoss, validation, score, metrics, seconds);
    curve.add(point);
    progress.evaluated(point);
  }

  private void keep(TokenisedTask.Named set, Evaluation evaluation) {
    for (int i = 0; i < evaluation.labels().length; i++) {
      predictions.add(
          new Prediction(
              set.name(),
              set.examples().get(i).index(),
              evaluation.labels()[i],
              evaluation.predictions()[i],
              evaluation.scores()[i]));
    }
  }

  List<CurvePoint> curve() {
    return curve;
  }

  List<Prediction> predictions() {
    return predictions;
  }

  int steps() {
    return step;
  }

  /** Returns the most that the optimizer's state took, in bytes. */
  long optimizerBytes() {
    return optimizerBytes;
  }

  /** Returns the most memory that was held at once, in bytes. */
  long peakBytes() {
    if (heldBytes == 0) {
      measure();
    }
    return heldBytes + tape.arena().peakBytes();
  }

  /** Returns the loss of the last step, null before the first. */
  Double lastLoss() {
    return step == 0 ? null : lastLoss;
  }

  double trainSeconds() {
    return trainSeconds;
  }

  double evaluateSeconds() {
    return evaluateSeconds;
  }

  private static double seconds(long start) {
    return (System.nanoTime() - start) / 1e9;
  }
}
