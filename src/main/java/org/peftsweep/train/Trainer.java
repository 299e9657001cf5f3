package org.peftsweep.train;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.BiConsumer;
import java.util.function.DoubleSupplier;
import org.peftsweep.checkpoint.StateReader;
import org.peftsweep.checkpoint.StateWriter;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Var;
import org.peftsweep.data.Batch;
import org.peftsweep.data.Batches;
import org.peftsweep.data.Metric;
import org.peftsweep.data.Seeds;
import org.peftsweep.data.TokenizedExample;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.method.adapter.Probe;
import org.peftsweep.model.Model;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.TrainedTensors;
import org.peftsweep.optim.Schedule;
import org.peftsweep.optim.Updates;
import org.peftsweep.spec.Training;
import org.peftsweep.train.Outcome.CurvePoint;
import org.peftsweep.train.Outcome.Prediction;

/** The one training loop: steps, evaluations, and their record. */
final class Trainer {
  /** A loss or a gradient that is no number; further steps would only spread it. */
  static final class DivergedException extends RuntimeException {
    private static final long serialVersionUID = 1;

    DivergedException(String what, double value, int step) {
      super(what + " is " + value + " at step " + step);
    }
  }

  private final Training training;
  private final TokenisedTask data;
  private final Objective objective;
  private final Model model;
  private final List<Parameter> learning;
  private final MethodHooks method;
  private final Updates updates;
  private final Backend backend;
  private final Pack.Lane lane;
  private final Seeds seeds;
  private final Batches batches;
  private final Progress progress;
  private final RunWatch watch;
  private final Evaluator evaluator;
  private final Measured measured = new Measured();

  /** Tells texts of retention apart; empty for none. */
  private final String retention;

  private int step;
  private StepLosses unseen;
  private StepEnd end;

  /** Of a pass of the training; more than what is asked for where memory is to be told before. */
  private int leastPlaces;

  Trainer(Assembly parts, Progress progress, RunWatch watch) {
    this.training = parts.training();
    this.data = parts.data();
    this.objective = data.objective();
    this.model = parts.model();
    this.learning = model.trainable();
    this.method = parts.method();
    this.updates = parts.updates();
    this.backend = parts.backend();
    this.lane = parts.lane();
    this.seeds = parts.seeds();
    this.batches = parts.batches();
    this.retention = data.retained().map(TokenisedTask.Retained::hash).orElse("");
    this.progress = progress;
    this.watch = watch;
    this.evaluator = new Evaluator(parts, watch.deadline());
  }

  /**
   * Trains and evaluates to the end or to where the limits say, from the newest kept state on where
   * there is one.
   *
   * @return whether it came to the end
   * @throws StoppedException if the limits stop it; its state is kept
   * @throws Deadline.PassedException if it takes too long
   */
  boolean run() {
    try (StepLosses memory = new StepLosses(backend)) {
      begin(memory);
      return trainAndEvaluate();
    }
  }

  private void begin(StepLosses memory) {
    unseen = memory;
    end = new StepEnd(backend, learning, updates, training.clip(), memory);
  }

  private boolean trainAndEvaluate() {
    watch.restore(
        state -> {
          // What a first step has changed cannot be measured as it was before.
          if (retention.isEmpty() || retention.equals(state.text("retention", ""))) {
            restore(state);
          }
        });
    int perEpoch = stepsPerEpoch();
    int steps = steps(training, perEpoch);
    int warmup = Schedule.warmupSteps(steps, training.warmupFraction());
    int every = training.evaluateEvery() > 0 ? training.evaluateEvery() : perEpoch;
    evaluateWhereDue(perEpoch, every, steps);
    if (isOnRung(steps)) {
      return false;
    }
    for (int epoch = step / perEpoch; step < steps; epoch++) {
      List<Batch> order = batches.train(data.train(), seeds, epoch);
      method.beforeEpoch(epoch);
      int from = step % perEpoch * training.accumulate();
      for (; from < order.size() && step < steps; from += training.accumulate()) {
        stopIfAsked();
        int to = Math.min(order.size(), from + training.accumulate());
        double factor = training.schedule().factor(step, steps, warmup);
        step(order.subList(from, to), factor, steps);
        progress.step(step, steps, measured.lastLoss());
        evaluateWhereDue(perEpoch, every, steps);
        if (isOnRung(steps)) {
          return false;
        }
        if (step < steps && watch.isCheckpointDue()) {
          keep();
        }
      }
    }
    updates.showAverages();
    return true;
  }

