package org.peftsweep.spec;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.Optional;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;

/** Where the texts of sweep files come from. */
@FunctionalInterface
public interface TextSource {
  /** Returns the text at a location, or nothing where there is no file. */
  Optional<String> read(String location) throws IOException;

  /**
   * Returns the local files, and those of every file system that Hadoop knows: a location without a
   * scheme is a local file where there is one.
   */
  static TextSource files(Configuration conf) {
    return location -> {
      if (!location.contains(":")) {
        java.nio.file.Path local = java.nio.file.Path.of(location);
        if (Files.isRegularFile(local)) {
          return Optional.of(new String(Files.readAllBytes(local), StandardCharsets.UTF_8));
        }
      }
      Path path = new Path(location);
      try (InputStream stream = path.getFileSystem(conf).open(path)) {
        return Optional.of(new String(stream.readAllBytes(), StandardCharsets.UTF_8));
      } catch (FileNotFoundException e) {
        return Optional.empty();
      }
    };
  }
}
