package org.peftsweep.data;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.UnknownHostException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.LocalFileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RawLocalFileSystem;
import org.apache.hadoop.fs.UnsupportedFileSystemException;
import org.apache.hadoop.security.AccessControlException;

/**
 * Reads tasks from GLUE's TSV files, and from CSV, TSV, JSON and Parquet files as {@link PartFiles}
 * finds them, in any file system that Hadoop knows.
 *
 * <p>A bad row (too few or too many fields, a label that is none of the task's, bytes that are not
 * UTF-8) is a {@link DataException} with file and line, or counted where bad rows are skipped.
 * Blank lines are no rows. Quotes mean nothing in TSV files unless the task says so. Rows of QQP
 * that lack fields are always left out and counted.
 */
public final class DatasetReader {

  private static final String MRPC_TRAIN = "msr_paraphrase_train.txt";
  private static final String MRPC_TEST = "msr_paraphrase_test.txt";
  private static final String MRPC_DEV_IDS = "mrpc_dev_ids.tsv";

  private final Configuration conf;
  private final boolean skipsBadRows;

  /**
   * A reader.
   *
   * @param conf Hadoop's settings, which hold the access to remote file systems
   * @param skipsBadRows whether bad rows are counted rather than refused
   */
  public DatasetReader(Configuration conf, boolean skipsBadRows) {
    this.conf = withoutChecksums(conf);
    this.skipsBadRows = skipsBadRows;
  }

