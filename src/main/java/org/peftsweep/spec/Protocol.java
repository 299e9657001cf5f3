package org.peftsweep.spec;

import java.util.List;
import org.peftsweep.method.Settings;

/**
 * How settings are chosen and how certain the answer is made.
 *
 * @param tuningSeeds with which candidates are compared on the validation part; empty where nothing
 *     is chosen and every recipe is evaluated
 * @param select axes of recipes for each combination of which, and each task, one is chosen
 * @param duplicates times that a cell is evaluated; copies differ in nothing but chance
 */
public record Protocol(List<Long> tuningSeeds, List<String> select, int duplicates) {
  /** Every recipe is evaluated once with every seed. */
  public static final Protocol PLAIN = new Protocol(List.of(), List.of(), 1);

  public Protocol {
    tuningSeeds = List.copyOf(tuningSeeds);
    select = List.copyOf(select);
    Settings.between("duplicates", duplicates, 1, 10_000);
  }

  /** Whether settings are chosen before anything is evaluated. */
  public boolean tunes() {
    return !tuningSeeds.isEmpty();
  }
}
