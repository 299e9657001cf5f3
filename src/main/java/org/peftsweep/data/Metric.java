package org.peftsweep.data;

import java.util.Arrays;
import java.util.Locale;
import java.util.function.Predicate;
import java.util.function.ToDoubleBiFunction;
import org.peftsweep.data.Confusion.Counts;

/**
 * A score of predictions against labels, with the conventions of scikit-learn and SciPy, which the
 * GLUE metric of Hugging Face calls.
 *
 * <p>Classification metrics take class ids, or the probability of class 1; regression metrics take
 * values; metrics of completions take a row's own score, and its weight in place of a label. A
 * score that is undefined (no rows, constant input of a correlation, a NaN prediction in a
 * regression, an area under the curve without both classes) is NaN.
 */
public enum Metric {
  /** Share of equal pairs, 0 to 1. */
  ACCURACY(Answers.CLASSES, (predictions, labels) -> confusion(predictions, labels).accuracy()),

  /** {@code 2TP / (2TP + FP + FN)} of class 1, 0 where that is 0/0. */
  F1(Answers.TWO_CLASSES, (predictions, labels) -> confusion(predictions, labels).of(1).f1()),

  /** Mean of the F1 of all classes that occur, each weighing the same. */
  MACRO_F1(
      Answers.CLASSES, (predictions, labels) -> confusion(predictions, labels).macro(Counts::f1)),

  /** F1 of the sums of all classes' counts, which is the accuracy where a row has one label. */
  MICRO_F1(
      Answers.CLASSES, (predictions, labels) -> confusion(predictions, labels).micro(Counts::f1)),

  /** Mean of the F1 of all classes, each weighing as many rows as it has. */
  WEIGHTED_F1(
      Answers.CLASSES,
      (predictions, labels) -> confusion(predictions, labels).weighted(Counts::f1)),

  /** {@code TP / (TP + FP)} of class 1, 0 where that is 0/0. */
  PRECISION(
      Answers.TWO_CLASSES,
      (predictions, labels) -> confusion(predictions, labels).of(1).precision()),

  /** Mean of the precision of all classes that occur, each weighing the same. */
  MACRO_PRECISION(
      Answers.CLASSES,
      (predictions, labels) -> confusion(predictions, labels).macro(Counts::precision)),

  /** {@code TP / (TP + FN)} of class 1, 0 where that is 0/0. */
  RECALL(
      Answers.TWO_CLASSES, (predictions, labels) -> confusion(predictions, labels).of(1).recall()),

  /** Mean of the recall of all classes that occur, each weighing the same. */
  MACRO_RECALL(
      Answers.CLASSES,
      (predictions, labels) -> confusion(predictions, labels).macro(Counts::recall)),

  /** Area under the ROC curve of class 1 of two: see {@link Correlation#areaUnderCurve}. */
  AUC(Answers.PROBABILITIES, Correlation::areaUnderCurve),

  /**
   * Matthews correlation for any number of classes, 0 where predictions or labels are all of one
   * class.
   */
  MATTHEWS(Answers.CLASSES, (predictions, labels) -> confusion(predictions, labels).matthews()),

  /** Pearson's r; NaN for constant input and for fewer than two rows. */
  PEARSON(Answers.VALUES, Correlation::pearson),

  /** Pearson's r of the ranks, ties sharing their average rank. */
  SPEARMAN(Answers.VALUES, Correlation::spearman),

  /** Share of a completion's tokens that were the most likely ones given all before them. */
  TOKEN_ACCURACY(Answers.TOKENS, Metric::mean),

  /** Mean cross-entropy of a completion's tokens given all before them, in nats. */
  LOSS(Answers.TOKENS, Metric::mean),

  /** {@code exp} of {@link #LOSS}. */
  PERPLEXITY(Answers.TOKENS, (values, weights) -> Math.exp(mean(values, weights))),

  /** Share of generated answers that are the wanted text, but for blanks around it. */
  EXACT_MATCH(AnswerScore::exactMatch),

  /** Mean F1 of the words of generated answers, as SQuAD's script counts them. */
  TOKEN_F1(AnswerScore::tokenF1),

  /** Mean ROUGE-L of generated answers: F1 of the longest common subsequence of words. */
  ROUGE_L(AnswerScore::rougeL),

  /** Share of generated answers whose last number is that of the wanted text. */
  NUMERIC(AnswerScore::numeric);

