package org.peftsweep.results;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.UUID;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileContext;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Options;
import org.apache.hadoop.fs.Path;
import org.peftsweep.data.FileFaults;

/**
 * The files of a sweep's tables, on any Hadoop file system, whatever they mean.
 *
 * <p>A file is written under a name that readers ignore and then renamed; it is never changed
 * after. {@link UncheckedIOException} names the path that failed.
 */
final class TableFiles {
  private final Path root;
  private final Configuration configuration;

  TableFiles(Path root, Configuration configuration) {
    this.root = root;
    this.configuration = configuration;
  }

  /**
   * Tells where the rows of each file that was published to a table are: in the file itself, or in
   * one that it was merged into.
   */
  SortedMap<String, String> places(Table<?> table) {
    List<String> names =
        of(table).stream()
            .map(file -> file.getPath().getName())
            .filter(name -> !name.equals(Table.EMPTY))
            .toList();
    return MergedFiles.places(new Path(root, table.name()), names, configuration);
  }

  /** Returns a table's visible files; none where the folder is missing. */
  List<FileStatus> of(Table<?> table) {
    Path folder = new Path(root, table.name());
    try {
      return Arrays.stream(system().listStatus(folder))
          .filter(FileStatus::isFile)
          .filter(file -> isVisible(file.getPath().getName()))
          .sorted()
          .toList();
    } catch (FileNotFoundException e) {
      return List.of();
    } catch (IOException e) {
      throw FileFaults.cannot("list", folder, e);
    }
  }

  private static boolean isVisible(String name) {
    return name.endsWith(".parquet") && !name.startsWith(".") && !name.startsWith("_");
  }

  /** Names directories and dangling links that have the name of a table's file. */
  List<String> othersThan(Table<?> table) throws IOException {
    Path folder = new Path(root, table.name());
    if (!SyncedFile.isLocal(system())) {
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

  private static java.nio.file.Path local(Path path) {
    return java.nio.file.Path.of(path.toUri().getPath());
  }

  /** Moves a file out of its table, so that readers pass over it. */
  void moveAside(Table<?> table, String name) throws IOException {
    FileSystem files = system();
    Path file = new Path(new Path(root, table.name()), name);
    Path aside = aside(file);
    if (SyncedFile.isLocal(files)) {
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
  }

  private static Path aside(Path file) {
    return new Path(file.getParent(), ".damaged-" + UUID.randomUUID() + "-" + file.getName());
  }

  /** Writes a file beside the tables in place of the one that is there. */
  void replace(String name, byte[] content) {
    Path target = new Path(root, name);
    Path hidden = new Path(root, "." + name + "." + UUID.randomUUID());
    try {
      FileSystem files = system();
      files.mkdirs(root);
      try {
        FileFaults.checked(
            () -> {
              try (FSDataOutputStream out = files.create(hidden)) {
                out.write(content);
                SyncedFile.sync(out);
              }
            });
        SyncedFile.sync(hidden, files);
        FileContext.getFileContext(root.toUri(), configuration)
            .rename(hidden, target, Options.Rename.OVERWRITE);
      } finally {
        files.delete(hidden, false);
      }
    } catch (IOException e) {
      throw FileFaults.cannot("write", target, e);
    }
  }

  /** What a file holds. */
  @FunctionalInterface
  interface Content {
    void write(Path hidden) throws IOException;
  }

  /** Lets a file be written under a hidden name and then makes it visible, unless it is so. */
  void write(String folderName, String name, Content content) {
    Path folder = new Path(root, folderName);
    Path target = new Path(folder, name);
    Path hidden = new Path(folder, "." + name + "." + UUID.randomUUID());
    try {
      FileSystem files = system();
      if (files.exists(target) && !isDamaged(files, folderName, target)) {
        // Another executor ran the same; what readers may have open stays.
        return;
      }
      files.mkdirs(folder);
      try {
        FileFaults.checked(() -> content.write(hidden));
        SyncedFile.sync(hidden, files);
        // Some file systems answer false where the target is there: a twin was faster.
        if (!files.rename(hidden, target) && !files.exists(target)) {
          throw new FileFaults.ReasonException(
              "it cannot be renamed from " + hidden.getName() + ", run the same again");
        }
        SyncedFile.sync(folder, files);
      } finally {
        files.delete(hidden, false);
      }
    } catch (IOException e) {
      throw FileFaults.cannot("write", target, e);
    }
  }

  /** Sets a damaged file aside that stands in the way of a whole one. */
  private boolean isDamaged(FileSystem files, String folderName, Path target) throws IOException {
    Optional<Table<?>> table =
        Tables.all().stream().filter(each -> each.name().equals(folderName)).findFirst();
    boolean isDamaged =
        table.isPresent()
            && FileCheck.look(files, table.get(), files.getFileStatus(target), true, configuration)
                .isPresent();
    if (isDamaged) {
      files.rename(target, aside(target));
    }
    return isDamaged;
  }

  FileSystem system() throws IOException {
    FileSystem files = root.getFileSystem(configuration);
    // Hadoop would keep a hidden file of checksums beside each local one; ours hold their own.
    files.setWriteChecksum(false);
    return files;
  }
}
