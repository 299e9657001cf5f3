package org.peftsweep.data;

import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;

/**
 * What is to be learned: which columns are read, what the labels mean, how predictions are scored.
 *
 * @param name as in sweep files, such as {@code rte}
 * @param textColumns names of columns; the first is the first text, the others are joined by a
 *     space into the second
 * @param labelColumn column name of the label in the same files, or of the text to be written;
 *     empty where a row holds that elsewhere
 * @param labelNames class names, the place being the class id; empty for a regression and for texts
 * @param metrics at least one; the first is the one that tables report
 * @param evaluationSets names of the reported sets; tables report their mean where there are two
 * @param quotes whether fields of TSV files may stand in quotes, as those of CSV files
 * @param devFraction part of train, in [0, 1), that is reported where there is no file of dev; 0 to
 *     ask for the file
 * @param completion what a language model learns to write, if that is the task
 */
public record Task(
    String name,
    List<String> textColumns,
    String labelColumn,
    List<String> labelNames,
    List<Metric> metrics,
    List<String> evaluationSets,
    boolean quotes,
    double devFraction,
    Completion completion) {

  /** The {@link #outputs} of a head that tells the next token. */
  public static final int NEXT_TOKEN = 0;

  private static final List<String> DEV = List.of("dev");
  private static final Pattern NUMBER =
      Pattern.compile("\\s*[-+]?(\\d+\\.?\\d*|\\.\\d+)([eE][-+]?\\d+)?\\s*");

  /** Blanks, line ends and marks that take no ink. */
  private static final String UNSEEN = "[\\p{Z}\\p{Cntrl}\\p{Cf}]+";

  private static final Pattern BLANKS_BEFORE = Pattern.compile("^" + UNSEEN);
  private static final Pattern BLANKS_BEHIND = Pattern.compile(UNSEEN + "$");

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
    for (Metric metric : metrics) {
      requireMetric(name, metric, labelNames, completion);
      if (metric.isBinary() && labelNames.size() > 2) {
        throw refusal(
            name,
            "metric = " + metric.id(),
            "it is defined for two labels, choose "
                + Metric.ids(
                    other -> !other.isBinary() && !other.isRegression() && !other.isCompletion()));
      }
    }
    if (!completion.isNone() && !labelNames.isEmpty()) {
      throw refusal(name, "labels = " + labelNames, "its rows are texts to be written, name none");
    }
    if (!metrics.get(0).isHigherBetter()) {
      throw refusal(
          name,
          "metric = " + metrics.get(0).id() + " as the first",
          "the first one is to grow, name token-accuracy or a metric of answers before it");
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

  private static void requireMetric(
      String name, Metric metric, List<String> labelNames, Completion completion) {
    boolean isRegression = labelNames.isEmpty() && completion.isNone();
    boolean fits =
        metric.isRegression() == isRegression && metric.isCompletion() != completion.isNone();
    if (!fits) {
      String what =
          isRegression ? "a regression is" : completion.isNone() ? "classes are" : "texts are";
      throw refusal(
          name,
          "metric = " + metric.id(),
          what
              + " scored by "
              + Metric.ids(
                  other ->
                      other.isRegression() == isRegression
                          && other.isCompletion() != completion.isNone()));
    }
    if (metric.isGenerated() && !completion.hasPrompts()) {
      throw refusal(
          name, "metric = " + metric.id(), "a text without a prompt has no answer to score");
    }
  }

  /** A task whose rows have labels. */
  public Task(
      String name,
      List<String> textColumns,
      String labelColumn,
      List<String> labelNames,
      List<Metric> metrics,
      List<String> evaluationSets,
      boolean quotes,
      double devFraction) {
    this(
        name,
        textColumns,
        labelColumn,
        labelNames,
        metrics,
        evaluationSets,
        quotes,
        devFraction,
        Completion.NONE);
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

  /** Returns the same scored otherwise. */
  public Task scoredBy(List<Metric> others) {
    return new Task(
        name,
        textColumns,
        labelColumn,
        labelNames,
        others,
        evaluationSets,
        quotes,
        devFraction,
        completion);
  }

  /** The metric that tables report. */
  public Metric primaryMetric() {
    return metrics.get(0);
  }

  /** Outputs of the head: one a class, one for a regression, or {@link #NEXT_TOKEN}. */
  public int outputs() {
    return isCompletion() ? NEXT_TOKEN : isRegression() ? 1 : labelNames.size();
  }

  /** Whether the label is a value rather than a class. */
  public boolean isRegression() {
    return labelNames.isEmpty() && !isCompletion();
  }

  /** Whether rows are texts that a language model learns to write. */
  public boolean isCompletion() {
    return !completion.isNone();
  }

  /** Whether a column holds lists of messages. */
  boolean isOfMessages() {
    return completion.form() == Completion.Form.MESSAGES;
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
    if (isRegression() && Float.isFinite((float) value)) {
      return value;
    }
    boolean areNumbers = labelNames.stream().anyMatch(name -> !Double.isNaN(number(name)));
    for (int i = 0; i < labelNames.size(); i++) {
      if (areNumbers ? number(labelNames.get(i)) == value : i == value) {
        return i;
      }
    }
    String number = Double.isFinite(value) ? "a number within 3.4e38 of 0" : "a number";
    String ids = areNumbers ? "" : " or an id from 0 to " + (labelNames.size() - 1);
    throw new IllegalArgumentException(
        String.format(
            Locale.ROOT,
            "label is \"%s\"%s, not %s",
            Shown.exact(text),
            blanks(text),
            isRegression() ? number : "one of " + Shown.names(labelNames) + ids));
  }

  /** Says that what stands around a label keeps it from being one. */
  private String blanks(String text) {
    String before = BLANKS_BEFORE.matcher(text).replaceFirst("");
    String bare = BLANKS_BEHIND.matcher(before).replaceFirst("");
    if (bare.equals(text) || !labelNames.contains(bare)) {
      return "";
    }
    boolean isBehind = !bare.equals(before);
    return ", with blanks "
        + (before.equals(text) ? "behind it" : isBehind ? "around it" : "before it");
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
