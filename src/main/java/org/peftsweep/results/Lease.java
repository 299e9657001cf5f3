package org.peftsweep.results;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
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
import org.peftsweep.data.FileFaults;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The right to run a sweep: one driver at a time holds the file {@code _lease.json} of its folder.
 *
 * <p>The holder writes the file anew every {@link Timing#beat}. Where its process can be seen, the
 * lease lives as long as that does; elsewhere it is taken over once the file was watched for {@link
 * Timing#stale} and did not change. So no clock of one machine is held against that of another, and
 * a clock that is set means nothing. Whoever writes the file reads it again a moment later: of two
 * at once the last wins, also on file systems that cannot create a file only where there is none. A
 * holder that finds another's name in the file has lost it.
 */
public final class Lease implements AutoCloseable {
  static final String NAME = "_lease.json";

  private static final Logger LOG = LoggerFactory.getLogger(Lease.class);
  private static final ObjectMapper JSON = new ObjectMapper();

  /**
   * How a lease lives.
   *
   * @param beat between two signs of life
   * @param stale without one, by the clock of whoever looks, the holder counts as dead
   * @param settle between writing the file and reading it again
   */
  public record Timing(Duration beat, Duration stale, Duration settle) {
    public static final Timing STANDARD =
        new Timing(Duration.ofSeconds(5), Duration.ofSeconds(60), Duration.ofMillis(500));
  }

  /**
   * What the file says: who holds the lease, and how often it has said so; see {@link Machine}.
   *
   * @param since in ms since 1970, for the reader's eye
   */
  record Holder(
      String token,
      String host,
      String boot,
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
  private final String dead;
  private long beats;
  private final ScheduledExecutorService timer =
      Executors.newSingleThreadScheduledExecutor(
          work -> {
            Thread thread = new Thread(work, "lease");
            thread.setDaemon(true);
            return thread;
          });
  private boolean isHeld = true;

  private Lease(
      Path file, FileSystem files, Timing timing, Holder mine, String dead, Runnable lost) {
    this.file = file;
    this.files = files;
    this.timing = timing;
    this.mine = mine;
    this.dead = dead;
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
    return take(folder, configuration, timing, lost, Machine.HERE);
  }

  static Lease take(
      ResultFolder folder,
      Configuration configuration,
      Timing timing,
      Runnable lost,
      Machine machine)
      throws InterruptedException {
    Path file = new Path(folder.path(), NAME);
    try {
      FileSystem files = files(folder, configuration);
      files.mkdirs(folder.path());
      Optional<Holder> holder = read(files, file);
      boolean isThere = files.exists(file);
      if (isThere && isAlive(files, file, holder, timing, machine)) {
        throw held(folder, holder);
      }
      Holder mine = holder(machine);
      if (isThere || SyncedFile.isLocal(files)) {
        write(files, file, mine);
      } else {
        try (OutputStream out = files.create(file, false)) {
          out.write(JSON.writeValueAsBytes(mine));
        } catch (FileAlreadyExistsException e) {
          LOG.debug("{} appeared at this moment", file);
        }
      }
      machine.sleep(timing.settle());
      Optional<Holder> winner = read(files, file);
      if (winner.isEmpty() || !winner.get().token().equals(mine.token())) {
        throw held(folder, winner);
      }
      return new Lease(file, files, timing, mine, holder.map(Holder::token).orElse(null), lost);
    } catch (IOException e) {
      throw FileFaults.cannot("write", file, e);
    }
  }

  /**
   * Returns the token of the run that goes on; empty where none does, as far as can be seen from
   * here.
   */
  public static Optional<String> running(ResultFolder folder, Configuration configuration) {
    Path file = new Path(folder.path(), NAME);
    try {
      return read(files(folder, configuration), file)
          .filter(holder -> !isSeen(holder, Machine.HERE) || isThere(holder, Machine.HERE))
          .map(Holder::token);
    } catch (IOException e) {
      throw FileFaults.cannot("read", file, e);
    }
  }

  /** Returns what tells this run from all others of the sweep. */
  public String token() {
    return mine.token();
  }

  /** Returns the token of the run that died with the lease; empty where none did. */
  public Optional<String> dead() {
    return Optional.ofNullable(dead);
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
        write(files, file, beaten());
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
      FileSystem files, Path file, Optional<Holder> holder, Timing timing, Machine machine)
      throws IOException, InterruptedException {
    if (holder.isPresent() && isSeen(holder.get(), machine)) {
      return isThere(holder.get(), machine);
    }
    byte[] seen = bytes(files, file);
    long start = machine.nanos();
    while (machine.nanos() - start < timing.stale().toNanos()) {
      machine.sleep(timing.beat().dividedBy(2));
      byte[] now = bytes(files, file);
      if (!Arrays.equals(seen, now)) {
        return now.length > 0;
      }
    }
    return false;
  }

  private static FileSystem files(ResultFolder folder, Configuration configuration)
      throws IOException {
    FileSystem files = folder.path().getFileSystem(configuration);
    // Its checksums are files of their own, which do not change in one step with the lease.
    return files instanceof ChecksumFileSystem local ? local.getRawFileSystem() : files;
  }

  private static boolean isThere(Holder holder, Machine machine) {
    return machine.started(holder.pid()) == holder.pidStarted();
  }

  /** Whether the holder's process can be looked for here. */
  private static boolean isSeen(Holder holder, Machine machine) {
    return holder.host().equals(machine.host())
        && holder.boot().equals(machine.boot())
        && holder.pidSpace().equals(machine.pidSpace());
  }

  private static Holder holder(Machine machine) {
    return new Holder(
        UUID.randomUUID().toString(),
        machine.host(),
        machine.boot(),
        machine.pidSpace(),
        machine.pid(),
        machine.started(machine.pid()),
        System.currentTimeMillis(),
        0);
  }

  private Holder beaten() {
    return new Holder(
        mine.token(),
        mine.host(),
        mine.boot(),
        mine.pidSpace(),
        mine.pid(),
        mine.pidStarted(),
        mine.since(),
        ++beats);
  }

  private static void write(FileSystem files, Path file, Holder holder) throws IOException {
    byte[] text = JSON.writeValueAsBytes(holder);
    boolean isLocal = SyncedFile.isLocal(files);
    Path target = isLocal ? new Path(file.getParent(), "." + NAME + "." + holder.token()) : file;
    try {
      FileFaults.checked(
          () -> {
            try (OutputStream out = files.create(target, true)) {
              out.write(text);
            }
          });
      // On a local disk a rename replaces in one step; elsewhere it would be refused.
      if (isLocal && !files.rename(target, file)) {
        throw new FileFaults.ReasonException(
            "it cannot be renamed from " + target.getName() + ", run the same again");
      }
    } finally {
      if (isLocal) {
        files.delete(target, false);
      }
    }
  }

  /** Returns what the file says; nothing where it is missing or being written at this moment. */
  private static Optional<Holder> read(FileSystem files, Path file) throws IOException {
    String text = new String(bytes(files, file), StandardCharsets.UTF_8);
    try {
      return text.isBlank() ? Optional.empty() : Optional.of(JSON.readValue(text, Holder.class));
    } catch (JsonProcessingException e) {
      return Optional.empty();
    }
  }

  /** Returns the file's bytes; none where it is missing. */
  private static byte[] bytes(FileSystem files, Path file) throws IOException {
    try (FSDataInputStream in = files.open(file)) {
      return in.readAllBytes();
    } catch (FileNotFoundException e) {
      return new byte[0];
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
