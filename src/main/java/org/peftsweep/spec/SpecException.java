package org.peftsweep.spec;

import java.util.Collection;
import java.util.List;
import java.util.stream.Collectors;
import org.peftsweep.data.Shown;

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
    super(Shown.sentence(fault), cause);
    this.faults = List.of(getMessage());
  }

  public SpecException(Collection<String> faults) {
    super(faults.stream().map(Shown::sentence).collect(Collectors.joining("\n")));
    this.faults = faults.stream().map(Shown::sentence).toList();
  }

  /** Returns every fault, in the order in which they were met. */
  public List<String> faults() {
    return faults;
  }
}
