package org.peftsweep.dl4j;

/**
 * {@code y = (m/‖W + ΔW‖) ⊙ (W + ΔW)x + b} with {@code ΔW = (alpha/rank)·B·A}: Liu et al.,
 * arXiv:2402.09353.
 */
public final class DoRALayer extends AdapterLayer {
  /** For Jackson. */
  DoRALayer() {}

  /** Makes a layer with a bias, whose weight is drawn. */
  public static DoRALayer of(int in, int out, int rank, double alpha, long seed) {
    return (DoRALayer) Adapters.dora(in, out, rank, alpha, seed);
  }
}
