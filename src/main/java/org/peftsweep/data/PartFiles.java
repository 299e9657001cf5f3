package org.peftsweep.data;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;

/**
 * Finds the files of one part of a task below a folder.
 *
 * <p>The folder may be the task's own or hold one named after the task (as Hugging Face or as GLUE
 * names it); files lie in it or in its folder {@code data}. A part is one of: a file {@code
 * <stem>.<ending>}; shards {@code <stem>-00000-of-00001.<ending>} or numbered otherwise; a folder
 * {@code <stem>} or {@code <stem>.<ending>} of files, as Spark writes them. Endings are those of
 * {@link FileFormat}; text may be packed, with the ending of its codec behind. Two that could be
 * the part are refused, and so are two files that are the same piece of it, as a packed one beside
 * the unpacked.
 */
final class PartFiles {

  private static final String SHARD = "([-_.]?(?<shard>\\d+)(-of-(?<of>\\d{1,9}))?(-[0-9a-f]+)?)?";
  private static final Pattern COUNTED =
      Pattern.compile("(?<before>.*?)(?<shard>\\d+)-of-(?<of>\\d{1,9})\\D.*");
  private static final Pattern SPARK_PART = Pattern.compile("part-\\d{5}-.+");
  private static final Pattern PARTITION = Pattern.compile("[^=]+=.*");

  /** Entries of a folder that say that its files are not simply its rows, and what to do. */
  private static final Map<String, String> NOT_PLAIN =
      Map.of(
          "_temporary", "Spark did not write it to its end; write it again",
          "_delta_log", "it is a Delta table; write its rows as Parquet");

  private static final int MOST_NAMED = 12;

  private final Configuration conf;
  private final FileSystem files;
  private final Path folder;
  private final Pattern name;

  /** What could be the part, with its files, by name. */
  private final Map<String, List<DataFile>> candidates = new TreeMap<>();

  private PartFiles(Path folder, List<String> stems, Configuration conf) throws IOException {
    this.conf = conf;
    this.folder = folder;
    this.files = folder.getFileSystem(conf);
    this.name =
        Pattern.compile(
            "(?<stem>"
                + stems.stream().map(Pattern::quote).collect(Collectors.joining("|"))
                + ")"
                + SHARD
                + "(\\.(?<ending>"
                + FileFormat.endings("|")
                + "))?",
            Pattern.CASE_INSENSITIVE);
  }

  /** The folder that holds the task's files. */
  static Path folder(Task task, Path folder, Configuration conf) throws IOException {
    FileSystem fs = folder.getFileSystem(conf);
    if (!fs.exists(folder)) {
      throw new DataException(
          "Cannot find " + folder + ": supply the folder with the files of " + task.name());
    }
    if (!isDirectory(fs, folder)) {
      throw new DataException(
          "Cannot use " + folder + " as a folder of data: give the folder that holds the file");
    }
    for (String name : List.of(task.name(), TsvLayout.FOLDERS.getOrDefault(task.name(), ""))) {
      if (!name.isEmpty() && isDirectory(fs, new Path(folder, name))) {
        return new Path(folder, name);
      }
    }
    return folder;
  }

  /** The files in order of their names, all of one format; empty where there are none. */
  static List<DataFile> find(Path folder, List<String> stems, Configuration conf)
      throws IOException {
    PartFiles part = new PartFiles(folder, stems, conf);
    part.look(folder, "");
    Path inner = new Path(folder, "data");
    if (isDirectory(part.files, inner)) {
      part.look(inner, "data/");
    }
    return part.only();
  }

  /** What could be supplied as a part, and which files are there instead. */
  static String wanted(Path folder, List<String> stems, Configuration conf) throws IOException {
    List<String> there =
        Arrays.stream(folder.getFileSystem(conf).listStatus(folder))
            .map(entry -> entry.getPath().getName() + (entry.isDirectory() ? "/" : ""))
            .filter(entry -> !(entry.startsWith(".") && entry.endsWith(".crc")))
            .sorted()
            .toList();
    String more = there.size() > MOST_NAMED ? " and " + (there.size() - MOST_NAMED) + " more" : "";
    return "supply "
        + String.join(" or ", stems)
        + "."
        + FileFormat.endings(", .")
        + ", or a folder of such files; there "
        + (there.isEmpty()
            ? "is nothing"
            : "are " + there.subList(0, Math.min(MOST_NAMED, there.size())) + more);
  }

