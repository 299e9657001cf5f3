package org.peftsweep.spec;

import org.apache.hadoop.fs.Path;

/** An absolute location and what is there. */
record Found(Path path, Kind kind) {
  /** What there is at a location. */
  enum Kind {
    NOTHING,
    FILE,
    FOLDER
  }
}
