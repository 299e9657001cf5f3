package org.peftsweep.results;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.UUID;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileContext;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Options;
import org.apache.hadoop.fs.Path;
import org.peftsweep.checkpoint.DiskFaults;
import org.peftsweep.checkpoint.SafeTensorsWriter;
import org.peftsweep.train.Outcome.Status;

/**
 * The tables of one sweep, {@code output/<sweep>}, on any Hadoop file system.
 *
 * <p>A file is written under a name that readers ignore and then renamed; it is never changed
 * after. The file in {@code trials} comes last and stands for the trial: rows of other tables count
 * only where it is there. {@link UncheckedIOException} names the path that failed.
 */
public final class ResultFolder {
  private static final String AGENDA = "agenda.json";
  private static final String ADAPTERS = "adapters";

  private final Path root;
  private final Configuration configuration;

  public ResultFolder(Path root, Configuration configuration) {
    this.root = root;
    this.configuration = configuration;
  }

  /** Returns the sweeps below a folder, by name; none where it is missing. */
  public static List<ResultFolder> under(Path output, Configuration configuration) {
    try {
      FileStatus[] children = output.getFileSystem(configuration).listStatus(output);
      return Arrays.stream(children)
          .filter(FileStatus::isDirectory)
          .map(FileStatus::getPath)
          .filter(path -> !path.getName().startsWith(".") && !path.getName().startsWith("_"))
          .sorted()
          .map(path -> new ResultFolder(path, configuration))
          .toList();
    } catch (FileNotFoundException e) {
      return List.of();
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot list " + output + ": " + e.getMessage(), e);
    }
  }

  /** Returns the folder itself. */
  public Path path() {
    return root;
  }

  /** Returns the sweep's name, which is the folder's. */
  public String sweep() {
    return root.getName();
  }

  /** Makes the folders of all tables, since Spark SQL refuses a path that matches none. */
  public void prepare() {
    try {
      for (Table<?> table : Tables.all()) {
        fileSystem().mkdirs(new Path(root, table.name()));
      }
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot write " + root + ": " + e.getMessage(), e);
    }
  }

  /** Returns the folder for states of a trial that runs; tables know nothing of it. */
  public Path checkpoints(String id) {
    return new Path(new Path(root, "checkpoints"), id);
  }

  /**
   * Makes a trial visible: its curve, its predictions, its scores of layers and, last of all, its
   * row.
   */
  public void publish(TrialRow row) {
    TrialFile file = row.file();
    List<CurveRow> curve =
        row.outcome().curve().stream().map(point -> new CurveRow(row, point)).toList();
    List<PredictionRow> predictions =
        row.outcome().predictions().stream().map(p -> new PredictionRow(row, p)).toList();
    List<LayerRow> layers =
        row.outcome().layers().stream().map(score -> new LayerRow(row, score)).toList();
    write(Tables.CURVES, curve, file.partName());
    write(Tables.PREDICTIONS, predictions, file.partName());
    write(Tables.LAYERS, layers, file.partName());
    write(Tables.TRIALS, List.of(row), file.name());
  }

  /**
   * Keeps the trained tensors of an attempt at a trial in {@code adapters}; called before its row
   * is published.
   */
  public void keep(String id, int attempt, SafeTensorsWriter tensors) {
    writeHidden(
        ADAPTERS,
        TrialFile.tensorsName(id, attempt),
        hidden -> {
          try (FSDataOutputStream out = fileSystem().create(hidden)) {
            tensors.write(Channels.newChannel(out));
          }
        });
  }

  /** Returns the file with the trained tensors of the attempt that counts, if they were kept. */
  public Optional<Path> tensors(String id) {
    TrialFile file = trials().get(id);
    if (file == null) {
      return Optional.empty();
    }
    Path path = new Path(new Path(root, ADAPTERS), TrialFile.tensorsName(id, file.attempt()));
    try {
      return fileSystem().exists(path) ? Optional.of(path) : Optional.empty();
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot look for " + path + ": " + e.getMessage(), e);
    }
  }

  /** Makes a batch of events visible; the number tells batches of a driver run apart. */
  public void publish(List<Event> events, int number) {
    if (!events.isEmpty()) {
      long run = events.get(0).run().toEpochMilli();
      write(Tables.EVENTS, events, "run-" + run + "-" + number + ".parquet");
    }
  }

