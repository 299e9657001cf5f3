package org.peftsweep.model;

import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Var;
import org.peftsweep.data.Batch;

/** What turns a backbone's hidden states into the outputs of a task. */
interface Head {
  /** The {@link #task} of heads that classify whole inputs. */
  String CLASSIFICATION = "ForSequenceClassification";

  /** The {@link #task} of heads that tell the next token. */
  String LANGUAGE_MODEL = "ForCausalLM";

  /** Returns how the reference library's class names end, as in {@code BertForMaskedLM}. */
  String task();

  /**
   * Returns the positions that it reads of a batch unless it is told which, as places in {@code
   * [batch·tokens]}; null for all.
   */
  int[] positions(Batch batch);

  /**
   * Returns what it takes together of the states that it reads, {@code [rows, width]}; the states
   * themselves unless it reads all positions of an example at once.
   *
   * @param states of one lane
   */
  default Var pooled(Tape tape, Var states, Packed packed, int lane) {
    return states;
  }

  /** {@code [n, width]} to {@code [n, outputs]}. */
  Var outputs(Tape tape, Var states);
}
