package org.peftsweep.spec;

import java.util.List;
import java.util.stream.Stream;
import org.peftsweep.data.Completion;
import org.peftsweep.data.Completion.Form;
import org.peftsweep.data.Completion.LossOn;
import org.peftsweep.data.Metric;

/** Reads what a declared task gives a language model to write, and in which columns it stands. */
final class CompletionReader {
  private static final String PROMPTS = "prompt-columns";
  private static final String COMPLETION = "completion-column";
  private static final String MESSAGES = "messages-column";
  private static final String TEXT = "text-column";

  private static final String LOSS_ON = "loss-on";
  private static final String LENGTH = "max-new-tokens";
  private static final String TEMPERATURE = "temperature";
  private static final String TOP_P = "top-p";

  /** What tells such a task from one with labels. */
  static final List<String> COLUMNS = List.of(PROMPTS, COMPLETION, MESSAGES, TEXT);

  static final List<String> KEYS =
      Stream.concat(COLUMNS.stream(), Stream.of(LOSS_ON, LENGTH, TEMPERATURE, TOP_P)).toList();

  /**
   * What was read.
   *
   * @param labelColumn that of the text to be written, or empty
   */
  record Columns(List<String> texts, String labelColumn, Completion completion) {}

  private CompletionReader() {}

  /** Whether the declaration is of a task whose rows are texts to be written. */
  static boolean isCompletion(Fields fields) {
    return COLUMNS.stream().anyMatch(fields::has);
  }

  static Columns read(Fields fields) {
    List<String> ways = Stream.of(PROMPTS, MESSAGES, TEXT).filter(fields::has).toList();
    if (ways.size() != 1 || ways.contains(PROMPTS) != fields.has(COMPLETION)) {
      String given = COLUMNS.stream().filter(fields::has).findFirst().orElseThrow();
      throw Scalars.cannotUse(
          given,
          fields.value(given),
          "give "
              + PROMPTS
              + " with "
              + COMPLETION
              + ", or "
              + MESSAGES
              + ", or "
              + TEXT
              + ", one of these ways");
    }
    String way = ways.get(0);
    Form form = way.equals(PROMPTS) ? Form.PROMPT : way.equals(TEXT) ? Form.TEXT : Form.MESSAGES;
    List<String> texts =
        form == Form.PROMPT ? fields.list(PROMPTS, Scalars::word) : List.of(fields.word(way));
    LossOn lossOn =
        fields.has(LOSS_ON)
            ? (LossOn) Scalars.constant(LossOn.class, LOSS_ON, fields.value(LOSS_ON))
            : Completion.NONE.lossOn();
    int length =
        fields.has(LENGTH)
            ? Scalars.whole(LENGTH, fields.value(LENGTH))
            : Completion.NONE.maxNewTokens();
    double temperature = number(fields, TEMPERATURE, Completion.NONE.temperature());
    double topP = number(fields, TOP_P, Completion.NONE.topP());
    return new Columns(
        texts,
        form == Form.PROMPT ? fields.word(COMPLETION) : "",
        fields.guarded(() -> new Completion(form, lossOn, length, temperature, topP)));
  }

  private static double number(Fields fields, String key, double otherwise) {
    return fields.has(key) ? Scalars.number(key, fields.value(key)) : otherwise;
  }

  /** What is measured where the declaration does not say. */
  static List<Metric> metrics(Completion completion) {
    return completion.hasPrompts()
        ? List.of(Metric.EXACT_MATCH, Metric.TOKEN_ACCURACY, Metric.LOSS, Metric.PERPLEXITY)
        : List.of(Metric.TOKEN_ACCURACY, Metric.LOSS, Metric.PERPLEXITY);
  }
}
