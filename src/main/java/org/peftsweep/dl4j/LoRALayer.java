package org.peftsweep.dl4j;

/** {@code y = Wx + (alpha/rank)·B·A·x + b}: Hu et al., arXiv:2106.09685. */
public final class LoRALayer extends AdapterLayer {
  /** For Jackson. */
  LoRALayer() {}

  /** Makes a layer with a bias, whose weight is drawn. */
  public static LoRALayer of(int in, int out, int rank, double alpha, long seed) {
    return (LoRALayer) Adapters.lora(in, out, rank, alpha, seed);
  }
}
