package org.peftsweep.report;

import java.util.List;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.functions;
import org.nd4j.evaluation.classification.Evaluation;
import org.nd4j.evaluation.classification.ROC;
import org.nd4j.evaluation.regression.RegressionEvaluation;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Rows of {@code predictions} as the evaluations of ND4J, which Deeplearning4j's programs read and
 * merge.
 *
 * @param rows of one trial and one set
 */
public record Evaluations(Dataset<Row> rows) {
  /**
   * Returns those of a trial.
   *
   * @param predictions the whole table
   * @param set such as {@code dev}
   */
  public static Evaluations of(Dataset<Row> predictions, String trial, String set) {
    return new Evaluations(
        predictions
            .where(functions.col("id").equalTo(trial))
            .where(functions.col("evaluation_set").equalTo(set))
            .select("example", "label", "prediction", "probability")
            .orderBy("example"));
  }

  /**
   * Returns the confusion of classes and all that follows from it.
   *
   * @param labels names of all classes, in the order of their ids
   */
  public Evaluation classes(List<String> labels) {
    Evaluation made = new Evaluation(labels);
    for (Row row : rows.collectAsList()) {
      made.eval((int) row.getDouble(2), (int) row.getDouble(1));
    }
    return made;
  }

  /** Returns the exact curve of two classes; the second one is positive. */
  public ROC roc() {
    List<Row> all = rows.collectAsList();
    double[] labels = new double[all.size()];
    double[] shares = new double[all.size()];
    for (int i = 0; i < labels.length; i++) {
      Row row = all.get(i);
      labels[i] = row.getDouble(1);
      shares[i] = row.getDouble(2) == 1 ? row.getDouble(3) : 1 - row.getDouble(3);
    }
    ROC made = new ROC(0);
    made.eval(
        Nd4j.createFromArray(labels).reshape(labels.length, 1),
        Nd4j.createFromArray(shares).reshape(labels.length, 1));
    return made;
  }

  /** Returns errors and correlation of values. */
  public RegressionEvaluation values() {
    List<Row> all = rows.collectAsList();
    double[] labels = all.stream().mapToDouble(row -> row.getDouble(1)).toArray();
    double[] values = all.stream().mapToDouble(row -> row.getDouble(2)).toArray();
    RegressionEvaluation made = new RegressionEvaluation(1);
    made.eval(
        Nd4j.createFromArray(labels).reshape(labels.length, 1),
        Nd4j.createFromArray(values).reshape(values.length, 1));
    return made;
  }
}
