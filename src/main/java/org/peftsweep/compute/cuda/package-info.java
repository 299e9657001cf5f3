/**
 * Kernels for NVIDIA GPUs: matrix products of cuBLASLt, and the rest in CUDA C under {@code
 * resources/cuda}, compiled for the device at hand.
 *
 * <p>All of it goes through {@link org.peftsweep.compute.cuda.Device}, so that tests run the same
 * kernels on a processor.
 */
package org.peftsweep.compute.cuda;
