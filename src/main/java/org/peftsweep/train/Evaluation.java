package org.peftsweep.train;

import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.data.Batch;
import org.peftsweep.data.Batches;
import org.peftsweep.data.Metric;
import org.peftsweep.data.Task;
import org.peftsweep.data.TokenizedExample;
import org.peftsweep.model.Model;

/** A model's answers to a list of examples, in the list's order. */
record Evaluation(double[] labels, double[] predictions, double[] scores) {
  /**
   * Runs the model without dropout over all examples.
   *
   * @param beforeBatch called before each batch; may throw to end it
   */
  static Evaluation of(
      Model model,
      Tape tape,
      Task task,
      Batches batches,
      List<TokenizedExample> examples,
      Runnable beforeBatch) {
    int[] places = places(examples);
    double[] labels = new double[examples.size()];
    double[] predictions = new double[examples.size()];
    double[] scores = new double[examples.size()];
    for (Batch batch : batches.evaluation(examples)) {
      beforeBatch.run();
      tape.startEvaluation();
      Tensor logits = model.logits(tape, batch).value();
      float[] values = new float[Math.toIntExact(logits.size())];
      tape.backend().read(logits, 0, values, 0, values.length);
      for (int row = 0; row < batch.rows(); row++) {
        int at = places[batch.exampleIndices()[row]];
        labels[at] = batch.labels()[row];
        if (task.isRegression()) {
          predictions[at] = values[row];
          scores[at] = values[row];
        } else {
          int best = largest(values, row * task.outputs(), task.outputs());
          predictions[at] = best;
          scores[at] = probability(values, row * task.outputs(), task.outputs(), best);
        }
      }
    }
    return new Evaluation(labels, predictions, scores);
  }

  /** Returns each of the task's metrics by {@code set/metric}. */
  SortedMap<String, Double> metrics(Task task, String set) {
    SortedMap<String, Double> metrics = new TreeMap<>();
    for (Metric metric : task.metrics()) {
      metrics.put(set + "/" + metric.id(), metric.of(predictions, scores, labels));
    }
    return metrics;
  }

  /** Returns the task's first metric. */
  double score(Task task) {
    return task.primaryMetric().of(predictions, scores, labels);
  }

  private static int[] places(List<TokenizedExample> examples) {
    int most = examples.stream().mapToInt(TokenizedExample::index).max().orElse(-1);
    int[] places = new int[most + 1];
    for (int i = 0; i < examples.size(); i++) {
      places[examples.get(i).index()] = i;
    }
    return places;
  }

  private static int largest(float[] values, int from, int count) {
    int best = 0;
    for (int i = 1; i < count; i++) {
      if (values[from + i] > values[from + best]) {
        best = i;
      }
    }
    return best;
  }

  private static double probability(float[] values, int from, int count, int chosen) {
    double sum = 0;
    for (int i = 0; i < count; i++) {
      sum += Math.exp(values[from + i] - values[from + chosen]);
    }
    return 1 / sum;
  }
}