  /** Replaces what the sweep is known to have been asked. */
  public void write(Agenda agenda) {
    Path target = new Path(root, AGENDA);
    Path hidden = new Path(root, "." + AGENDA + "." + UUID.randomUUID());
    try {
      FileContext files = FileContext.getFileContext(root.toUri(), configuration);
      fileSystem().mkdirs(root);
      try {
        DiskFaults.checked(
            () -> {
              try (OutputStream out = fileSystem().create(hidden)) {
                out.write(agenda.toJson().getBytes(StandardCharsets.UTF_8));
              }
            });
        files.rename(hidden, target, Options.Rename.OVERWRITE);
      } finally {
        fileSystem().delete(hidden, false);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot write " + target + ": " + e.getMessage(), e);
    }
  }

  /** Returns what the sweep was last asked; empty for folders of before there was such a file. */
  public Optional<Agenda> agenda() {
    Path file = new Path(root, AGENDA);
    try (InputStream in = fileSystem().open(file)) {
      return Optional.of(Agenda.fromJson(new String(in.readAllBytes(), StandardCharsets.UTF_8)));
    } catch (FileNotFoundException e) {
      return Optional.empty();
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot read " + file + ": " + e.getMessage(), e);
    }
  }

  /** Lists by id the file of each trial that counts; reads names only. */
  public SortedMap<String, TrialFile> trials() {
    return trials(trialFiles());
  }

  /** Chooses by id the file that counts. */
  public static SortedMap<String, TrialFile> trials(List<TrialFile> files) {
    SortedMap<String, TrialFile> trials = new TreeMap<>();
    for (TrialFile file : files) {
      trials.merge(file.id(), file, (a, b) -> a.compareTo(b) < 0 ? b : a);
    }
    return trials;
  }

  /** Returns the latest attempt at each trial, done or not. */
  public SortedMap<String, Integer> attempts() {
    return attempts(trialFiles());
  }

  /** Chooses by id the latest attempt. */
  public static SortedMap<String, Integer> attempts(List<TrialFile> files) {
    SortedMap<String, Integer> attempts = new TreeMap<>();
    for (TrialFile file : files) {
      attempts.merge(file.id(), file.attempt(), Math::max);
    }
    return attempts;
  }

  /** Lists the files of all attempts at all trials; reads names only. */
  public List<TrialFile> trialFiles() {
    return trialFiles(places(Tables.TRIALS));
  }

  static List<TrialFile> trialFiles(SortedMap<String, String> places) {
    return places.keySet().stream().flatMap(name -> TrialFile.parse(name).stream()).toList();
  }

  /** Returns the file of this attempt at a trial if it is there and done; reads no folder. */
  public Optional<TrialFile> done(String id, int attempt) {
    for (Status status : TrialFile.DONE) {
      TrialFile file = new TrialFile(id, attempt, status);
      Path path = new Path(new Path(root, Tables.TRIALS.name()), file.name());
      try {
        if (fileSystem().exists(path)) {
          return Optional.of(file);
        }
      } catch (IOException e) {
        throw new UncheckedIOException("Cannot look for " + path + ": " + e.getMessage(), e);
      }
    }
    return Optional.empty();
  }

  /**
   * Tells where the rows of each file that was published to a table are: in the file itself, or in
   * one that it was merged into.
   */
  SortedMap<String, String> places(Table<?> table) {
    List<String> names = files(table).stream().map(file -> file.getPath().getName()).toList();
    return MergedFiles.places(new Path(root, table.name()), names, configuration);
  }

  /** Returns the names of the files that were merged into this one. */
  List<String> merged(Path file) {
    return MergedFiles.names(file, configuration);
  }

  /** Returns a table's visible files; none where the folder is missing. */
  List<FileStatus> files(Table<?> table) {
    Path folder = new Path(root, table.name());
    try {
      return Arrays.stream(fileSystem().listStatus(folder))
          .filter(FileStatus::isFile)
          .filter(file -> isVisible(file.getPath().getName()))
          .sorted()
          .toList();
    } catch (FileNotFoundException e) {
      return List.of();
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot list " + folder + ": " + e.getMessage(), e);
    }
  }

  private static boolean isVisible(String name) {
    return name.endsWith(".parquet") && !name.startsWith(".") && !name.startsWith("_");
  }

  private <R> void write(Table<R> table, List<R> rows, String name) {
    if (!rows.isEmpty()) {
      writeHidden(
          table.name(), name, hidden -> ParquetTable.write(table, rows, hidden, configuration));
    }
  }

  /** What a file holds. */
  @FunctionalInterface
  interface Content {
    void write(Path hidden) throws IOException;
  }

  /** Lets a file be written under a hidden name and then makes it visible, unless it is so. */
  void writeHidden(String folderName, String name, Content content) {
    Path folder = new Path(root, folderName);
    Path target = new Path(folder, name);
    Path hidden = new Path(folder, "." + name + "." + UUID.randomUUID());
    try {
      FileSystem files = fileSystem();
      if (files.exists(target)) {
        // Another executor ran the same; what readers may have open stays.
        return;
      }
      files.mkdirs(folder);
      try {
        DiskFaults.checked(() -> content.write(hidden));
        // Some file systems answer false where the target is there: a twin was faster.
        if (!files.rename(hidden, target) && !files.exists(target)) {
          throw new IOException("it cannot be renamed from " + hidden.getName());
        }
      } finally {
        files.delete(hidden, false);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot write " + target + ": " + e.getMessage(), e);
    }
  }

  private FileSystem fileSystem() throws IOException {
    return root.getFileSystem(configuration);
  }
}
