package org.peftsweep.data;

import java.util.Optional;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.io.compress.CompressionCodecFactory;

/**
 * A file of rows.
 *
 * @param isSparkPart whether Spark wrote it, whose CSV escapes quotes with a backslash
 */
record DataFile(Path path, FileFormat format, boolean isSparkPart) {

  /** What a file's name says of its format, an ending of compression aside. */
  static Optional<FileFormat> format(Path file, Configuration conf) {
    String name = uncompressed(file, conf);
    int dot = name.lastIndexOf('.');
    return dot < 0 ? Optional.empty() : FileFormat.ofEnding(name.substring(dot + 1));
  }

  /** The name without an ending that stands for a compression that Hadoop knows. */
  static String uncompressed(Path file, Configuration conf) {
    String name = file.getName();
    return new CompressionCodecFactory(conf).getCodec(file) == null
        ? name
        : name.substring(0, name.lastIndexOf('.'));
  }
}
