package org.peftsweep.spec;

/** What a trial is for. */
public enum Phase {
  /** Its score on the reported sets. */
  EVALUATION,
  /** A choice of settings on the validation part; the reported sets are never looked at. */
  TUNING
}
