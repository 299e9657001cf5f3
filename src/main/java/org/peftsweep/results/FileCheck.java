package org.peftsweep.results;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.parquet.ParquetReadOptions;
import org.apache.parquet.hadoop.ParquetFileReader;
import org.apache.parquet.hadoop.util.HadoopInputFile;
import org.apache.parquet.schema.MessageType;
import org.apache.parquet.schema.Type;

/** Whether a table's file can be read. */
final class FileCheck {
  private static final byte[] MAGIC = "PAR1".getBytes(StandardCharsets.US_ASCII);

  /** Both magic words and the length of the footer. */
  private static final int LEAST_BYTES = 12;

  private FileCheck() {}

  /**
   * Looks at a file.
   *
   * @param isRead whether all of it is read; else both its ends
   * @return what is wrong with it, half a sentence; empty for nothing
   */
  static Optional<String> look(
      FileSystem files,
      Table<?> table,
      FileStatus file,
      boolean isRead,
      Configuration configuration) {
    if (file.getLen() == 0) {
      return Optional.of("it is empty");
    }
    if (file.getLen() < LEAST_BYTES) {
      return Optional.of("it is cut off after " + file.getLen() + " bytes");
    }
    try {
      if (!hasBothEnds(files, file)) {
        return Optional.of("it is no whole Parquet file");
      }
      if (!isRead) {
        return Optional.empty();
      }
      boolean isSealed = true;
      if (SyncedFile.isLocal(files)) {
        // Other file systems keep checksums of their own.
        try (FSDataInputStream in = files.open(file.getPath())) {
          isSealed = SealedFile.holds(in, file.getLen());
        }
      }
      return read(table, file, isSealed, configuration);
    } catch (IOException | RuntimeException e) {
      // Parquet answers damage with exceptions of many kinds.
      return Optional.of("its content is damaged");
    }
  }

  private static boolean hasBothEnds(FileSystem files, FileStatus file) throws IOException {
    byte[] end = new byte[8];
    byte[] start = new byte[4];
    if (SyncedFile.isLocal(files)) {
      // Hadoop would open and check a file of checksums too, which takes several times as long.
      java.nio.file.Path local = java.nio.file.Path.of(file.getPath().toUri().getPath());
      try (FileChannel in = FileChannel.open(local, StandardOpenOption.READ)) {
        in.read(ByteBuffer.wrap(start), 0);
        in.read(ByteBuffer.wrap(end), file.getLen() - end.length);
      }
    } else {
      try (FSDataInputStream in = files.open(file.getPath())) {
        in.readFully(0, start);
        in.readFully(file.getLen() - end.length, end);
      } catch (EOFException e) {
        return false;
      }
    }
    long footer =
        (end[0] & 0xffL) | (end[1] & 0xffL) << 8 | (end[2] & 0xffL) << 16 | (end[3] & 0xffL) << 24;
    return Arrays.equals(start, MAGIC)
        && Arrays.equals(Arrays.copyOfRange(end, 4, 8), MAGIC)
        && footer > 0
        && footer <= file.getLen() - LEAST_BYTES;
  }

  private static Optional<String> read(
      Table<?> table, FileStatus file, boolean isSealed, Configuration configuration)
      throws IOException {
    ParquetReadOptions checked =
        ParquetReadOptions.builder().usePageChecksumVerification(true).build();
    try (ParquetFileReader reader =
        ParquetFileReader.open(HadoopInputFile.fromStatus(file, configuration), checked)) {
      Optional<String> foreign = foreign(table.parquet(), reader.getFileMetaData().getSchema());
      if (foreign.isPresent()) {
        return foreign;
      }
      long rows = 0;
      for (var group = reader.readNextRowGroup();
          group != null;
          group = reader.readNextRowGroup()) {
        rows += group.getRowCount();
      }
      String name = file.getPath().getName();
      if (rows != reader.getRecordCount()
          || TrialFile.parse(name).isPresent() && rows != 1
          || rows == 0 && !name.equals(Table.EMPTY)) {
        return Optional.of("it has " + rows + " rows");
      }
      Map<String, String> metadata = reader.getFileMetaData().getKeyValueMetaData();
      if (!isSealed && metadata.containsKey(SealedFile.KEY)) {
        return Optional.of("its checksum is lost");
      }
      boolean isListed = metadata.containsKey(MergedFiles.NAMES);
      return MergedFiles.isMerged(name) && !isListed
          ? Optional.of("it does not say which files it holds")
          : Optional.empty();
    }
  }

  /** A file from before a column was added lacks it; what it has must be of the table's types. */
  private static Optional<String> foreign(MessageType ours, MessageType theirs) {
    for (Type column : ours.getFields()) {
      boolean isThere = theirs.containsField(column.getName());
      if (isThere && !sameType(column, theirs.getType(column.getName()))) {
        return Optional.of("its column " + column.getName() + " is of another type");
      }
      if (!isThere && Set.of("sweep", "id").contains(column.getName())) {
        return Optional.of("it has no column " + column.getName());
      }
    }
    return Optional.empty();
  }

  private static boolean sameType(Type ours, Type theirs) {
    return ours.isPrimitive() == theirs.isPrimitive()
        && (!ours.isPrimitive()
            || ours.asPrimitiveType().getPrimitiveTypeName()
                == theirs.asPrimitiveType().getPrimitiveTypeName());
  }
}