  private void look(Path where, String prefix) throws IOException {
    Map<String, Shards> shards = new TreeMap<>();
    requireWhole(where, path -> name.matcher(DataFile.uncompressed(path, conf)).matches());
    for (FileStatus entry : entries(where)) {
      Path path = entry.getPath();
      Matcher matcher = name.matcher(DataFile.uncompressed(path, conf));
      if (!matcher.matches()) {
        continue;
      }
      boolean isShard = matcher.group("shard") != null;
      if (entry.isDirectory() && !isShard) {
        candidates.put(prefix + path.getName() + "/", inside(path, matcher.group("ending")));
      } else if (entry.isFile() && matcher.group("ending") != null) {
        FileFormat format = FileFormat.ofEnding(matcher.group("ending")).orElseThrow();
        String candidate = path.getName();
        if (isShard) {
          candidate = matcher.group("stem") + "-*." + matcher.group("ending");
          shards
              .computeIfAbsent(candidate, shared -> new Shards(shared, where))
              .add(path.getName(), matcher.group("shard"), matcher.group("of"));
        }
        candidates
            .computeIfAbsent(prefix + candidate, any -> new ArrayList<>())
            .add(new DataFile(path, format, false));
      }
    }
    shards.values().forEach(Shards::requireAll);
  }

  /** The files of a folder as Spark writes it. */
  private List<DataFile> inside(Path part, String ending) throws IOException {
    List<DataFile> found = new ArrayList<>();
    Map<String, String> unpacked = new TreeMap<>();
    Map<String, Shards> shards = new TreeMap<>();
    requireWhole(part, path -> DataFile.format(path, conf).isPresent());
    for (FileStatus entry : entries(part)) {
      String entryName = entry.getPath().getName();
      String reason = NOT_PLAIN.get(entryName);
      if (entry.isDirectory() && PARTITION.matcher(entryName).matches()) {
        reason = "it is partitioned by a column; write it without partitionBy";
      }
      if (reason != null) {
        throw new DataException("Cannot read " + part + ": " + reason);
      }
      boolean isHidden = entryName.startsWith("_") || entryName.startsWith(".");
      Optional<FileFormat> own = DataFile.format(entry.getPath(), conf);
      Optional<FileFormat> asked = Optional.ofNullable(ending).flatMap(FileFormat::ofEnding);
      boolean isSparkPart = SPARK_PART.matcher(entryName).matches();
      if (entry.isFile() && !isHidden && (own.isPresent() || asked.isPresent() && isSparkPart)) {
        FileFormat format = own.or(() -> asked).orElseThrow();
        if (format == FileFormat.CSV && asked.equals(Optional.of(FileFormat.TSV))) {
          format = FileFormat.QUOTED_TSV;
        }
        found.add(new DataFile(entry.getPath(), format, isSparkPart));
        String bare = DataFile.uncompressed(entry.getPath(), conf);
        String other = unpacked.putIfAbsent(bare, entryName);
        if (other != null) {
          throw Shards.twice(part, other, entryName);
        }
        Matcher counted = COUNTED.matcher(bare);
        if (counted.matches()) {
          shards
              .computeIfAbsent(counted.group("before") + "*", shared -> new Shards(shared, part))
              .add(entryName, counted.group("shard"), counted.group("of"));
        }
      }
    }
    shards.values().forEach(Shards::requireAll);
    if (found.isEmpty()) {
      throw new DataException(
          "Cannot read "
              + part
              + ": it holds no file of rows; supply files that end in ."
              + FileFormat.endings(", ."));
    }
    return found;
  }

  private List<DataFile> only() {
    List<DataFile> found = new ArrayList<>();
    candidates.values().forEach(found::addAll);
    List<String> names = List.copyOf(candidates.keySet());
    if (found.stream().map(DataFile::format).distinct().count() > 1 && names.size() == 1) {
      names = found.stream().map(file -> file.path().getName()).limit(MOST_NAMED).toList();
    } else if (names.size() < 2) {
      found.sort(Comparator.comparing(file -> file.path().toString()));
      return found;
    }
    throw new DataException(
        "Cannot choose between " + names + " in " + folder + ": keep the files of one form");
  }

  /** Refuses links that lead nowhere, which a listing leaves out. */
  private void requireWhole(Path where, Predicate<Path> isPart) throws IOException {
    if (!"file".equals(files.getUri().getScheme())) {
      return;
    }
    try (Stream<java.nio.file.Path> entries =
        Files.list(java.nio.file.Path.of(where.toUri().getPath()))) {
      for (java.nio.file.Path entry : (Iterable<java.nio.file.Path>) entries.sorted()::iterator) {
        String entryName = entry.getFileName().toString();
        boolean isHidden = entryName.startsWith("_") || entryName.startsWith(".");
        Path path = new Path(where, new Path(null, null, entryName));
        if (!Files.exists(entry) && !isHidden && isPart.test(path)) {
          throw new DataException(
              "Cannot read " + path + ": " + LocalFile.fault(entry).orElse("it was removed"));
        }
      }
    }
  }

  private List<FileStatus> entries(Path where) throws IOException {
    List<FileStatus> entries = new ArrayList<>(Arrays.asList(files.listStatus(where)));
    entries.sort(Comparator.comparing(entry -> entry.getPath().getName()));
    return entries;
  }

  private static boolean isDirectory(FileSystem fs, Path path) throws IOException {
    try {
      return fs.getFileStatus(path).isDirectory();
    } catch (FileNotFoundException e) {
      return false;
    }
  }
}
