/**
 * Tensors, the kernels that work on them, and reverse-mode differentiation.
 *
 * <p>A {@link org.peftsweep.compute.Backend} owns memory and runs fused kernels on {@link
 * org.peftsweep.compute.Tensor}s; a {@link org.peftsweep.compute.Tape} records those kernels on
 * {@link org.peftsweep.compute.Var}s and plays them backwards. Nothing here knows of models or
 * methods. Read {@code Backend} first, then {@code Tape}.
 */
package org.peftsweep.compute;
