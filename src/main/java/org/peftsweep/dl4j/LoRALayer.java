package org.peftsweep.dl4j;

/** {@code y = Wx + (alpha/rank)·B·A·x + b}: Hu et al., arXiv:2106.09685. */
public final class LoRALayer extends AdapterLayer {
  /** For Jackson. */
  LoRALayer() {}
}
