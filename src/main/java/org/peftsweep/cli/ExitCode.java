package org.peftsweep.cli;

/** What a command tells its caller by its exit code, besides 0; see the package. */
final class ExitCode {
  static final int FAULT = 1;
  static final int BAD_INPUT = 2;
  static final int UNFINISHED = 3;

  private ExitCode() {}
}
