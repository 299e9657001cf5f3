package org.peftsweep.data;

import java.util.List;
import java.util.Locale;

/**
 * What is to be learned: which columns are read, what the labels mean, how predictions are scored.
 *
 * @param name as in sweep files, such as {@code rte}
 * @param textColumns one or two column names of Parquet, JSON-lines and headed TSV files
 * @param labelColumn column name of the label in the same files
 * @param labelNames class names, the place being the class id; empty for a regression
 * @param metrics at least one; the first is the one that tables report
 * @param evaluationSets names of the reported sets; tables report their mean where there are two
 */
public record Task(
    String name,
    List<String> textColumns,
    String labelColumn,
    List<String> labelNames,
    List<Metric> metrics,
    List<String> evaluationSets) {

  public Task {
    textColumns = List.copyOf(textColumns);
    labelNames = List.copyOf(labelNames);
    metrics = List.copyOf(metrics);
    evaluationSets = List.copyOf(evaluationSets);
    if (textColumns.isEmpty() || textColumns.size() > 2) {
      throw refusal(name, "text columns = " + textColumns, "name one or two");
    }
    if (labelNames.size() == 1 || labelNames.stream().distinct().count() < labelNames.size()) {
      throw refusal(
          name, "labels = " + labelNames, "name two or more different ones, or none to regress");
    }
    if (metrics.isEmpty()) {
      throw refusal(name, "no metric", "name at least one");
    }
    boolean regression = labelNames.isEmpty();
    for (Metric metric : metrics) {
      if (metric.isRegression() != regression) {
        throw refusal(
            name,
            "metric = " + metric.id(),
            regression
                ? "a regression is scored by pearson or spearman"
                : "classes are scored by accuracy, f1 or matthews");
      }
      if (metric == Metric.F1 && labelNames.size() > 2) {
        throw refusal(name, "metric = f1", "it is defined for two labels");
      }
    }
    if (evaluationSets.isEmpty()) {
      throw refusal(name, "no evaluation set", "name at least one, such as dev");
    }
  }

  /** A task with one reported set, {@code dev}. */
  public Task(
      String name,
      List<String> textColumns,
      String labelColumn,
      List<String> labelNames,
      List<Metric> metrics) {
    this(name, textColumns, labelColumn, labelNames, metrics, List.of("dev"));
  }

  /** The metric that tables report. */
  public Metric primaryMetric() {
    return metrics.get(0);
  }

  /** Outputs of the head: one a class, or one for a regression. */
  public int outputs() {
    return isRegression() ? 1 : labelNames.size();
  }

  /** Whether the label is a value rather than a class. */
  public boolean isRegression() {
    return labelNames.isEmpty();
  }

  /** Whether a row has two texts. */
  public boolean isPair() {
    return textColumns.size() == 2;
  }

  /**
   * The label that a file's text stands for: a class name, a class id, or a number of a regression.
   * {@link IllegalArgumentException} says what is legal.
   */
  public double label(String text) {
    int id = labelNames.indexOf(text);
    if (id >= 0) {
      return id;
    }
    try {
      double value = Double.parseDouble(text);
      boolean isId = value == Math.rint(value) && value >= 0 && value < labelNames.size();
      if (isRegression() ? Double.isFinite(value) : isId) {
        return value;
      }
    } catch (NumberFormatException e) {
      // Said below, together with the numbers that are out of range.
    }
    throw new IllegalArgumentException(
        String.format(
            Locale.ROOT,
            "label is \"%s\", not %s",
            text,
            isRegression()
                ? "a number"
                : "one of " + labelNames + " or an id from 0 to " + (labelNames.size() - 1)));
  }

  private static IllegalArgumentException refusal(String task, String what, String instead) {
    return new IllegalArgumentException(
        "Cannot declare task " + task + " with " + what + ": " + instead);
  }
}
