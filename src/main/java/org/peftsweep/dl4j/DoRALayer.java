package org.peftsweep.dl4j;

/**
 * {@code y = (m/‖W + ΔW‖) ⊙ (W + ΔW)x + b} with {@code ΔW = (alpha/rank)·B·A}: Liu et al.,
 * arXiv:2402.09353.
 */
public final class DoRALayer extends AdapterLayer {
  /** For Jackson. */
  DoRALayer() {}
}
