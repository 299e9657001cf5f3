/**
 * The check of a GPU that {@code jobs/gpu-check.sh} runs: whether it computes what the processor
 * does, how fast beside its peers, and which goals that reaches. Read {@link
 * org.peftsweep.cli.gpu.GpuCheck} first.
 */
package org.peftsweep.cli.gpu;
