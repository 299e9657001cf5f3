package org.peftsweep.train;

import org.peftsweep.checkpoint.SafeTensorsWriter;

/** Takes the trained tensors of a trial that finishes, for export. */
@FunctionalInterface
public interface Keeper {
  /** Key of the file's metadata under which the trial stands as JSON. */
  String TRIAL = "trial";

  /** Key of its metadata under which the layout of the adapter stands that it started from. */
  String LAYOUT = "layout";

  /** Key of its metadata under which the number of steps stands that were trained. */
  String STEPS = "steps";

  /** Keeps nothing. */
  Keeper NOTHING = ((Keeper) tensors -> {}).upTo(-1);

  /** Takes the tensors, whose values can be read until it returns. */
  void keep(SafeTensorsWriter tensors);

  /** Returns the size of the values up to which they are wanted, in bytes. */
  default long mostBytes() {
    return Long.MAX_VALUE;
  }

  /** Returns this keeper for sizes up to a limit; 0 is never, since a head learns always. */
  default Keeper upTo(long bytes) {
    Keeper keeper = this;
    return new Keeper() {
      @Override
      public void keep(SafeTensorsWriter tensors) {
        keeper.keep(tensors);
      }

      @Override
      public long mostBytes() {
        return bytes;
      }
    };
  }
}
