package org.peftsweep.data;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;

/**
 * Reads tasks from GLUE's TSV files, from Parquet files as Hugging Face names them, and from
 * JSON-lines files, in any file system that Hadoop knows.
 *
 * <p>A bad row (too few or too many fields, a label that is none of the task's, bytes that are not
 * UTF-8) is a {@link DataException} with file and line, or counted where bad rows are skipped.
 * Quotes mean nothing in TSV files. Rows of QQP that lack fields are always left out and counted.
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
    this.conf = conf;
    this.skipsBadRows = skipsBadRows;
  }

  /**
   * Train and every evaluation set of a task.
   *
   * @param folder the task's own folder, or one that holds it; any Hadoop path
   */
  public Dataset read(Task task, String folder) {
    Part train = read(task, folder, Split.TRAIN, "");
    List<EvaluationSet> dev = new ArrayList<>();
    List<Part> parts = new ArrayList<>(List.of(train));
    for (String name : task.evaluationSets()) {
      Part part = read(task, folder, Split.DEV, name);
      parts.add(part);
      dev.add(new EvaluationSet(name, part.examples()));
    }
    int skipped = parts.stream().mapToInt(Part::skippedRows).sum();
    List<String> reasons = parts.stream().flatMap(part -> part.firstReasons().stream()).toList();
    return new Dataset(task, train.examples(), List.of(), dev, skipped, reasons);
  }

  /**
   * One part of a task.
   *
   * @param evaluationSet which of the task's evaluation sets; not looked at for train
   */
  public Part read(Task task, String folder, Split split, String evaluationSet) {
    boolean labelled = split != Split.TEST;
    try {
      Path own = PartFiles.folder(task, new Path(folder), conf);
      RowCollector rows = new RowCollector(task, labelled, skipsBadRows);
      List<String> stems = split.stems(evaluationSet);
      List<Path> files = PartFiles.find(own, stems, conf);
      for (Path file : files) {
        read(file, task, labelled, rows);
      }
      if (files.isEmpty() && !readMrpc(own, task, split, rows)) {
        throw new DataException(
            String.format(
                "Cannot find %s of %s in %s: supply %s.tsv, .parquet or .jsonl",
                split, task.name(), own, String.join(" or ", stems)));
      }
      Part part = rows.part();
      if (part.examples().isEmpty()) {
        throw new DataException(
            String.format("Cannot use %s of %s in %s: it has no rows", split, task.name(), own));
      }
      return part;
    } catch (IOException e) {
      throw new UncheckedIOException(
          "Cannot read " + split + " of " + task.name() + " in " + folder, e);
    }
  }

  private void read(Path file, Task task, boolean labelled, RowCollector rows) throws IOException {
    String name = file.getName();
    if (name.endsWith(".tsv")) {
      TsvFile.read(file, conf, task, labelled, rows);
    } else if (name.endsWith(".parquet")) {
      ParquetFile.read(file, conf, task, labelled, rows);
    } else {
      JsonLinesFile.read(file, conf, task, rows);
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
        ids.add(lines.text());
      }
    }
    return ids;
  }
}
