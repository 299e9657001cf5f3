package org.peftsweep.data;

import java.util.Objects;

/**
 * What of a row a language model learns to write, and how it is asked for it.
 *
 * @param form where a row's text is
 * @param lossOn which tokens the loss counts
 * @param maxNewTokens the longest answer that is generated for a metric of answers, at least 1
 * @param temperature that divides logits before a token is drawn; 0 takes the most likely one
 * @param topP tokens are drawn from the smallest set of likely ones with at least this probability,
 *     in (0, 1] (nucleus sampling, arXiv:1904.09751)
 */
public record Completion(
    Form form, LossOn lossOn, int maxNewTokens, double temperature, double topP) {
  /** Where a row's text is. */
  public enum Form {
    /** Nowhere: rows have labels. */
    NONE,
    /** A prompt in the text columns, and the text to write in the label column. */
    PROMPT,
    /** A list of messages with role and content, which the model's chat template joins. */
    MESSAGES,
    /** One text, all of which is to be written. */
    TEXT
  }

  /** Which tokens the loss counts. */
  public enum LossOn {
    /** Those to be written, not those of prompts. */
    COMPLETIONS,
    ALL
  }

  /** Rows have labels. */
  public static final Completion NONE = new Completion(Form.NONE, LossOn.COMPLETIONS, 64, 0, 1);

  public Completion {
    Objects.requireNonNull(form, "form");
    Objects.requireNonNull(lossOn, "lossOn");
    require(maxNewTokens >= 1, "max-new-tokens", maxNewTokens, "at least 1");
    require(temperature >= 0 && temperature <= 100, "temperature", temperature, "0 to 100");
    require(topP > 0 && topP <= 1, "top-p", topP, "a number above 0, at most 1");
  }

  private static void require(boolean holds, String key, Number value, String legal) {
    if (!holds) {
      throw new IllegalArgumentException("Cannot use " + key + " = " + value + ": give " + legal);
    }
  }

  /** Whether rows have no text to be written. */
  public boolean isNone() {
    return form == Form.NONE;
  }

  /** Whether a row has something to write an answer to. */
  public boolean hasPrompts() {
    return form == Form.PROMPT || form == Form.MESSAGES;
  }
}
