package org.peftsweep.cli;

import java.io.IOException;
import java.util.Comparator;
import java.util.UUID;
import java.util.regex.Pattern;
import org.apache.commons.text.similarity.LevenshteinDistance;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.peftsweep.data.FileFaults;
import org.peftsweep.data.Shown;
import org.peftsweep.results.ResultFolder;
import org.peftsweep.spec.Locations;
import picocli.CommandLine.Option;

/** The option that says where the tables of all sweeps lie. */
final class OutputFolder {
  private static final String OPTION = "--output";
  private static final String WRITABLE = "give a folder that this account may write";
  private static final LevenshteinDistance SLIP = new LevenshteinDistance(3);
  private static final Pattern SWEEP = Pattern.compile("[a-z0-9][a-z0-9-]*");

  @Option(
      names = OPTION,
      paramLabel = "DIR",
      description =
          "Folder of all sweeps' tables, on any Hadoop file system; output of the installation"
              + " unless given.")
  private String given;

  /** Returns the folder's absolute location. It may be missing; its parents are folders. */
  Path path(Configuration files) {
    return locations(files).folder(OPTION, given == null ? Installation.output() : given);
  }

  /** Returns the folder's absolute location and makes the folder where it is missing. */
  Path made(Configuration files) {
    Path path = path(files);
    boolean isMade;
    try {
      isMade = path.getFileSystem(files).mkdirs(path);
    } catch (IOException e) {
      isMade = false;
    }
    if (!isMade) {
      throw refused("it cannot be made, " + WRITABLE);
    }
    return path;
  }

  /**
   * Refuses what a sweep's tables cannot lie in; a folder that is missing may be made.
   *
   * @param isWritten whether files are to be made there
   */
  void requireFolder(String sweep, boolean isWritten, Configuration files) {
    Path all = path(files);
    Path own = new Path(all, sweep);
    try {
      FileSystem system = own.getFileSystem(files);
      if (system.exists(own) && !system.getFileStatus(own).isDirectory()) {
        throw refused(Shown.of(own.toString()) + " is a file, move it away or give another folder");
      }
    } catch (IOException e) {
      throw FileFaults.cannot("read", shown(), e);
    }
    if (isWritten) {
      requireWritable(all, files);
      requireWritable(own, files);
    }
  }

  private void requireWritable(Path path, Configuration files) {
    try {
      FileSystem system = path.getFileSystem(files);
      if (!system.exists(path)) {
        return;
      }
      Path probe = new Path(path, ".probe-" + UUID.randomUUID());
      try {
        FileFaults.checked(() -> system.create(probe, false).close());
      } finally {
        // One that could not be closed for want of space is there.
        system.delete(probe, false);
      }
    } catch (IOException e) {
      if (FileFaults.isFull(e)) {
        // What needs the space tells it.
        return;
      }
      throw refused("no file can be made in " + Shown.of(path.toString()) + ", " + WRITABLE);
    }
  }

  private InputException refused(String why) {
    return new InputException("Cannot use " + OPTION + " " + shown() + ": " + why);
  }

  /**
   * Returns the folder's absolute location, where it is there.
   *
   * @param doing what cannot be done otherwise
   * @param reason why not
   */
  Path existing(String doing, String reason, Configuration files) {
    Path path = path(files);
    try {
      if (path.getFileSystem(files).exists(path)) {
        return path;
      }
    } catch (IOException e) {
      throw FileFaults.cannot("read", shown(), e);
    }
    throw new InputException(
        "Cannot " + doing + " " + shown() + ": " + reason + "; run a sweep or give --output");
  }

  /**
   * Returns the tables of a sweep.
   *
   * @param sweep a name, or with a slash the sweep's own folder wherever it lies
   */
  ResultFolder sweep(String sweep, Configuration files) {
    if (sweep.contains("/")) {
      return new ResultFolder(locations(files).folder("SWEEP", sweep), files);
    }
    if (!SWEEP.matcher(sweep).matches()) {
      throw new InputException(
          "Cannot find a sweep "
              + (sweep.isBlank() ? "\"\"" : Shown.of(sweep))
              + ": give a name of lower-case letters, digits and hyphens, or a folder with a slash");
    }
    return new ResultFolder(new Path(path(files), sweep), files);
  }

  /** Returns words that name the sweep which was meant; empty where none has a name like it. */
  String meant(ResultFolder missing, Configuration files) {
    Path place = missing.path().getParent();
    return ResultFolder.under(place, files).stream()
        .map(ResultFolder::sweep)
        .filter(name -> SLIP.apply(name, missing.sweep()) >= 0)
        .min(Comparator.comparingInt(name -> SLIP.apply(name, missing.sweep())))
        .map(name -> "; did you mean " + Shown.of(name) + "?")
        .orElse("");
  }

  /** Returns what a command needs to be told to find the same folder, with a blank before it. */
  String option() {
    return given == null ? "" : " " + OPTION + " " + Installation.word(given);
  }

  /** Returns how the folder was given. */
  String shown() {
    return Shown.of(given == null ? Installation.output() : given);
  }

  private static Locations locations(Configuration files) {
    return Locations.ofProcess(files, Installation.home());
  }
}
