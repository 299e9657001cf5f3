package org.peftsweep.spec;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.util.List;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.peftsweep.data.FileFaults;

/**
 * A brief look at a place on a remote file system. Hadoop's clients are made to keep a running job
 * alive and try for many minutes; a wrong address is to be told at once.
 */
final class FirstLook {
  private static final int SECONDS = 30;

  /** Few tries and short waits of the clients that Hadoop brings. */
  private static final List<String> BRIEF =
      List.of(
          "ipc.client.connect.max.retries=1",
          "ipc.client.connect.max.retries.on.timeouts=1",
          "ipc.client.connect.timeout=5000",
          "ipc.client.connect.retry.interval=200",
          "dfs.client.failover.max.attempts=2",
          "dfs.client.failover.sleep.base.millis=100",
          "dfs.client.failover.sleep.max.millis=500",
          "fs.s3a.attempts.maximum=1",
          "fs.s3a.retry.limit=1",
          "fs.s3a.connection.establish.timeout=5s",
          "fs.s3a.connection.timeout=10s");

  private FirstLook() {}

  /**
   * Tells what is at a path.
   *
   * @throws Exception whatever the file system throws; {@link FileFaults#reason} makes words of it
   */
  static Found at(Path path, Configuration conf) throws Exception {
    Configuration brief = new Configuration(conf);
    for (String setting : BRIEF) {
      String[] parts = setting.split("=");
      brief.set(parts[0], parts[1]);
    }
    FutureTask<Found> look = new FutureTask<>(() -> look(path, brief));
    Thread thread = new Thread(look, "first look at " + path.toUri().getHost());
    thread.setDaemon(true);
    thread.start();
    try {
      return look.get(SECONDS, TimeUnit.SECONDS);
    } finally {
      look.cancel(true);
    }
  }

  private static Found look(Path path, Configuration brief) throws IOException {
    // Not the one that is shared: its waits would stay short.
    try (FileSystem files =
        FileSystem.newInstance(
            path.toUri().getScheme() == null ? FileSystem.getDefaultUri(brief) : path.toUri(),
            brief)) {
      Path absolute = files.makeQualified(path);
      try {
        FileStatus status = files.getFileStatus(absolute);
        return new Found(absolute, status.isDirectory() ? Found.Kind.FOLDER : Found.Kind.FILE);
      } catch (FileNotFoundException | NoSuchFileException e) {
        return new Found(absolute, Found.Kind.NOTHING);
      }
    }
  }
}
