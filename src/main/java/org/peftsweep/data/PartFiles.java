package org.peftsweep.data;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Pattern;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;

/**
 * Finds the files of one part of a task below a folder.
 *
 * <p>The folder may be the task's own or hold one named after the task (as Hugging Face or as GLUE
 * names it). A part is {@code <stem>.tsv}, {@code <stem>.jsonl}, {@code <stem>.json}, {@code
 * <stem>.parquet}, any number of {@code <stem>-00000-of-00001.parquet}, or a folder {@code <stem>}
 * of Parquet files. The stems of dev are dev and validation.
 */
final class PartFiles {

  private static final String SHARD = "(-\\d+-of-\\d+(-[0-9a-f]+)?)?";

  private PartFiles() {}

  /** The folder that holds the task's files. */
  static Path folder(Task task, Path folder, Configuration conf) throws IOException {
    FileSystem fs = folder.getFileSystem(conf);
    if (!fs.exists(folder)) {
      throw new DataException(
          "Cannot find " + folder + ": supply the folder with the files of " + task.name());
    }
    for (String name : List.of(task.name(), TsvLayout.FOLDERS.getOrDefault(task.name(), ""))) {
      if (!name.isEmpty() && isDirectory(fs, new Path(folder, name))) {
        return new Path(folder, name);
      }
    }
    return folder;
  }

  /** The files in order of their names, all of one format; empty where there are none. */
  static List<Path> find(Path folder, List<String> stems, Configuration conf) throws IOException {
    FileSystem fs = folder.getFileSystem(conf);
    List<Path> found = new ArrayList<>();
    List<FileStatus> entries = new ArrayList<>(Arrays.asList(fs.listStatus(folder)));
    entries.sort((a, b) -> a.getPath().getName().compareTo(b.getPath().getName()));
    for (String stem : stems) {
      Pattern pattern =
          Pattern.compile(Pattern.quote(stem) + "(\\.tsv|" + SHARD + "\\.(parquet|jsonl?))");
      for (FileStatus entry : entries) {
        String name = entry.getPath().getName();
        if (entry.isFile() && pattern.matcher(name).matches()) {
          found.add(entry.getPath());
        } else if (entry.isDirectory() && name.equals(stem)) {
          for (FileStatus inner : fs.listStatus(entry.getPath())) {
            if (inner.getPath().getName().endsWith(".parquet")) {
              found.add(inner.getPath());
            }
          }
        }
      }
    }
    found.sort((a, b) -> a.toString().compareTo(b.toString()));
    boolean isMixed = found.stream().map(PartFiles::family).distinct().count() > 1;
    boolean isTwice = found.size() > 1 && found.stream().anyMatch(file -> isWhole(file, stems));
    if (isMixed || isTwice) {
      throw new DataException(
          "Cannot choose between "
              + found.stream().map(Path::getName).toList()
              + " in "
              + folder
              + ": keep the files of one form");
    }
    return found;
  }

  private static String family(Path file) {
    String name = file.getName();
    return name.substring(name.lastIndexOf('.') + 1);
  }

  private static boolean isWhole(Path file, List<String> stems) {
    String name = file.getName();
    return stems.contains(name.substring(0, name.lastIndexOf('.')));
  }

  private static boolean isDirectory(FileSystem fs, Path path) throws IOException {
    try {
      return fs.getFileStatus(path).isDirectory();
    } catch (FileNotFoundException e) {
      return false;
    }
  }
}
