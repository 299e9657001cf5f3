package org.peftsweep.model;

import java.nio.IntBuffer;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Tensor;

/**
 * Keeps hidden states that the frozen layers at the bottom of a base give, for passes of any trial
 * over that base that read the same tokens.
 */
public interface PrefixCache {
  /**
   * Copies what is kept under a key.
   *
   * @param key all that the states depend on besides the base
   * @param states of the shape that was kept
   * @return false if there is nothing
   */
  boolean read(Backend backend, IntBuffer key, Tensor states);

  /** Keeps a copy under a key, where there is room. */
  void keep(Backend backend, IntBuffer key, Tensor states);
}
