package org.peftsweep.train;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.peftsweep.checkpoint.CheckpointException;
import org.peftsweep.checkpoint.StateReader;
import org.peftsweep.checkpoint.StateWriter;
import org.peftsweep.train.Outcome.CurvePoint;
import org.peftsweep.train.Outcome.Prediction;

/** What a trial's loop has measured so far, over all stops: losses, evaluations, time, memory. */
final class Measured {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final TypeReference<List<CurvePoint>> CURVE = new TypeReference<>() {};

  private final List<CurvePoint> curve = new ArrayList<>();

  /** At the best point so far, see {@link Outcome#best}. */
  private List<Prediction> predictions = List.of();

  private double lastLoss = Double.NaN;

  /** Of the steps since the last evaluation. */
  private double lossSum;

  private double normSum;
  private int steps;

  private double trainSeconds;
  private double evaluateSeconds;
  private long optimizerBytes;
  private long heldBytes;
  private long arenaBytes;

  /** Takes up a step's loss and the norm of its gradient. */
  void step(double loss, double norm) {
    lastLoss = loss;
    lossSum += loss;
    normSum += norm;
    steps++;
  }

  /** Takes up an evaluation, and the answers that it gave. */
  void evaluated(CurvePoint point, List<Prediction> answers) {
    evaluateSeconds += point.seconds();
    curve.add(point);
    if (Outcome.best(curve) == point) {
      predictions = answers;
    }
    lossSum = 0;
    normSum = 0;
    steps = 0;
  }

  void trained(double seconds) {
    trainSeconds += seconds;
  }

  /** Takes up what is held at the end of a step besides the arena, in bytes. */
  void held(long bytes, long ofOptimizer) {
    heldBytes = Math.max(heldBytes, bytes);
    optimizerBytes = Math.max(optimizerBytes, ofOptimizer);
  }

  /** Returns whether the last evaluation was after this step. */
  boolean isEvaluated(int step) {
    return !curve.isEmpty() && curve.get(curve.size() - 1).step() == step;
  }

  /** Returns the mean loss of the steps since the last evaluation; null where there was none. */
  Double meanLoss() {
    return steps == 0 ? null : lossSum / steps;
  }

  /** Returns the mean norm of the gradients of these steps; null where there was none. */
  Double meanNorm() {
    return steps == 0 ? null : normSum / steps;
  }

  List<CurvePoint> curve() {
    return Collections.unmodifiableList(curve);
  }

  /** Returns the answers at the best point. */
  List<Prediction> predictions() {
    return predictions;
  }

  /** Returns the loss of the last whole step that was looked at; not a number before the first. */
  double lastLoss() {
    return lastLoss;
  }

  double trainSeconds() {
    return trainSeconds;
  }

  double evaluateSeconds() {
    return evaluateSeconds;
  }

  /** Returns the most that the optimizer's state took, in bytes. */
  long optimizerBytes() {
    return optimizerBytes;
  }

  long heldBytes() {
    return heldBytes;
  }

  /** Returns the most that an arena took, this one or one before a stop, in bytes. */
  long arenaBytes(long now) {
    return Math.max(arenaBytes, now);
  }

  void save(StateWriter state, long arenaBytesNow) {
    state.number("last-loss", lastLoss);
    state.number("loss-sum", lossSum);
    state.number("norm-sum", normSum);
    state.number("losses", steps);
    state.number("train-seconds", trainSeconds);
    state.number("evaluate-seconds", evaluateSeconds);
    state.number("optimizer-bytes", optimizerBytes);
    state.number("held-bytes", heldBytes);
    state.number("arena-bytes", arenaBytes(arenaBytesNow));
    try {
      state.text("curve", JSON.writeValueAsString(curve));
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
    KeptPredictions.save(predictions, state.under("predictions"));
  }

  /**
   * Goes on from a state.
   *
   * @param withRetention whether what evaluations measured of texts of retention counts
   */
  void restore(StateReader state, boolean withRetention) {
    lastLoss = state.number("last-loss");
    lossSum = state.number("loss-sum");
    normSum = state.number("norm-sum", 0);
    steps = (int) state.wholeNumber("losses");
    trainSeconds = state.number("train-seconds");
    evaluateSeconds = state.number("evaluate-seconds");
    optimizerBytes = state.wholeNumber("optimizer-bytes");
    heldBytes = state.wholeNumber("held-bytes");
    arenaBytes = state.wholeNumber("arena-bytes");
    try {
      List<CurvePoint> kept = JSON.readValue(state.text("curve"), CURVE);
      kept.forEach(point -> curve.add(withRetention ? point : point.withoutRetention()));
    } catch (JsonProcessingException e) {
      throw new CheckpointException("Cannot read the curve of a checkpoint", e);
    }
    predictions = KeptPredictions.restore(state.under("predictions"));
  }
}
