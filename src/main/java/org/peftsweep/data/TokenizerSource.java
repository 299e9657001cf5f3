package org.peftsweep.data;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.function.UnaryOperator;

/**
 * A tokenizer as a folder has it.
 *
 * @param json the whole {@code tokenizer.json}
 * @param prepares texts before they are cut; what of the json does the same is not in bare
 * @param bare the json for texts that were prepared
 */
record TokenizerSource(ObjectNode json, UnaryOperator<String> prepares, ObjectNode bare) {
  /** One whose json does all. */
  TokenizerSource(ObjectNode json) {
    this(json, UnaryOperator.identity(), json);
  }
}
