package org.peftsweep.results;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.ChecksumFileSystem;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FileAlreadyExistsException;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.peftsweep.checkpoint.DiskFaults;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The right to run a sweep: one driver at a time holds the file {@code _lease.json} of its folder.
 *
 * <p>The holder writes the file anew every {@link Timing#beat}. One that was not written for {@link
 * Timing#stale}, or whose process is gone where that can be seen, is taken over. Whoever writes the
 * file reads it again a moment later: of two at once the last wins, also on file systems that
 * cannot create a file only where there is none. A holder that finds another's name in the file has
 * lost it.
 */
public final class Lease implements AutoCloseable {
  static final String NAME = "_lease.json";

  private static final Logger LOG = LoggerFactory.getLogger(Lease.class);
  private static final ObjectMapper JSON = new ObjectMapper();

  /**
   * How a lease lives.
   *
   * @param beat between two signs of life
   * @param stale age of the last one from which on the holder counts as dead
   * @param settle between writing the file and reading it again
   */
  public record Timing(Duration beat, Duration stale, Duration settle) {
    public static final Timing STANDARD =
        new Timing(Duration.ofSeconds(5), Duration.ofSeconds(60), Duration.ofMillis(500));
  }

  /**
   * What the file says: who holds the lease, and when it last said so; times in ms since 1970.
   *
   * @param pidSpace within which process ids of the host are unique; containers have their own
   */
  record Holder(
      String token,
      String host,
      String pidSpace,
      long pid,
      long pidStarted,
      long since,
      long beat) {}

  private final Path file;
  private final FileSystem files;
  private final Timing timing;
  private final Runnable lost;
  private final Holder mine;
  private final ScheduledExecutorService timer =
      Executors.newSingleThreadScheduledExecutor(
          work -> {
            Thread thread = new Thread(work, "lease");
            thread.setDaemon(true);
            return thread;
          });
  private boolean isHeld = true;

  private Lease(Path file, FileSystem files, Timing timing, Holder mine, Runnable lost) {
    this.file = file;
    this.files = files;
    this.timing = timing;
    this.mine = mine;
    this.lost = lost;
    long beat = timing.beat().toMillis();
    timer.scheduleAtFixedRate(this::beat, beat, beat, TimeUnit.MILLISECONDS);
  }

  /**
   * Takes the lease of a sweep's folder, which is made where it is missing.
   *
   * @param lost called once by another thread if another driver takes this one's lease
   * @throws HeldException if a living driver holds it
   */
  public static Lease take(
      ResultFolder folder, Configuration configuration, Timing timing, Runnable lost)
      throws InterruptedException {
    Path file = new Path(folder.path(), NAME);
    try {
      FileSystem files = folder.path().getFileSystem(configuration);
      if (files instanceof ChecksumFileSystem local) {
        // Its checksums are files of their own, which do not change in one step with the lease.
        files = local.getRawFileSystem();
      }
      files.mkdirs(folder.path());
      Optional<Holder> holder = read(files, file);
      boolean isThere = files.exists(file);
      if (isThere && isAlive(files, file, holder, timing)) {
        throw held(folder, holder);
      }
      Holder mine = here();
      if (isThere || isLocal(files)) {
        write(files, file, mine);
      } else {
        try (OutputStream out = files.create(file, false)) {
          out.write(JSON.writeValueAsBytes(mine));
        } catch (FileAlreadyExistsException e) {
          LOG.debug("{} appeared at this moment", file);
        }
      }
      Thread.sleep(timing.settle().toMillis());
      Optional<Holder> winner = read(files, file);
      if (winner.isEmpty() || !winner.get().token().equals(mine.token())) {
        throw held(folder, winner);
      }
      return new Lease(file, files, timing, mine, lost);
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot write " + file + ": " + e.getMessage(), e);
    }
  }

  /** Gives the lease back. */
  @Override
  public synchronized void close() {
    timer.shutdownNow();
    try {
      if (isHeld && isMine()) {
        files.delete(file, false);
      }
    } catch (IOException e) {
      LOG.warn("{} stays behind: {}", file, e.getMessage());
    }
    isHeld = false;
  }

  private synchronized void beat() {
    if (!isHeld) {
      return;
    }
    try {
      if (isMine()) {
        write(files, file, beaten(mine));
      } else {
        isHeld = false;
        timer.shutdown();
        lost.run();
      }
    } catch (IOException e) {
      // A disk that is full, or a file system that is away for a moment; the next beat tries again.
      LOG.warn("{} could not be written: {}", file, e.getMessage());
    }
  }

  private boolean isMine() throws IOException {
    Optional<Holder> holder = read(files, file);
    // A file that cannot be read or is gone was damaged, not taken.
    return holder.isEmpty() || holder.get().token().equals(mine.token());
  }

  private static boolean isAlive(
      FileSystem files, Path file, Optional<Holder> holder, Timing timing) throws IOException {
    long last;
    if (holder.isPresent()) {
      Holder here = here();
      if (holder.get().host().equals(here.host())
          && holder.get().pidSpace().equals(here.pidSpace())) {
        return isRunning(holder.get());
      }
      last = holder.get().beat();
    } else {
      try {
        last = files.getFileStatus(file).getModificationTime();
      } catch (FileNotFoundException e) {
        return false;
      }
    }
    return System.currentTimeMillis() - last < timing.stale().toMillis();
  }

  private static boolean isRunning(Holder holder) {
    return ProcessHandle.of(holder.pid())
        .filter(process -> started(process) == holder.pidStarted())
        .isPresent();
  }

  private static long started(ProcessHandle process) {
    return process.info().startInstant().map(Instant::toEpochMilli).orElse(0L);
  }

  private static Holder here() {
    ProcessHandle process = ProcessHandle.current();
    long now = System.currentTimeMillis();
    String host = Optional.ofNullable(Provenance.hostName()).orElse("an unnamed host");
    return new Holder(
        UUID.randomUUID().toString(), host, pidSpace(), process.pid(), started(process), now, now);
  }

  private static String pidSpace() {
    try {
      return Files.readSymbolicLink(java.nio.file.Path.of("/proc/self/ns/pid")).toString();
    } catch (IOException | UnsupportedOperationException e) {
      return "";
    }
  }

  private static Holder beaten(Holder holder) {
    return new Holder(
        holder.token(),
        holder.host(),
        holder.pidSpace(),
        holder.pid(),
        holder.pidStarted(),
        holder.since(),
        System.currentTimeMillis());
  }

  private static void write(FileSystem files, Path file, Holder holder) throws IOException {
    byte[] text = JSON.writeValueAsBytes(holder);
    boolean isLocal = isLocal(files);
    Path target = isLocal ? new Path(file.getParent(), "." + NAME + "." + holder.token()) : file;
    try {
      DiskFaults.checked(
          () -> {
            try (OutputStream out = files.create(target, true)) {
              out.write(text);
            }
          });
      // On a local disk a rename replaces in one step; elsewhere it would be refused.
      if (isLocal && !files.rename(target, file)) {
        throw new IOException("it cannot be renamed from " + target.getName());
      }
    } finally {
      if (isLocal) {
        files.delete(target, false);
      }
    }
  }

  private static boolean isLocal(FileSystem files) {
    return files.getUri().getScheme().equals("file");
  }

  /** Returns what the file says; nothing where it is missing or being written at this moment. */
  private static Optional<Holder> read(FileSystem files, Path file) throws IOException {
    try (FSDataInputStream in = files.open(file)) {
      String text = new String(in.readAllBytes(), StandardCharsets.UTF_8);
      return text.isBlank() ? Optional.empty() : Optional.of(JSON.readValue(text, Holder.class));
    } catch (FileNotFoundException | JsonProcessingException e) {
      return Optional.empty();
    }
  }

  private static HeldException held(ResultFolder folder, Optional<Holder> holder) {
    String who =
        holder
            .map(
                h ->
                    String.format(
                        "process %d on %s has run it since %s",
                        h.pid(),
                        h.host(),
                        Instant.ofEpochMilli(h.since()).truncatedTo(ChronoUnit.SECONDS)))
            .orElse("another driver is just starting it");
    return new HeldException(
        "Cannot run " + folder.sweep() + ": " + who + "; wait for its end with --wait, or stop it");
  }
}
