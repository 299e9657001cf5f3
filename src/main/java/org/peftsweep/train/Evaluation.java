package org.peftsweep.train;

import java.util.List;
import java.util.SortedMap;
import java.util.stream.IntStream;
import org.peftsweep.train.Outcome.Prediction;

/**
 * How well a model does on a set of examples.
 *
 * @param score the one that steps are chosen by; higher is better
 * @param metrics all scores by name, that one included
 * @param answers one an example, in the set's order; empty where outputs are not one an example
 */
record Evaluation(double score, SortedMap<String, Double> metrics, List<Answer> answers) {
  /** Returns the answers as rows of {@code predictions} of this set; none where it has none. */
  List<Prediction> predictions(TokenisedTask.Named set) {
    return IntStream.range(0, answers.size())
        .mapToObj(
            i -> {
              Answer answer = answers.get(i);
              return new Prediction(
                  set.name(),
                  set.examples().get(i).index(),
                  answer.label(),
                  answer.prediction(),
                  answer.score(),
                  answer.outputs());
            })
        .toList();
  }

  /**
   * A model's answer to one example.
   *
   * @param label true class id or value
   * @param prediction class id or value
   * @param score probability of the predicted class, or the value
   * @param outputs a logit a class, or the value
   */
  record Answer(double label, double prediction, double score, List<Double> outputs) {}
}