  /** Keeps the state where the trial is to be compared with others before it goes on. */
  private boolean isOnRung(int steps) {
    boolean isOnRung = measured.isEvaluated(step) && watch.isOnRung(step, steps);
    if (isOnRung) {
      keep();
    }
    return isOnRung;
  }

  /** An evaluation that was broken off is made again. */
  private void evaluateWhereDue(int perEpoch, int every, int steps) {
    if (!measured.isEvaluated(step) && (step % every == 0 || step == steps)) {
      look();
      evaluate(step / (double) perEpoch);
    }
  }

  private void stopIfAsked() {
    watch.deadline().require();
    if (watch.isStopped()) {
      keep();
      throw new StoppedException("Stopped after step " + step);
    }
  }

  /**
   * Takes some steps, and one batch of an evaluation, on the largest batches of the first epoch: to
   * count memory on a backend that computes nothing.
   */
  void rehearse(int most) {
    try (StepLosses memory = new StepLosses(backend)) {
      begin(memory);
      rehearseSteps(most);
    }
  }

  private void rehearseSteps(int most) {
    rehearseEvaluations();
    int steps = steps(training, stepsPerEpoch());
    List<Batch> order = batches.train(data.train(), seeds, 0);
    Batch largest =
        order.stream()
            .limit((long) steps * training.accumulate())
            .max(Comparator.comparingInt(batch -> batch.ids().length))
            .orElse(null);
    leastPlaces = objective.mostPlaces(order, seeds);
    while (step < Math.min(most, steps)) {
      // Each step as of an epoch of its own, so that what learns by turns has its turn.
      method.beforeEpoch(step);
      step(Collections.nCopies(Math.min(2, training.accumulate()), largest), 1, steps);
    }
    if (objective.asksForPlaces()) {
      // An evaluation may hold something beside what the steps have left.
      rehearseEvaluations();
    }
  }

  private void rehearseEvaluations() {
    List<List<TokenizedExample>> sets = new ArrayList<>(List.of(data.validation()));
    data.reported().forEach(set -> sets.add(set.examples()));
    sets.forEach(set -> evaluator.rehearse(objective, set));
    data.retained().ifPresent(texts -> evaluator.rehearse(texts.objective(), texts.examples()));
  }

  private void keep() {
    look();
    updates.hideAverages();
    StateWriter state = new StateWriter();
    state.number("step", step);
    state.number("seconds", watch.deadline().seconds());
    state.text("retention", retention);
    measured.save(state, lane.arenaBytes());
    StateWriter parameters = state.under("parameters");
    TrainedTensors.of(model).forEach(p -> parameters.tensor(p.name(), p.value(), backend));
    method.save(state.under("method"));
    updates.save(state.under("optimizer"));
    watch.keep(step, state);
  }