  /** What is scored against the labels. */
  private enum Answers {
    CLASSES,
    TWO_CLASSES,
    /** Of class 1 of two. */
    PROBABILITIES,
    VALUES,
    /** A mean of each row's tokens, whose number stands for the label. */
    TOKENS,
    /** A score of each row's text; the label says how much it weighs. */
    TEXTS
  }

  private final Answers answers;
  private final ToDoubleBiFunction<double[], double[]> score;
  private final ToDoubleBiFunction<String, String> ofText;

  Metric(Answers answers, ToDoubleBiFunction<double[], double[]> score) {
    this.answers = answers;
    this.score = score;
    this.ofText = null;
  }

  Metric(ToDoubleBiFunction<String, String> ofText) {
    this.answers = Answers.TEXTS;
    this.score = Metric::mean;
    this.ofText = ofText;
  }

  /** The name in sweep files and result tables, such as {@code macro-f1}. */
  public String id() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /** The metric of that name; {@link IllegalArgumentException} names the choices. */
  public static Metric ofId(String id) {
    return Arrays.stream(values())
        .filter(metric -> metric.id().equals(id))
        .findFirst()
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "Cannot use metric " + id + ": choose " + ids(any -> true)));
  }

  /** The names of some, such as {@code pearson or spearman}. */
  static String ids(Predicate<Metric> which) {
    return Shown.choice(Arrays.stream(values()).filter(which).map(Metric::id).toList());
  }

  /** Whether a larger score is a better one. */
  public boolean isHigherBetter() {
    return this != LOSS && this != PERPLEXITY;
  }

  /** Whether it scores values rather than classes. */
  public boolean isRegression() {
    return answers == Answers.VALUES;
  }

  /** Whether it scores texts that a language model writes. */
  public boolean isCompletion() {
    return answers == Answers.TOKENS || isGenerated();
  }

  /** Whether it scores generated answers. */
  public boolean isGenerated() {
    return answers == Answers.TEXTS;
  }

  /** The score of one generated answer, 0 to 1; for a metric that {@link #isGenerated}. */
  public double ofText(String answer, String wanted) {
    return ofText.applyAsDouble(answer, wanted);
  }

  /** Whether it is defined for two classes only. */
  public boolean isBinary() {
    return answers == Answers.TWO_CLASSES || answers == Answers.PROBABILITIES;
  }

  /**
   * The score.
   *
   * @param predictions [rows] class ids or values
   * @param probabilities [rows] of the predicted class; not looked at in a regression
   * @param labels [rows]
   */
  public double of(double[] predictions, double[] probabilities, double[] labels) {
    return of(answers(predictions, probabilities), labels);
  }

  /**
   * What {@link #of(double[], double[])} takes: the predictions, or where those do not tell enough
   * the probability of class 1.
   *
   * @param predictions [rows] class ids or values
   * @param probabilities [rows] of the predicted class
   */
  public double[] answers(double[] predictions, double[] probabilities) {
    if (answers != Answers.PROBABILITIES) {
      return predictions;
    }
    double[] ofOne = new double[predictions.length];
    for (int i = 0; i < ofOne.length; i++) {
      ofOne[i] = predictions[i] == 1 ? probabilities[i] : 1 - probabilities[i];
    }
    return ofOne;
  }

  /**
   * The score of {@link #answers}.
   *
   * @param answers [rows]
   * @param labels [rows]
   */
  public double of(double[] answers, double[] labels) {
    if (answers.length != labels.length) {
      throw new IllegalArgumentException(
          "Cannot score "
              + answers.length
              + " predictions against "
              + labels.length
              + " labels: give one prediction a label");
    }
    boolean isNumber = isCompletion() || isRegression() || this.answers == Answers.PROBABILITIES;
    boolean isUndefined =
        labels.length == 0
            || isNumber && Arrays.stream(answers).anyMatch(value -> !Double.isFinite(value));
    return isUndefined ? Double.NaN : score.applyAsDouble(answers, labels);
  }

  /** Mean of values by weights. */
  private static double mean(double[] values, double[] weights) {
    double sum = 0;
    for (int i = 0; i < values.length; i++) {
      sum += weights[i] * values[i];
    }
    return sum / Arrays.stream(weights).sum();
  }

  private static Confusion confusion(double[] predictions, double[] labels) {
    return new Confusion(predictions, labels);
  }
}
