package org.peftsweep.compute;

/** A stretch of memory that tensors hold together; counted holders keep it from being reused. */
abstract class Block {
  int holders;

  /** Whether somebody holds it and its step is not over. */
  final boolean isLive() {
    return holders > 0 && isOfThisStep();
  }

  abstract boolean isOfThisStep();

  /** Gives the memory back, where its step is not over. */
  abstract void free();
}
