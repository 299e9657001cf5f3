package org.peftsweep.cli.gpu;

import java.util.List;

/**
 * A part of the check that needs files or classes which the program itself has not, as reference
 * cases are; found by {@link java.util.ServiceLoader}.
 */
public interface CheckPart {
  /**
   * One case.
   *
   * @param check throws an {@link AssertionError} where the backend is off
   */
  record Case(String name, Runnable check) {}

  /** Returns what its cases are called together, such as {@code golden models}. */
  String name();

  /** Returns its cases on a backend; none where their files are missing. */
  List<Case> cases(String backend);
}
