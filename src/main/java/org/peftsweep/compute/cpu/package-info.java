/**
 * The {@code cpu} backend: OpenBLAS products and JDK Vector API kernels on off-heap memory.
 *
 * <p>{@link org.peftsweep.compute.cpu.CpuBackend} checks shapes and hands rows to {@code Workers};
 * the kernels are static methods over stretches of direct buffers, grouped by theme. Only the
 * kernel classes touch {@code jdk.incubator.vector}; without that module the backend refuses to
 * open.
 */
package org.peftsweep.compute.cpu;
