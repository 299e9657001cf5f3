package org.peftsweep.dl4j;

/** {@code y = l ⊙ (Wx + b)}: Liu et al., arXiv:2205.05638. */
public final class IA3Layer extends AdapterLayer {
  /** For Jackson. */
  IA3Layer() {}
}
