package org.peftsweep.data;

import java.math.BigDecimal;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Scores of one generated answer against the wanted one, 0 to 1. */
final class AnswerScore {
  private static final Pattern ARTICLES = Pattern.compile("\\b(a|an|the)\\b");
  private static final Pattern PUNCTUATION = Pattern.compile("\\p{Punct}");
  private static final Pattern NO_WORD = Pattern.compile("[^a-z0-9]+");
  private static final Pattern NUMBER = Pattern.compile("-?\\d[\\d,]*(\\.\\d+)?|-?\\.\\d+");

  private AnswerScore() {}

  /** Whether both are equal but for blanks around them. */
  static double exactMatch(String answer, String wanted) {
    return answer.strip().equals(wanted.strip()) ? 1 : 0;
  }

  /**
   * F1 of the words that both have, in lower case without punctuation and articles, as the script
   * of SQuAD counts (arXiv:1606.05250, §6.1).
   */
  static double tokenF1(String answer, String wanted) {
    List<String> given = words(normalised(answer));
    List<String> right = words(normalised(wanted));
    if (given.isEmpty() || right.isEmpty()) {
      return given.equals(right) ? 1 : 0;
    }
    Map<String, Integer> left = new HashMap<>();
    right.forEach(word -> left.merge(word, 1, Integer::sum));
    int common = 0;
    for (String word : given) {
      if (left.merge(word, -1, Integer::sum) >= 0) {
        common++;
      }
    }
    return f1(common, given.size(), right.size());
  }

  /**
   * F1 of the longest common subsequence of words (ROUGE-L, Lin 2004), in lower case, words being
   * runs of letters a to z and digits, without stemming, as the package {@code rouge_score} counts.
   */
  static double rougeL(String answer, String wanted) {
    List<String> given = words(NO_WORD.matcher(lower(answer)).replaceAll(" "));
    List<String> right = words(NO_WORD.matcher(lower(wanted)).replaceAll(" "));
    int[] before = new int[right.size() + 1];
    for (String word : given) {
      int[] now = new int[before.length];
      for (int i = 0; i < right.size(); i++) {
        now[i + 1] = word.equals(right.get(i)) ? before[i] + 1 : Math.max(now[i], before[i + 1]);
      }
      before = now;
    }
    return f1(before[right.size()], given.size(), right.size());
  }

  /**
   * Whether the last number of the answer is that of the wanted text; thousands may be set apart by
   * commas. An answer without a number is wrong.
   */
  static double numeric(String answer, String wanted) {
    Optional<BigDecimal> given = lastNumber(answer);
    Optional<BigDecimal> right = lastNumber(wanted);
    return given.isPresent()
            && right.isPresent()
            && given.orElseThrow().compareTo(right.orElseThrow()) == 0
        ? 1
        : 0;
  }

  private static Optional<BigDecimal> lastNumber(String text) {
    Matcher numbers = NUMBER.matcher(text);
    String last = null;
    while (numbers.find()) {
      last = numbers.group();
    }
    return last == null ? Optional.empty() : Optional.of(new BigDecimal(last.replace(",", "")));
  }

  private static double f1(int common, int given, int right) {
    return common == 0 ? 0 : 2.0 * common / (given + right);
  }

  private static String normalised(String text) {
    String plain = PUNCTUATION.matcher(lower(text)).replaceAll("");
    return ARTICLES.matcher(plain).replaceAll(" ");
  }

  private static String lower(String text) {
    return text.toLowerCase(Locale.ROOT);
  }

  private static List<String> words(String text) {
    return Arrays.stream(text.split("\\s+")).filter(word -> !word.isEmpty()).toList();
  }
}
