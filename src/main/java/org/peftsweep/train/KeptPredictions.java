package org.peftsweep.train;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.peftsweep.checkpoint.StateReader;
import org.peftsweep.checkpoint.StateWriter;
import org.peftsweep.train.Outcome.Prediction;

/** Predictions in the state of a trial, which may go on after the point that they are of. */
final class KeptPredictions {
  private static final String NUMBERS = "numbers";
  private static final String OUTPUTS = "outputs";
  private static final int PER_EXAMPLE = 5;

  private KeptPredictions() {}

  static void save(List<Prediction> predictions, StateWriter state) {
    if (predictions.isEmpty()) {
      return;
    }
    List<String> sets = predictions.stream().map(Prediction::set).distinct().toList();
    double[] numbers = new double[PER_EXAMPLE * predictions.size()];
    int at = 0;
    for (Prediction prediction : predictions) {
      numbers[at++] = sets.indexOf(prediction.set());
      numbers[at++] = prediction.example();
      numbers[at++] = prediction.label();
      numbers[at++] = prediction.prediction();
      numbers[at++] = prediction.score();
    }
    state.text("sets", String.join("\n", sets));
    state.doubles(NUMBERS, numbers);
    state.doubles(
        OUTPUTS,
        predictions.stream()
            .flatMap(prediction -> prediction.outputs().stream())
            .mapToDouble(Double::doubleValue)
            .toArray());
  }

  /** Returns none from a state that has none. */
  static List<Prediction> restore(StateReader state) {
    if (!state.has(NUMBERS)) {
      return List.of();
    }
    List<String> sets = state.text("sets").lines().toList();
    double[] numbers = state.doubles(NUMBERS);
    double[] kept = state.has(OUTPUTS) ? state.doubles(OUTPUTS) : new double[0];
    List<Double> outputs = Arrays.stream(kept).boxed().toList();
    int width = outputs.size() / (numbers.length / PER_EXAMPLE);
    List<Prediction> predictions = new ArrayList<>();
    for (int at = 0; at < numbers.length; at += PER_EXAMPLE) {
      predictions.add(
          new Prediction(
              sets.get((int) numbers[at]),
              (int) numbers[at + 1],
              numbers[at + 2],
              numbers[at + 3],
              numbers[at + 4],
              outputs.subList(predictions.size() * width, (predictions.size() + 1) * width)));
    }
    return predictions;
  }
}
