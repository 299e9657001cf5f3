/**
 * How gradients become updates: optimizers, learning-rate schedules, rates by role, clipping.
 *
 * <p>Parameters with gradients go in, changed values come out; a parameter without a gradient in
 * this step is left alone, moments and all. Read {@code Optimizer}, then {@code Rates}.
 */
package org.peftsweep.optim;
