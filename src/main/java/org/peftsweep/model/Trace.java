package org.peftsweep.model;

import org.peftsweep.compute.Tensor;

/** Sees hidden states as they pass by; must read them at once, their memory is used again. */
@FunctionalInterface
public interface Trace {
  /**
   * Called with the embeddings (0) and each layer's output (1 …), {@code [batch·tokens, width]};
   * for Llama the last is after the final norm.
   */
  void hidden(int index, Tensor value);
}
