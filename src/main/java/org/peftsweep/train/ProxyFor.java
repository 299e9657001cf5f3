package org.peftsweep.train;

import java.util.Objects;
import org.peftsweep.spec.ModelSource;

/**
 * A large model that a finished trial tunes by proxy.
 *
 * @param location as of a {@link ModelSource}
 * @param weights how its matrices are stored; null for as those of the trial's base are
 * @param scale by which the change of the small model's logits counts
 */
public record ProxyFor(String location, ModelSource.Storage weights, double scale) {
  public ProxyFor {
    Objects.requireNonNull(location, "location");
    if (!Float.isFinite((float) scale)) {
      throw new IllegalArgumentException(
          "Cannot use --proxy-scale = " + scale + ": give a finite number, such as 1");
    }
  }
}
