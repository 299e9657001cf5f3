package org.peftsweep.train;

/**
 * The off-heap memory of a trial.
 *
 * @param peakBytes as the column {@code peak_bytes}: most in use at once for own weights,
 *     gradients, optimizer state and activations
 * @param heldBytes most that is allocated at once, what is kept for the next step included
 * @param sharedBytes frozen weights of the base, once for all trials of a process
 */
record Footprint(long peakBytes, long heldBytes, long sharedBytes) {}
