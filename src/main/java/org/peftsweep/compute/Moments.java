package org.peftsweep.compute;

/**
 * A parameter, its gradient, and what AdamW remembers of it; all of one size.
 *
 * @param first mean of gradients
 * @param second mean of their squares
 */
public record Moments(Tensor parameter, Tensor gradient, Tensor first, Tensor second) {}
