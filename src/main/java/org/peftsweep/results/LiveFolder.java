package org.peftsweep.results;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.datatype.jsr310.JavaTimeModule;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.LocalFileSystem;
import org.apache.hadoop.fs.Path;
import org.peftsweep.data.FileFaults;

/**
 * {@code output/<sweep>/running}: a small JSON file for the driver run and for each running trial,
 * overwritten as it goes on and deleted at its end. So a sweep can be watched from wherever its
 * results can be read. Nothing depends on these files; what cannot be read is as if absent.
 */
public final class LiveFolder {
  private static final String SWEEP = "sweep.json";
  private static final JsonMapper MAPPER =
      JsonMapper.builder().addModule(new JavaTimeModule()).build();

  private final Path folder;
  private final Configuration configuration;

  public LiveFolder(ResultFolder results, Configuration configuration) {
    this.folder = new Path(results.path(), "running");
    this.configuration = configuration;
  }

  /** Tells how far a trial is. */
  public void write(RunningTrial trial) throws IOException {
    write(trial.id() + ".json", trial);
  }

  /** Tells how far the driver run is. */
  public void write(RunningSweep sweep) throws IOException {
    write(SWEEP, sweep);
  }

  /** Forgets a trial that has ended. */
  public void delete(String id) throws IOException {
    files().delete(new Path(folder, id + ".json"), false);
  }

  /** Forgets the driver run. */
  public void delete() throws IOException {
    files().delete(new Path(folder, SWEEP), false);
  }

  /** Returns how far the driver run is; empty where none goes on. */
  public Optional<RunningSweep> sweep() {
    return read(new Path(folder, SWEEP), RunningSweep.class);
  }

  /** Returns how far trials are, by title; one whose executor died may be among them. */
  public List<RunningTrial> trials() {
    List<RunningTrial> trials = new ArrayList<>();
    try {
      for (FileStatus file : files().listStatus(folder)) {
        String name = file.getPath().getName();
        if (name.endsWith(".json") && !name.equals(SWEEP)) {
          read(file.getPath(), RunningTrial.class).ifPresent(trials::add);
        }
      }
    } catch (IOException e) {
      return List.of();
    }
    trials.sort(Comparator.comparing(RunningTrial::title));
    return trials;
  }

  private void write(String name, Object value) throws IOException {
    byte[] text = MAPPER.writeValueAsBytes(value);
    FileFaults.checked(
        () -> {
          try (OutputStream out = files().create(new Path(folder, name), true)) {
            out.write(text);
          }
        });
  }

  private <T> Optional<T> read(Path file, Class<T> type) {
    try (InputStream in = files().open(file)) {
      return Optional.of(MAPPER.readValue(in, type));
    } catch (IOException e) {
      // Absent or half written; the next look sees more.
      return Optional.empty();
    }
  }

  private FileSystem files() throws IOException {
    FileSystem files = folder.getFileSystem(configuration);
    // A file and its checksum are not overwritten at once.
    return files instanceof LocalFileSystem local ? local.getRaw() : files;
  }
}