  /** Files of this machine are read as they are; of .crc files beside them users know nothing. */
  private static Configuration withoutChecksums(Configuration conf) {
    Configuration raw = new Configuration(conf);
    try {
      if (LocalFileSystem.class.isAssignableFrom(FileSystem.getFileSystemClass("file", conf))) {
        raw.setClass("fs.file.impl", RawLocalFileSystem.class, FileSystem.class);
        // A cached one would be that of other settings.
        raw.setBoolean("fs.file.impl.disable.cache", true);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot find a file system for file:", e);
    }
    return raw;
  }

  /**
   * Train and every evaluation set of a task; without a file of dev, the part of train that the
   * task declares.
   *
   * @param folder the task's own folder, or one that holds it; any Hadoop path
   */
  public Dataset read(Task task, String folder) {
    Part train = read(task, folder, Split.TRAIN, "");
    if (task.mayCarveDev() && !hasPart(task, folder, Split.DEV, "dev")) {
      return Dataset.carved(task, train);
    }
    return of(task, train.examples(), folder, new ArrayList<>(List.of(train)));
  }

  /**
   * Every evaluation set of a task, and no train; without a file of dev, the part of train that the
   * task declares.
   *
   * @param folder as of {@link #read(Task, String)}
   */
  public Dataset readReported(Task task, String folder) {
    if (task.mayCarveDev() && !hasPart(task, folder, Split.DEV, "dev")) {
      return Dataset.carved(task, read(task, folder, Split.TRAIN, "")).withoutTrain();
    }
    return of(task, List.of(), folder, new ArrayList<>());
  }

  private Dataset of(Task task, List<Example> train, String folder, List<Part> parts) {
    List<EvaluationSet> dev = new ArrayList<>();
    for (String name : task.evaluationSets()) {
      Part part = read(task, folder, Split.DEV, name);
      parts.add(part);
      dev.add(new EvaluationSet(name, part.examples()));
    }
    int skipped = parts.stream().mapToInt(Part::skippedRows).sum();
    List<String> reasons = parts.stream().flatMap(part -> part.firstReasons().stream()).toList();
    return new Dataset(task, train, List.of(), dev, skipped, reasons, false);
  }

  /**
   * One part of a task.
   *
   * @param evaluationSet which of the task's evaluation sets; not looked at for train
   */
  public Part read(Task task, String folder, Split split, String evaluationSet) {
    boolean labelled = split != Split.TEST && !task.labelColumn().isEmpty();
    return within(
        folder,
        () -> {
          Path own = PartFiles.folder(task, location(folder), conf);
          RowCollector rows = new RowCollector(task, labelled, skipsBadRows);
          List<String> stems = split.stems(evaluationSet);
          List<DataFile> files = PartFiles.find(own, stems, conf);
          for (DataFile file : files) {
            read(file, task, labelled, rows);
          }
          if (files.isEmpty() && !readMrpc(own, task, split, rows)) {
            throw new DataException(
                String.format(
                    "Cannot find %s of %s in %s: %s",
                    split, task.name(), own, PartFiles.wanted(own, stems, conf)));
          }
          Part part = rows.part();
          if (part.examples().isEmpty()) {
            throw new DataException(
                String.format(
                    "Cannot use %s of %s in %s: it has no rows; supply some",
                    split, task.name(), own));
          }
          return part;
        });
  }

  private boolean hasPart(Task task, String folder, Split split, String evaluationSet) {
    return within(
        folder,
        () -> {
          Path own = PartFiles.folder(task, location(folder), conf);
          return !PartFiles.find(own, split.stems(evaluationSet), conf).isEmpty();
        });
  }

  private void read(DataFile file, Task task, boolean labelled, RowCollector rows)
      throws IOException {
    Path path = file.path();
    boolean isQuoted = file.format() == FileFormat.QUOTED_TSV || task.quotes();
    try {
      switch (file.format()) {
        case TSV, QUOTED_TSV -> {
          if (isQuoted) {
            CsvFile.read(file, conf, task, labelled, rows);
          } else {
            TsvFile.read(path, conf, task, labelled, rows);
          }
        }
        case CSV -> CsvFile.read(file, conf, task, labelled, rows);
        case JSON -> JsonFile.read(path, conf, task, rows);
        case PARQUET -> ParquetFile.read(path, conf, task, labelled, rows);
        default -> throw new IllegalStateException(file.toString());
      }
    } catch (IOException e) {
      if (isDenied(path, e)) {
        throw denied(path.toString(), e);
      }
      if (isReadable(path)) {
        throw ParquetFile.damaged(path, e);
      }
      throw FileFaults.cannot("read", path, e);
    }
  }

  /** Whether it is for lack of permission that a place cannot be read. */
  private static boolean isDenied(Path place, IOException fault) {
    String scheme = place.toUri().getScheme();
    boolean isLocal = scheme == null || scheme.equals("file");
    java.nio.file.Path local = isLocal ? java.nio.file.Path.of(place.toUri().getPath()) : null;
    return fault instanceof AccessControlException
        || fault instanceof AccessDeniedException
        || isLocal && Files.exists(local) && !Files.isReadable(local);
  }

  private static DataException denied(String place, IOException fault) {
    return new DataException("Cannot read " + place + ": " + FileFaults.DENIED, fault);
  }

  /** Whether all bytes can be read, so that a fault is one of what they say. */
  private boolean isReadable(Path file) {
    try (InputStream bytes = file.getFileSystem(conf).open(file)) {
      bytes.transferTo(OutputStream.nullOutputStream());
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  private static Path location(String folder) {
    try {
      return new Path(folder);
    } catch (IllegalArgumentException e) {
      throw new DataException(
          "Cannot read " + folder + ": it is no location; give a path or file:, hdfs:, s3a:", e);
    }
  }

  private interface Reading<T> {
    T read() throws IOException;
  }

  private static <T> T within(String folder, Reading<T> reading) {
    try {
      return reading.read();
    } catch (UnsupportedFileSystemException | UnknownHostException e) {
      throw new DataException("Cannot read " + folder + ": " + FileFaults.reason(e, folder), e);
    } catch (IOException e) {
      if (isDenied(location(folder), e)) {
        throw denied(folder, e);
      }
      throw FileFaults.cannot("read the data in", folder, e);
    }
  }

  private boolean readMrpc(Path folder, Task task, Split split, RowCollector rows)
      throws IOException {
    Path file = new Path(folder, split == Split.TEST ? MRPC_TEST : MRPC_TRAIN);
    if (!task.name().equals("mrpc") || !file.getFileSystem(conf).exists(file)) {
      return false;
    }
    if (split == Split.TEST) {
      TsvFile.read(file, conf, task, true, rows);
      return true;
    }
    Path ids = new Path(folder, MRPC_DEV_IDS);
    if (!ids.getFileSystem(conf).exists(ids)) {
      throw new DataException(
          "Cannot split " + file + " into train and dev: supply " + ids + " of GLUE");
    }
    TsvFile.readMrpc(file, conf, task, mrpcDevIds(ids), split == Split.DEV, rows);
    return true;
  }

  private Set<String> mrpcDevIds(Path file) throws IOException {
    Set<String> ids = new TreeSet<>();
    try (Lines lines = Lines.open(file, conf)) {
      while (lines.next()) {
        ids.add(TsvFile.text(lines));
      }
    }
    return ids;
  }
}