  private void restore(StateReader state) {
    step = (int) state.wholeNumber("step");
    watch.deadline().add(state.number("seconds"));
    measured.restore(state, !retention.isEmpty());
    StateReader parameters = state.under("parameters");
    TrainedTensors.of(model).forEach(p -> parameters.tensor(p.name(), p.value(), backend));
    method.restore(state.under("method"));
    updates.restore(state.under("optimizer"));
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

  private void step(List<Batch> passes, double factor, int steps) {
    double start = lane.clock();
    method.beforeStep(step, steps, new Shown());
    updates.rest();
    learning.forEach(parameter -> parameter.var().clearGradient());
    end.begin(factor, passes.size());
    boolean isEnded = false;
    for (int pass = 0; pass < passes.size(); pass++) {
      watch.deadline().require();
      long number = (long) step * training.accumulate() + pass;
      Inputs inputs = objective.inputs(passes.get(pass), seeds, number).withPlaces(leastPlaces);
      if (!inputs.isEmpty()) {
        long seed = seeds.of("dropout", number);
        double share = 1.0 / passes.size();
        isEnded = end.joinsPass() && pass == passes.size() - 1;
        StepEnd own = isEnded ? end : null;
        pass(() -> lane.train(inputs, seed, share, unseen.loss(), own));
      }
    }
    step++;
    if (!isEnded) {
      end.run();
    }
    if (unseen.end()) {
      look();
    }
    end.update(isEnded);
    method.afterStep(step - 1, steps);
    measure();
    measured.trained(lane.clock() - start);
  }

  /** Takes up the losses that the backend has computed since the last look. */
  private void look() {
    unseen.look(
        (loss, norm, back) -> {
          if (!Double.isFinite(loss)) {
            throw new DivergedException("Loss", loss, step - back);
          }
          if (!Double.isFinite(norm)) {
            throw new DivergedException("Norm of the gradient", norm, step - back);
          }
          measured.step(loss, norm);
        });
  }

  /** Notes what is held at the end of a step, when gradients and optimizer state are there. */
  private void measure() {
    long own = model.allParameters().stream().mapToLong(Parameter::ownBytes).sum();
    long held = own + updates.stateBytes() + updates.scratchBytes() + method.stateBytes();
    measured.held(held, updates.stateBytes());
  }

  /** Shows a method what the model makes of training data. */
  private final class Shown implements Probe {
    @Override
    public DoubleSupplier draw(int examples, long draw) {
      return probe(examples, draw);
    }

    @Override
    public void states(Batch batch, BiConsumer<Tape, Var> see) {
      Inputs inputs = objective.inputs(batch, seeds, -1);
      pass(
          () ->
              lane.evaluate(
                  inputs, (tape, outputs) -> see.accept(tape, model.states(tape, batch))));
    }
  }

  private DoubleSupplier probe(int examples, long draw) {
    List<TokenizedExample> all = data.train();
    int[] order = seeds.permutation("probe " + draw, all.size());
    Batch batch = batches.batch(all, Arrays.copyOf(order, Math.min(examples, order.length)));
    Inputs inputs = objective.inputs(batch, seeds, -1 - draw);
    return () -> {
      double[] loss = new double[1];
      if (!inputs.isEmpty()) {
        pass(() -> loss[0] = lane.loss(inputs));
      }
      return loss[0];
    };
  }

  private void pass(Runnable pass) {
    watch.deadline().during(pass, lane::share);
  }

  private void evaluate(double epoch) {
    double start = lane.clock();
    SortedMap<String, Double> metrics = new TreeMap<>();
    if (updates.compareAverages()) {
      for (TokenisedTask.Named set : data.reported()) {
        evaluation(set.examples())
            .metrics()
            .forEach((name, value) -> metrics.put(set.name() + "/last/" + name, value));
      }
    }
    updates.showAverages();
    evaluateShown(start, epoch, metrics);
    updates.hideAverages();
  }

  private void evaluateShown(double start, double epoch, SortedMap<String, Double> metrics) {
    Double validation = data.validation().isEmpty() ? null : evaluation(data.validation()).score();
    Double score = data.reported().isEmpty() ? null : 0.0;
    List<Prediction> answers = new ArrayList<>();
    for (TokenisedTask.Named set : data.reported()) {
      Evaluation evaluation = evaluation(set.examples());
      evaluation.metrics().forEach((name, value) -> metrics.put(set.name() + "/" + name, value));
      score += evaluation.score() / data.reported().size();
      answers.addAll(set.predictions(evaluation));
    }
    Double retained =
        data.retained()
            .map(
                texts -> evaluator.evaluate(texts.objective(), texts.examples(), this::stopIfAsked))
            .map(evaluation -> evaluation.metrics().get(Metric.LOSS.id()))
            .orElse(null);
    double seconds = lane.clock() - start;
    CurvePoint point =
        new CurvePoint(
            step,
            epoch,
            measured.meanLoss(),
            validation,
            score,
            metrics,
            seconds,
            measured.meanNorm(),
            retained);
    measured.evaluated(point, answers);
    progress.evaluated(point);
  }

  private Evaluation evaluation(List<TokenizedExample> examples) {
    return evaluator.evaluate(objective, examples, this::stopIfAsked);
  }

  /** Returns what was measured so far. */
  Measured measured() {
    return measured;
  }

  int steps() {
    return step;
  }

  /** Returns the most memory that was held at once, in bytes. */
  long peakBytes() {
    if (measured.heldBytes() == 0) {
      measure();
    }
    return measured.heldBytes() + measured.arenaBytes(lane.arenaBytes());
  }
}
