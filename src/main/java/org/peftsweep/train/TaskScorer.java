package org.peftsweep.train;

import java.util.Arrays;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Var;
import org.peftsweep.data.Batch;
import org.peftsweep.data.Metric;
import org.peftsweep.data.Seeds;
import org.peftsweep.data.Task;
import org.peftsweep.data.TokenizedExample;
import org.peftsweep.train.Evaluation.Answer;

/** Reads one answer an example off a model's outputs and scores all by the metrics of a task. */
final class TaskScorer implements Objective.Scorer {
  /** Reads the answer to one example off its outputs. */
  interface Reading {
    Answer answer(double label, float[] outputs);
  }

  private final Task task;
  private final Reading reading;
  private final Objective objective;
  private final Seeds seeds;
  private final int[] places;
  private final Answer[] answers;

  TaskScorer(
      Task task,
      Objective objective,
      List<TokenizedExample> examples,
      Seeds seeds,
      Reading reading) {
    this.task = task;
    this.objective = objective;
    this.seeds = seeds;
    this.reading = reading;
    this.answers = new Answer[examples.size()];
    this.places = places(examples);
  }

  private static int[] places(List<TokenizedExample> examples) {
    int most = examples.stream().mapToInt(TokenizedExample::index).max().orElse(-1);
    int[] places = new int[most + 1];
    for (int i = 0; i < examples.size(); i++) {
      places[examples.get(i).index()] = i;
    }
    return places;
  }

  @Override
  public Inputs inputs(Batch batch) {
    return objective.inputs(batch, seeds, -1);
  }

  @Override
  public void add(Tape tape, Var outputs, Inputs inputs) {
    Batch batch = inputs.batch();
    int width = outputs.value().columns();
    float[] values = new float[Math.toIntExact(outputs.value().size())];
    tape.backend().read(outputs.value(), 0, values, 0, values.length);
    for (int row = 0; row < batch.rows(); row++) {
      float[] own = Arrays.copyOfRange(values, row * width, (row + 1) * width);
      answers[places[batch.exampleIndices()[row]]] = reading.answer(batch.labels()[row], own);
    }
  }

  @Override
  public Evaluation evaluation() {
    double[] labels = Arrays.stream(answers).mapToDouble(Answer::label).toArray();
    double[] predictions = Arrays.stream(answers).mapToDouble(Answer::prediction).toArray();
    double[] scores = Arrays.stream(answers).mapToDouble(Answer::score).toArray();
    SortedMap<String, Double> metrics = new TreeMap<>();
    for (Metric metric : task.metrics()) {
      metrics.put(metric.id(), metric.of(predictions, scores, labels));
    }
    return new Evaluation(metrics.get(task.primaryMetric().id()), metrics, List.of(answers));
  }
}
