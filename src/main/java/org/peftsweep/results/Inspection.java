package org.peftsweep.results;

import java.io.EOFException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.parquet.ParquetReadOptions;
import org.apache.parquet.hadoop.ParquetFileReader;
import org.apache.parquet.hadoop.util.HadoopInputFile;
import org.apache.parquet.schema.MessageType;
import org.apache.parquet.schema.Type;

/**
 * Which files of a sweep's tables cannot be read.
 *
 * <p>Up to {@link #MOST_READ} files are read whole, checksums included. Of more, which {@link
 * Compaction} reads anyway, only both ends are: that finds what a full disk, a kill or a copy that
 * broke off leave behind.
 *
 * @param damages what is wrong, by table and name
 */
public record Inspection(ResultFolder folder, List<Damage> damages) {
  /** Files that are read whole at most. */
  static final int MOST_READ = 2000;

  /**
   * A file that cannot be read.
   *
   * @param reason half a sentence
   */
  record Damage(Table<?> table, String name, String reason) {}

  private static final byte[] MAGIC = "PAR1".getBytes(StandardCharsets.US_ASCII);

  /** Both magic words and the length of the footer. */
  private static final int LEAST_BYTES = 12;

  private static final int MOST_NOTICES = 10;
  private static final int REMOTE_THREADS = 16;

  /** Looks at all tables. */
  public static Inspection of(ResultFolder folder, Configuration configuration) {
    List<Damage> damages = new ArrayList<>();
    try {
      FileSystem files = folder.path().getFileSystem(configuration);
      boolean isLocal = files.getUri().getScheme().equals("file");
      int threads = isLocal ? Runtime.getRuntime().availableProcessors() : REMOTE_THREADS;
      ExecutorService pool = Executors.newFixedThreadPool(threads);
      try {
        List<Future<List<Damage>>> parts = new ArrayList<>();
        for (Table<?> table : Tables.all()) {
          damages.addAll(entries(folder, table));
          List<FileStatus> all = folder.files(table);
          int share = 1 + all.size() / (4 * threads);
          boolean isRead = all.size() <= MOST_READ;
          for (int from = 0; from < all.size(); from += share) {
            List<FileStatus> part = all.subList(from, Math.min(all.size(), from + share));
            parts.add(pool.submit(() -> look(files, table, part, isRead, configuration)));
          }
        }
        for (Future<List<Damage>> part : parts) {
          damages.addAll(part.get());
        }
      } finally {
        pool.shutdownNow();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (ExecutionException e) {
      throw new IllegalStateException(e.getCause());
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot read " + folder.path() + ": " + e.getMessage(), e);
    }
    return new Inspection(folder, List.copyOf(damages));
  }

  /**
   * Returns a sentence for each damaged file, or for some and their number.
   *
   * @param fate what becomes of it, half a sentence
   */
  public List<String> notices(String fate) {
    List<String> notices = new ArrayList<>();
    sentences().stream()
        .limit(MOST_NOTICES)
        .map(told -> told + "; it is " + fate)
        .forEach(notices::add);
    if (damages.size() > MOST_NOTICES) {
      notices.add((damages.size() - MOST_NOTICES) + " more files cannot be read, and are " + fate);
    }
    return notices;
  }

  private List<String> sentences() {
    return damages.stream()
        .map(
            damage ->
                "Cannot read "
                    + new Path(new Path(folder.path(), damage.table().name()), damage.name())
                    + ": "
                    + damage.reason())
        .toList();
  }

  /** Returns the folder as it is once what is damaged has been set aside; changes nothing. */
  public ResultFolder without() {
    Set<String> lost = new HashSet<>();
    for (Damage damage : damages) {
      lost.addAll(folder.attemptsOf(damage.table(), damage.name()));
    }
    return folder.without(lost);
  }

  /**
   * Moves what is damaged out of the tables, to the folder {@code damaged} beside them, so that its
   * trials run again. Only the holder of the {@link Lease} may call.
   */
  public void setAside() {
    damages.forEach(damage -> folder.setAside(damage.table(), damage.name()));
  }

  /** Directories and dangling links in place of files; a listing of files passes over them. */
  private static List<Damage> entries(ResultFolder folder, Table<?> table) throws IOException {
    List<Damage> damages = new ArrayList<>();
    for (String name : folder.entriesThatAreNoFiles(table)) {
      damages.add(new Damage(table, name, "it is no file"));
    }
    return damages;
  }

  private static List<Damage> look(
      FileSystem files,
      Table<?> table,
      List<FileStatus> part,
      boolean isRead,
      Configuration configuration) {
    List<Damage> damages = new ArrayList<>();
    for (FileStatus file : part) {
      boolean isWhole = isRead || MergedFiles.isMerged(file.getPath().getName());
      look(files, table, file, isWhole, configuration)
          .ifPresent(reason -> damages.add(new Damage(table, file.getPath().getName(), reason)));
    }
    return damages;
  }

  /** Returns what is wrong with a file, or nothing. */
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
      if (ResultFolder.isLocal(files)) {
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
    if (ResultFolder.isLocal(files)) {
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
          || rows == 0 && !name.equals(ResultFolder.EMPTY)) {
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
