package org.peftsweep.results;

import com.fasterxml.jackson.core.JsonProcessingException;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.UUID;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.ChecksumException;
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
  private static final String DAMAGED = "damaged";

  /** A file without rows in each table, from which readers learn its schema. */
  static final String EMPTY = "empty.parquet";

  private final Path root;
  private final Configuration configuration;

  /** Attempts that do not count, see {@link TrialFile#attemptName}. */
  private final Set<String> lost;

  public ResultFolder(Path root, Configuration configuration) {
    this(root, configuration, Set.of());
  }

  private ResultFolder(Path root, Configuration configuration, Set<String> lost) {
    this.root = root;
    this.configuration = configuration;
    this.lost = lost;
  }

  /** Returns this folder as it looks when some attempts do not count. */
  ResultFolder without(Set<String> attempts) {
    return new ResultFolder(root, configuration, Set.copyOf(attempts));
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

  Configuration configuration() {
    return configuration;
  }

  /** Returns the sweep's name, which is the folder's. */
  public String sweep() {
    return root.getName();
  }

  /**
   * Makes the folders of all tables with a file that has the schema and no rows, since readers
   * refuse a path that matches none.
   */
  public void prepare() {
    Tables.all().forEach(this::prepare);
  }

  private <R> void prepare(Table<R> table) {
    writeHidden(
        table.name(), EMPTY, hidden -> ParquetTable.write(table, List.of(), hidden, configuration));
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
            tensors.checked().write(Channels.newChannel(out));
            SyncedFile.sync(out);
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
  public void write(Manifest manifest) {
    Path target = new Path(root, AGENDA);
    Path hidden = new Path(root, "." + AGENDA + "." + UUID.randomUUID());
    try {
      FileContext files = FileContext.getFileContext(root.toUri(), configuration);
      fileSystem().mkdirs(root);
      try {
        DiskFaults.checked(
            () -> {
              try (FSDataOutputStream out = fileSystem().create(hidden)) {
                out.write(manifest.toJson().getBytes(StandardCharsets.UTF_8));
                SyncedFile.sync(out);
              }
            });
        SyncedFile.sync(hidden, fileSystem());
        files.rename(hidden, target, Options.Rename.OVERWRITE);
      } finally {
        fileSystem().delete(hidden, false);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot write " + target + ": " + e.getMessage(), e);
    }
  }

  /**
   * Returns what the sweep was last asked; empty for folders of before there was such a file, and
   * where it is damaged: the next run writes it anew.
   */
  public Optional<Manifest> manifest() {
    Path file = new Path(root, AGENDA);
    try (InputStream in = fileSystem().open(file)) {
      return Optional.of(Manifest.fromJson(new String(in.readAllBytes(), StandardCharsets.UTF_8)));
    } catch (FileNotFoundException | JsonProcessingException | ChecksumException e) {
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

  /**
   * Lists the files of all attempts at all trials; reads names only. An attempt of which something
   * was damaged counts as failed.
   */
  public List<TrialFile> trialFiles() {
    return trialFiles(places(Tables.TRIALS));
  }

  List<TrialFile> trialFiles(SortedMap<String, String> places) {
    Set<String> damaged = new TreeSet<>(lost);
    damaged.addAll(setAside());
    return Stream.concat(
            places.keySet().stream()
                .flatMap(name -> TrialFile.parse(name).stream())
                .filter(file -> !damaged.contains(file.attemptName())),
            damaged.stream().flatMap(name -> TrialFile.lost(name).stream()))
        .toList();
  }

  /** Names the attempts whose rows a file of a table holds. */
  Set<String> attemptsOf(Table<?> table, String name) {
    if (table == Tables.EVENTS) {
      return Set.of();
    }
    Set<String> attempts = new TreeSet<>();
    List<String> names = List.of(name);
    if (MergedFiles.isMerged(name)) {
      Set<String> small = new TreeSet<>();
      files(table).forEach(file -> small.add(file.getPath().getName()));
      // A small file that is there still counts again.
      names =
          MergedFiles.listed(new Path(new Path(root, table.name()), name), configuration).stream()
              .filter(each -> !small.contains(each))
              .toList();
    }
    names.forEach(each -> TrialFile.attemptOf(table, each).ifPresent(attempts::add));
    return attempts;
  }

  /** Names the attempts of which something was set aside. */
  private Set<String> setAside() {
    Set<String> attempts = new TreeSet<>();
    Path folder = new Path(root, DAMAGED);
    try {
      for (FileStatus file : fileSystem().listStatus(folder)) {
        attempts.add(file.getPath().getName());
      }
    } catch (FileNotFoundException e) {
      return Set.of();
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot list " + folder + ": " + e.getMessage(), e);
    }
    return attempts;
  }

  /** Moves a damaged file out of its table and notes which attempts do not count any more. */
  void setAside(Table<?> table, String name) {
    Path file = new Path(new Path(root, table.name()), name);
    Path damaged = new Path(root, DAMAGED);
    Path aside = new Path(file.getParent(), ".damaged-" + UUID.randomUUID() + "-" + name);
    try {
      FileSystem files = fileSystem();
      files.mkdirs(damaged);
      for (String attempt : attemptsOf(table, name)) {
        files.create(new Path(damaged, attempt), true).close();
      }
      if (isLocal(files)) {
        // A dangling link is moved too.
        try {
          Files.move(local(file), local(aside));
        } catch (NoSuchFileException e) {
          // Another driver was here before.
          return;
        }
        // Of a file that an earlier version wrote.
        Files.deleteIfExists(local(new Path(file.getParent(), "." + name + ".crc")));
      } else {
        files.rename(file, aside);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot set " + file + " aside: " + e.getMessage(), e);
    }
  }

  /** Names of directories and dangling links that have the name of a table's file. */
  List<String> entriesThatAreNoFiles(Table<?> table) throws IOException {
    Path folder = new Path(root, table.name());
    if (!isLocal(fileSystem())) {
      return List.of();
    }
    try (DirectoryStream<java.nio.file.Path> entries = Files.newDirectoryStream(local(folder))) {
      List<String> names = new ArrayList<>();
      for (java.nio.file.Path entry : entries) {
        String name = entry.getFileName().toString();
        if (isVisible(name) && !Files.isRegularFile(entry)) {
          names.add(name);
        }
      }
      return names;
    } catch (NoSuchFileException e) {
      return List.of();
    }
  }

  static boolean isLocal(FileSystem files) {
    return files.getUri().getScheme().equals("file");
  }

  private static java.nio.file.Path local(Path path) {
    return java.nio.file.Path.of(path.toUri().getPath());
  }

  /**
   * Returns the file of this attempt at a trial if it is there, and done or stopped on a rung;
   * reads no folder.
   */
  public Optional<TrialFile> done(String id, int attempt) {
    for (Status status : List.of(Status.FINISHED, Status.DIVERGED, Status.STOPPED)) {
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
    List<String> names =
        files(table).stream()
            .map(file -> file.getPath().getName())
            .filter(name -> !name.equals(EMPTY))
            .toList();
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
      if (files.exists(target) && !isDamaged(files, folderName, target)) {
        // Another executor ran the same; what readers may have open stays.
        return;
      }
      files.mkdirs(folder);
      try {
        DiskFaults.checked(() -> content.write(hidden));
        SyncedFile.sync(hidden, files);
        // Some file systems answer false where the target is there: a twin was faster.
        if (!files.rename(hidden, target) && !files.exists(target)) {
          throw new IOException("it cannot be renamed from " + hidden.getName());
        }
        SyncedFile.sync(folder, files);
      } finally {
        files.delete(hidden, false);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot write " + target + ": " + e.getMessage(), e);
    }
  }

  /** Sets a damaged file aside that stands in the way of a whole one. */
  private boolean isDamaged(FileSystem files, String folderName, Path target) throws IOException {
    Optional<Table<?>> table =
        Tables.all().stream().filter(each -> each.name().equals(folderName)).findFirst();
    boolean isDamaged =
        table.isPresent()
            && Inspection.look(files, table.get(), files.getFileStatus(target), true, configuration)
                .isPresent();
    if (isDamaged) {
      files.rename(
          target,
          new Path(target.getParent(), ".damaged-" + UUID.randomUUID() + "-" + target.getName()));
    }
    return isDamaged;
  }

  private FileSystem fileSystem() throws IOException {
    FileSystem files = root.getFileSystem(configuration);
    // Hadoop would keep a hidden file of checksums beside each local one; ours hold their own.
    files.setWriteChecksum(false);
    return files;
  }
}
