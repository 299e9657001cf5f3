package org.peftsweep.spec;

import java.util.Collection;
import java.util.List;

/**
 * A sweep file cannot be used. Each fault is one sentence with file and line; the message holds one
 * fault a line.
 */
public final class SpecException extends RuntimeException {
  private static final long serialVersionUID = 1;

  private final List<String> faults;

  public SpecException(String fault) {
    this(fault, null);
  }

  public SpecException(String fault, Throwable cause) {
    super(fault, cause);
    this.faults = List.of(fault);
  }

  SpecException(Collection<String> faults) {
    super(String.join("\n", faults));
    this.faults = List.copyOf(faults);
  }

  /** Returns every fault, in the order in which they were met. */
  public List<String> faults() {
    return faults;
  }
}
