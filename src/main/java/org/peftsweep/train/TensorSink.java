package org.peftsweep.train;

import org.peftsweep.checkpoint.SafeTensorsWriter;

/** Takes the trained tensors of a trial that finishes, for export. */
@FunctionalInterface
public interface TensorSink {
  /** Key of the file's metadata under which the trial stands as JSON. */
  String TRIAL = "trial";

  /** Key of its metadata under which the layout of the adapter stands that it started from. */
  String LAYOUT = "layout";

  /** Key of its metadata under which the number of steps stands that were trained. */
  String STEPS = "steps";

  /** Keeps nothing. */
  TensorSink NOTHING = ((TensorSink) tensors -> {}).upTo(-1);

  /** Takes the tensors, whose values can be read until it returns. */
  void keep(SafeTensorsWriter tensors);

  /** Returns the size of the values up to which they are wanted, in bytes. */
  default long mostBytes() {
    return Long.MAX_VALUE;
  }

  /** Returns this sink for sizes up to a limit; 0 is never, since a head learns always. */
  default TensorSink upTo(long bytes) {
    TensorSink sink = this;
    return new TensorSink() {
      @Override
      public void keep(SafeTensorsWriter tensors) {
        sink.keep(tensors);
      }

      @Override
      public long mostBytes() {
        return bytes;
      }
    };
  }
}
