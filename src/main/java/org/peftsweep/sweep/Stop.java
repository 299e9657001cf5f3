package org.peftsweep.sweep;

import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;

/** The wish that a sweep end early, which any thread may tell; the first reason stays. */
public final class Stop {
  private final AtomicReference<String> reason = new AtomicReference<>();

  /**
   * Asks the scheduler to start no more trials and to interrupt those that run.
   *
   * @return whether nobody had asked before
   */
  public boolean ask(String why) {
    return reason.compareAndSet(null, why);
  }

  /** Returns why, or nothing while nobody asked. */
  public Optional<String> reason() {
    return Optional.ofNullable(reason.get());
  }
}
