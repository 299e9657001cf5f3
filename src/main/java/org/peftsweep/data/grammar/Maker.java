package org.peftsweep.data.grammar;

/** Writes rows of one task. */
interface Maker {

  /**
   * A row with that label.
   *
   * @param label class id; for a regression a whole number from 0 to 5 that the label is near
   */
  Row make(int label, Words words);
}
