package org.peftsweep.data;

import java.util.List;

/**
 * Rows on which a task is reported.
 *
 * @param name {@code dev}; MNLI has {@code matched} and {@code mismatched}
 * @param examples in the order of the file
 */
public record EvaluationSet(String name, List<Example> examples) {

  public EvaluationSet {
    examples = List.copyOf(examples);
  }

  /** See {@link ContentHash}. */
  public String contentHash() {
    return ContentHash.of(examples);
  }
}
