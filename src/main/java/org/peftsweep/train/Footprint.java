package org.peftsweep.train;

/**
 * The off-heap memory of a trial.
 *
 * @param peakBytes as the column {@code peak_bytes}: most in use at once for own weights,
 *     gradients, optimizer state and activations
 * @param ownBytes most that is allocated at once but for activations, what is kept for the next
 *     step included
 * @param passBytes what the activations of its passes take, kept from pass to pass
 * @param passRows positions of such a pass
 * @param startBytes most that is allocated at once where the method searches data for its start,
 *     the search's activations included: before the passes take theirs; 0 where it does not
 * @param sharedBytes frozen weights of the base, once for all trials of a process
 * @param packedBytes the same weights again as products of 16-bit factors read them, once likewise
 */
record Footprint(
    long peakBytes,
    long ownBytes,
    long passBytes,
    long passRows,
    long startBytes,
    long sharedBytes,
    long packedBytes) {
  /**
   * Returns what serves where some passes take what another says: their memory beside the others'.
   */
  Footprint or(Footprint other) {
    return new Footprint(
        Math.max(peakBytes, other.peakBytes),
        Math.max(ownBytes, other.ownBytes),
        passBytes == other.passBytes ? passBytes : passBytes + other.passBytes,
        Math.min(passRows, other.passRows),
        Math.max(startBytes, other.startBytes),
        sharedBytes,
        Math.max(packedBytes, other.packedBytes));
  }

  /** Returns the most that it holds at once where it trains alone, its base apart. */
  long heldBytes() {
    return Math.max(ownBytes + passBytes, startBytes);
  }
}
