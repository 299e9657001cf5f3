package org.peftsweep.compute;

/** What multiplies matrices of 32-bit floats on processors. */
public enum BlasLibrary {
  /** Whichever is faster on this machine. */
  AUTO,
  OPENBLAS,
  ONEDNN
}
