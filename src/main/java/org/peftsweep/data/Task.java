package org.peftsweep.data;

import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import org.apache.commons.lang3.StringUtils;

/**
 * What is to be learned: which columns are read, what the labels mean, how predictions are scored.
 *
 * @param name as in sweep files, such as {@code rte}
 * @param textColumns names of columns; the first is the first text, the others are joined by a
 *     space into the second
 * @param labelColumn column name of the label in the same files
 * @param labelNames class names, the place being the class id; empty for a regression
 * @param metrics at least one; the first is the one that tables report
 * @param evaluationSets names of the reported sets; tables report their mean where there are two
 * @param quotes whether fields of TSV files may stand in quotes, as those of CSV files
 * @param devFraction part of train, in [0, 1), that is reported where there is no file of dev; 0 to
 *     ask for the file
 */
public record Task(
    String name,
    List<String> textColumns,
    String labelColumn,
    List<String> labelNames,
    List<Metric> metrics,
    List<String> evaluationSets,
    boolean quotes,
    double devFraction) {

  private static final List<String> DEV = List.of("dev");
  private static final Pattern NUMBER =
      Pattern.compile("\\s*[-+]?(\\d+\\.?\\d*|\\.\\d+)([eE][-+]?\\d+)?\\s*");
  private static final int LONGEST_SHOWN = 200;

  public Task {
    textColumns = List.copyOf(textColumns);
    labelNames = List.copyOf(labelNames);
    metrics = List.copyOf(metrics);
    evaluationSets = List.copyOf(evaluationSets);
    if (textColumns.isEmpty()) {
      throw refusal(name, "no text column", "name at least one");
    }
    if (textColumns.contains(labelColumn)) {
      throw refusal(name, "label column = " + labelColumn, "it is a text column too, name another");
    }
    boolean isDistinct = labelNames.stream().distinct().count() == labelNames.size();
    boolean isNamed = labelNames.stream().noneMatch(String::isBlank);
    if (labelNames.size() == 1 || !isDistinct || !isNamed) {
      throw refusal(
          name, "labels = " + labelNames, "name two or more different ones, or none to regress");
    }
    if (metrics.isEmpty()) {
      throw refusal(name, "no metric", "name at least one");
    }
    boolean isRegression = labelNames.isEmpty();
    for (Metric metric : metrics) {
      if (metric.isRegression() != isRegression) {
        throw refusal(
            name,
            "metric = " + metric.id(),
            (isRegression ? "a regression is" : "classes are")
                + " scored by "
                + Metric.ids(other -> other.isRegression() == isRegression));
      }
      if (metric.isBinary() && labelNames.size() > 2) {
        throw refusal(
            name,
            "metric = " + metric.id(),
            "it is defined for two labels, choose "
                + Metric.ids(other -> !other.isBinary() && !other.isRegression()));
      }
    }
    if (evaluationSets.isEmpty()) {
      throw refusal(name, "no evaluation set", "name at least one, such as dev");
    }
    if (!(devFraction >= 0 && devFraction < 1)) {
      throw new IllegalArgumentException(
          "Cannot use dev-fraction = "
              + devFraction
              + ": give a number from 0 up to, not including, 1");
    }
  }

  /** A task all of whose parts have files, without quotes in TSV. */
  public Task(
      String name,
      List<String> textColumns,
      String labelColumn,
      List<String> labelNames,
      List<Metric> metrics,
      List<String> evaluationSets) {
    this(name, textColumns, labelColumn, labelNames, metrics, evaluationSets, false, 0);
  }

  /** The same with one reported set, {@code dev}. */
  public Task(
      String name,
      List<String> textColumns,
      String labelColumn,
      List<String> labelNames,
      List<Metric> metrics) {
    this(name, textColumns, labelColumn, labelNames, metrics, DEV);
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
    return textColumns.size() > 1;
  }

  /** Whether a part of train may stand for dev. */
  boolean mayCarveDev() {
    return devFraction > 0 && evaluationSets.equals(DEV);
  }

  /**
   * The label that a file's text stands for: a class name, a class id, or a number of a regression.
   * Where class names are numbers themselves, numbers are names, however written. {@link
   * IllegalArgumentException} says what is legal.
   */
  public double label(String text) {
    int id = labelNames.indexOf(text);
    if (id >= 0) {
      return id;
    }
    double value = number(text);
    if (isRegression() && Double.isFinite(value)) {
      return value;
    }
    boolean areNumbers = labelNames.stream().anyMatch(name -> !Double.isNaN(number(name)));
    for (int i = 0; i < labelNames.size(); i++) {
      if (areNumbers ? number(labelNames.get(i)) == value : i == value) {
        return i;
      }
    }
    String ids = areNumbers ? "" : " or an id from 0 to " + (labelNames.size() - 1);
    throw new IllegalArgumentException(
        String.format(
            Locale.ROOT,
            "label is \"%s\", not %s",
            shown(text),
            isRegression() ? "a number" : "one of " + shown(labelNames) + ids));
  }

  /** What a file says, on one line and not too long. */
  static String shown(Object text) {
    String line = StringUtils.normalizeSpace(text.toString()).replaceAll("\\p{Cntrl}", "?");
    return StringUtils.abbreviate(line, LONGEST_SHOWN);
  }

  /** NaN where it is none. */
  private static double number(String text) {
    return NUMBER.matcher(text).matches() ? Double.parseDouble(text) : Double.NaN;
  }

  private static IllegalArgumentException refusal(String task, String what, String instead) {
    return new IllegalArgumentException(
        "Cannot declare task " + task + " with " + what + ": " + instead);
  }
}
