package org.peftsweep.spec;

import java.io.IOException;
import java.util.Optional;
import org.apache.hadoop.conf.Configuration;

/** Where the texts of sweep files come from. */
@FunctionalInterface
public interface TextSource {
  /** Returns the text at a location, or nothing where there is no file. */
  Optional<String> read(String location) throws IOException;

  /**
   * Returns the local files, and those of every file system that Hadoop knows.
   *
   * @throws SpecException from reading what is there and is no file
   */
  static TextSource files(Configuration conf) {
    return Locations.ofProcess(conf, Optional.empty())::text;
  }
}
