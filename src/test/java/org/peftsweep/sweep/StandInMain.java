package org.peftsweep.sweep;

import org.peftsweep.cli.Main;

/** The program with {@link StandInEngine}, for submission to a cluster. */
public final class StandInMain {
  private StandInMain() {}

  public static void main(String[] args) {
    System.exit(Main.run(new StandInEngine(), System.out, System.err, args));
  }
}
