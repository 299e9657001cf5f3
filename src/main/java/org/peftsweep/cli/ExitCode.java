package org.peftsweep.cli;

/** What a command tells its caller by its exit code, besides 0; see the package. */
public final class ExitCode {
  public static final int FAULT = 1;
  public static final int BAD_INPUT = 2;
  public static final int UNFINISHED = 3;

  private ExitCode() {}
}
