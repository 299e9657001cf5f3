package org.peftsweep.spec;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.net.UnknownHostException;
import java.nio.file.NoSuchFileException;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.commons.lang3.exception.ExceptionUtils;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.UnsupportedFileSystemException;
import org.apache.hadoop.util.VersionInfo;
import org.peftsweep.data.Shown;

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
   * @throws Exception whatever the file system throws; {@link #reason} makes words of it
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

  /** Returns why a place cannot be used and what to do, without the words of a library. */
  static String reason(Throwable fault, Path path) {
    String scheme = path.toUri().getScheme() + ":";
    String host = Shown.of(String.valueOf(path.toUri().getHost()));
    for (Throwable one : ExceptionUtils.getThrowableList(fault)) {
      String kind = one.getClass().getSimpleName();
      if (one instanceof UnsupportedFileSystemException) {
        return "no file system is known for "
            + scheme
            + ", give a folder on this machine, in hdfs: or in s3a:";
      } else if (one instanceof ClassNotFoundException || one instanceof LinkageError) {
        return "the module for "
            + scheme
            + " is missing, set SUBMIT_OPTIONS=\"--packages org.apache.hadoop:hadoop-aws:"
            + VersionInfo.getVersion()
            + "\" for s3a: or as its maker says";
      } else if (one instanceof UnknownHostException
          || String.valueOf(one.getMessage()).contains("UnknownHostException")) {
        return "no host is named " + host + ", mend the address";
      } else if (kind.equals("UnknownStoreException")) {
        return "there is no bucket " + host + ", mend the address";
      } else if (kind.startsWith("AccessDenied")
          || kind.startsWith("AccessControl")
          || kind.startsWith("NoAuthWithAWS")
          || kind.startsWith("Authentication")) {
        return "access is denied, give the rights or the credentials to read it";
      } else if (one instanceof java.net.SocketException
          || one instanceof java.net.SocketTimeoutException
          || one instanceof TimeoutException
          || one instanceof InterruptedException
          || kind.startsWith("ConnectTimeout")) {
        return host + " does not answer, mend the address or wait until it does";
      } else if (kind.startsWith("ParentNotDirectory")) {
        return "a part of its path is a file, mend the path";
      } else if (!(one instanceof ExecutionException) && one.getCause() == null) {
        break;
      }
    }
    return "its file system cannot look at it, mend the address";
  }
}
