/**
 * What methods are built from: where one is attached, its hooks into the steps, adapters and starts
 * that several share.
 *
 * <p>The unified view of He et al. (arXiv:2110.04366) is what the pieces are cut by: {@code
 * Bottleneck} changes what a sub-layer adds, by an {@code Affine} down, a function and one up, and
 * methods differ in what it reads and where; {@code LowRank} is the same of one matrix without a
 * function, {@code DeltaAdapter} that product written out, {@code RotationAdapter} a product with
 * the weight itself; {@code PrefixTable} is the same of attention. What learns element by element
 * is made by {@code Matrices} from kernels that are there.
 */
package org.peftsweep.method.adapter;
