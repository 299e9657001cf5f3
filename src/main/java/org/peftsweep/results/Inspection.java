package org.peftsweep.results;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.peftsweep.data.FileFaults;

/**
 * Which files of a sweep's tables cannot be read.
 *
 * <p>Up to {@link #MOST_READ} files are read whole, checksums included. Of more, which {@link
 * Compaction} reads anyway, only both ends are: that finds what a full disk, a kill or a copy that
 * broke off leave behind.
 *
 * @param damages what is wrong, by table and name
 */
public record Inspection(ResultFolder folder, List<Damage> damages) {
  /** Files that are read whole at most. */
  static final int MOST_READ = 2000;

  /**
   * A file that cannot be read.
   *
   * @param reason half a sentence
   */
  record Damage(Table<?> table, String name, String reason) {}

  private static final int MOST_NOTICES = 10;
  private static final int REMOTE_THREADS = 16;

  /** Looks at all tables. */
  public static Inspection of(ResultFolder folder, Configuration configuration) {
    List<Damage> damages = new ArrayList<>();
    try {
      FileSystem files = folder.path().getFileSystem(configuration);
      int threads =
          SyncedFile.isLocal(files) ? Runtime.getRuntime().availableProcessors() : REMOTE_THREADS;
      ExecutorService pool = Executors.newFixedThreadPool(threads);
      try {
        List<Future<List<Damage>>> parts = new ArrayList<>();
        for (Table<?> table : Tables.all()) {
          damages.addAll(entries(folder, table));
          List<FileStatus> all = folder.files().of(table);
          int share = 1 + all.size() / (4 * threads);
          boolean isRead = all.size() <= MOST_READ;
          for (int from = 0; from < all.size(); from += share) {
            List<FileStatus> part = all.subList(from, Math.min(all.size(), from + share));
            parts.add(pool.submit(() -> look(files, table, part, isRead, configuration)));
          }
        }
        for (Future<List<Damage>> part : parts) {
          damages.addAll(part.get());
        }
      } finally {
        pool.shutdownNow();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (ExecutionException e) {
      throw new IllegalStateException(e.getCause());
    } catch (IOException e) {
      throw FileFaults.cannot("read", folder.path(), e);
    }
    return new Inspection(folder, List.copyOf(damages));
  }

  /**
   * Returns a sentence for each damaged file, or for some and their number.
   *
   * @param fate what becomes of it, half a sentence
   */
  public List<String> notices(String fate) {
    List<String> notices = new ArrayList<>();
    sentences().stream()
        .limit(MOST_NOTICES)
        .map(told -> told + "; it is " + fate)
        .forEach(notices::add);
    if (damages.size() > MOST_NOTICES) {
      notices.add((damages.size() - MOST_NOTICES) + " more files cannot be read, and are " + fate);
    }
    return notices;
  }

  private List<String> sentences() {
    return damages.stream()
        .map(
            damage ->
                "Cannot read "
                    + new Path(new Path(folder.path(), damage.table().name()), damage.name())
                    + ": "
                    + damage.reason())
        .toList();
  }

  /** Returns the folder as it is once what is damaged has been set aside; changes nothing. */
  public ResultFolder without() {
    Set<String> lost = new HashSet<>();
    for (Damage damage : damages) {
      lost.addAll(folder.attemptsOf(damage.table(), damage.name()));
    }
    return folder.without(lost);
  }

  /**
   * Moves what is damaged out of the tables, to the folder {@code damaged} beside them, so that its
   * trials run again. Only the holder of the {@link Lease} may call.
   */
  public void setAside() {
    damages.forEach(damage -> folder.setAside(damage.table(), damage.name()));
  }

  /** Directories and dangling links in place of files; a listing of files passes over them. */
  private static List<Damage> entries(ResultFolder folder, Table<?> table) throws IOException {
    List<Damage> damages = new ArrayList<>();
    for (String name : folder.files().othersThan(table)) {
      damages.add(new Damage(table, name, "it is no file"));
    }
    return damages;
  }

  private static List<Damage> look(
      FileSystem files,
      Table<?> table,
      List<FileStatus> part,
      boolean isRead,
      Configuration configuration) {
    List<Damage> damages = new ArrayList<>();
    for (FileStatus file : part) {
      boolean isWhole = isRead || MergedFiles.isMerged(file.getPath().getName());
      FileCheck.look(files, table, file, isWhole, configuration)
          .ifPresent(reason -> damages.add(new Damage(table, file.getPath().getName(), reason)));
    }
    return damages;
  }
}
