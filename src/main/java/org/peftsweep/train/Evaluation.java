package org.peftsweep.train;

import java.util.List;
import java.util.SortedMap;

/**
 * How well a model does on a set of examples.
 *
 * @param score the one that steps are chosen by; higher is better
 * @param metrics all scores by name, that one included
 * @param answers one an example, in the set's order; empty where outputs are not one an example
 */
record Evaluation(double score, SortedMap<String, Double> metrics, List<Answer> answers) {
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
