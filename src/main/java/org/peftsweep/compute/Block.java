package org.peftsweep.compute;

/** A stretch of memory that tensors hold together; counted holders keep it from being reused. */
abstract class Block {
  int holders;

  /** Holders that hold some rows only. */
  int parts;

  /** Whether somebody holds it and its step is not over. */
  final boolean isLive() {
    return holders > 0 && isOfThisStep();
  }

  /** Whether one holder has all of it, and nobody a part. */
  boolean isSolelyHeld() {
    return holders == 1 && parts == 0;
  }

  /** Whether nobody holds it but as parts. */
  boolean isHeldInParts() {
    return holders == parts;
  }

  abstract boolean isOfThisStep();

  /** Gives the memory back, where its step is not over. */
  abstract void free();
}
