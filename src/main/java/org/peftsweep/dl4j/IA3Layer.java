package org.peftsweep.dl4j;

/** {@code y = l ⊙ (Wx + b)}: Liu et al., arXiv:2205.05638. */
public final class IA3Layer extends AdapterLayer {
  /** For Jackson. */
  IA3Layer() {}

  /** Makes a layer with a bias, whose weight is drawn. */
  public static IA3Layer of(int in, int out, long seed) {
    return (IA3Layer) Adapters.ia3(in, out, seed);
  }
}
