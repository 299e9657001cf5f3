package org.peftsweep.results;

import com.fasterxml.jackson.core.JsonProcessingException;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.ChecksumException;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.peftsweep.checkpoint.SafeTensorsWriter;
import org.peftsweep.data.FileFaults;
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

  private final Path root;
  private final Configuration configuration;
  private final TableFiles files;

  /** Attempts that do not count, see {@link TrialFile#attemptName}. */
  private final Set<String> lost;

  public ResultFolder(Path root, Configuration configuration) {
    this(root, configuration, Set.of());
  }

  private ResultFolder(Path root, Configuration configuration, Set<String> lost) {
    this.root = root;
    this.configuration = configuration;
    this.files = new TableFiles(root, configuration);
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
      throw FileFaults.cannot("list", output, e);
    }
  }

  /** Returns the folder itself. */
  public Path path() {
    return root;
  }

  /** Returns the files of its tables, as they are. */
  TableFiles files() {
    return files;
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
    files.write(
        table.name(),
        Table.EMPTY,
        hidden -> ParquetTable.write(table, List.of(), hidden, configuration));
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
    files.write(
        ADAPTERS,
        TrialFile.tensorsName(id, attempt),
        hidden -> {
          try (FSDataOutputStream out = files.system().create(hidden)) {
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
      return files.system().exists(path) ? Optional.of(path) : Optional.empty();
    } catch (IOException e) {
      throw FileFaults.cannot("look for", path, e);
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
    files.replace(AGENDA, manifest.toJson().getBytes(StandardCharsets.UTF_8));
  }

  /**
   * Returns what the sweep was last asked; empty for folders of before there was such a file, and
   * where it is damaged: the next run writes it anew.
   */
  public Optional<Manifest> manifest() {
    Path file = new Path(root, AGENDA);
    try (InputStream in = files.system().open(file)) {
      return Optional.of(Manifest.fromJson(new String(in.readAllBytes(), StandardCharsets.UTF_8)));
    } catch (FileNotFoundException | JsonProcessingException | ChecksumException e) {
      return Optional.empty();
    } catch (IOException e) {
      throw FileFaults.cannot("read", file, e);
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
    return trialFiles(files.places(Tables.TRIALS));
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
      files.of(table).forEach(file -> small.add(file.getPath().getName()));
      // A small file that is there still counts again.
      names =
          MergedFiles.listed(new Path(new Path(root, table.name()), name), configuration).stream()
              .filter(each -> !small.contains(each))
              .toList();
    }
    names.forEach(
        each ->
            (table == Tables.TRIALS
                    ? TrialFile.parse(each).map(TrialFile::attemptName)
                    : TrialFile.attemptOfPart(each))
                .ifPresent(attempts::add));
    return attempts;
  }

  /** Names the attempts of which something was set aside. */
  private Set<String> setAside() {
    Set<String> attempts = new TreeSet<>();
    Path folder = new Path(root, DAMAGED);
    try {
      for (FileStatus file : files.system().listStatus(folder)) {
        attempts.add(file.getPath().getName());
      }
    } catch (FileNotFoundException e) {
      return Set.of();
    } catch (IOException e) {
      throw FileFaults.cannot("list", folder, e);
    }
    return attempts;
  }

  /** Moves a damaged file out of its table and notes which attempts do not count any more. */
  void setAside(Table<?> table, String name) {
    Path file = new Path(new Path(root, table.name()), name);
    Path damaged = new Path(root, DAMAGED);
    try {
      FileSystem fileSystem = files.system();
      fileSystem.mkdirs(damaged);
      for (String attempt : attemptsOf(table, name)) {
        fileSystem.create(new Path(damaged, attempt), true).close();
      }
      files.moveAside(table, name);
    } catch (IOException e) {
      throw FileFaults.cannot("set aside", file, e);
    }
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
        if (files.system().exists(path)) {
          return Optional.of(file);
        }
      } catch (IOException e) {
        throw FileFaults.cannot("look for", path, e);
      }
    }
    return Optional.empty();
  }

  private <R> void write(Table<R> table, List<R> rows, String name) {
    if (!rows.isEmpty()) {
      files.write(
          table.name(), name, hidden -> ParquetTable.write(table, rows, hidden, configuration));
    }
  }
}
