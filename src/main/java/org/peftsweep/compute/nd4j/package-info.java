/**
 * The backend whose kernels are ND4J operations: the reference that others are tested against.
 *
 * <p>Memory is ND4J's own, so that the same code runs on nd4j-native and on nd4j-cuda. Read {@code
 * Nd4jBackend} first; {@code Views} explains how tensors become arrays without copying.
 */
package org.peftsweep.compute.nd4j;
