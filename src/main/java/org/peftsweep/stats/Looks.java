package org.peftsweep.stats;

/** How often numbers are looked at while they grow more. */
public enum Looks {
  /** Once, when there are as many as were planned: Student's t. */
  ONCE,

  /**
   * After each that is added, and whoever looks may stop then: errors stay below α over all looks
   * together. See {@link SequentialT}.
   */
  REPEATED
}
