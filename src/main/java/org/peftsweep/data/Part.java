package org.peftsweep.data;

import java.util.List;

/**
 * The rows of one part of a task.
 *
 * @param examples in the order of the file
 * @param skippedRows rows left out: bad ones under {@code skip-bad-rows}, and those of QQP that
 *     lack fields
 * @param firstReasons why, for the first twenty of them, each with file and line
 */
public record Part(List<Example> examples, int skippedRows, List<String> firstReasons) {

  public Part {
    examples = List.copyOf(examples);
    firstReasons = List.copyOf(firstReasons);
  }
}
