package org.peftsweep.results;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.datatype.jsr310.JavaTimeModule;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Collection;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileContext;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Options;
import org.apache.hadoop.fs.Path;
import org.peftsweep.data.FileFaults;

/**
 * What users ask of a sweep that runs: the file {@code requests.json} beside its tables, which the
 * driver honours before it starts anything more. Only the run that was asked hears it, and one that
 * takes up where that died.
 *
 * @param run {@link Lease#token} of the run that is asked; null for none
 * @param stops ids of trials that are to go no further than where they next stand
 * @param trials most trials that are begun in all; null for no such limit
 * @param until when nothing more starts; null for no such limit
 */
public record Requests(String run, Set<String> stops, Integer trials, Instant until) {
  /** Nothing was asked. */
  public static final Requests NONE = new Requests(null, Set.of(), null, null);

  /** Why a trial that a user stopped goes no further, as its row says. */
  public static final String STOPPED = "asked to stop";

  private static final String FILE = "requests.json";
  private static final JsonMapper MAPPER =
      JsonMapper.builder()
          .addModule(new JavaTimeModule())
          .disable(com.fasterxml.jackson.databind.DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .disable(com.fasterxml.jackson.databind.SerializationFeature.WRITE_DATES_AS_TIMESTAMPS)
          .build();

  public Requests {
    stops = stops == null ? Set.of() : new TreeSet<>(stops);
  }

  /** Returns what of this is asked of that run; nothing where another was asked. */
  public Requests of(String token) {
    return token.equals(run) ? this : new Requests(token, Set.of(), null, null);
  }

  /** Returns these with further trials to stop. */
  public Requests stopping(Collection<String> ids) {
    Set<String> all = new TreeSet<>(stops);
    all.addAll(ids);
    return new Requests(run, all, trials, until);
  }

  /** Returns these with a limit on trials, in place of any other. */
  public Requests upTo(int most) {
    return new Requests(run, stops, most, null);
  }

  /** Returns these with a limit on time, in place of any other. */
  public Requests until(Instant end) {
    return new Requests(run, stops, null, end.truncatedTo(ChronoUnit.SECONDS));
  }

  /**
   * Whether nothing more is to start.
   *
   * @param begun trials that were begun so far
   */
  public boolean isCapped(int begun) {
    return trials != null && begun >= trials || until != null && Instant.now().isAfter(until);
  }

  /** Says which limit there is. */
  public String capText() {
    return "capped at "
        + (trials == null ? "" : trials + " trials")
        + (trials == null || until == null ? "" : ", ")
        + (until == null ? "" : until);
  }

  /** Says in one line what is asked; empty for nothing. */
  public String text() {
    String stop = stops.isEmpty() ? "" : stops.size() + " trials are asked to stop";
    String cap = trials == null && until == null ? "" : capText();
    return stop + (stop.isEmpty() || cap.isEmpty() ? "" : ", ") + cap;
  }

  /** Lets a driver hear what was asked of the dead one that it took the lease from. */
  public static void handOver(Lease lease, ResultFolder folder, Configuration configuration) {
    Requests asked = read(folder, configuration);
    if (lease.dead().isPresent() && lease.dead().get().equals(asked.run())) {
      new Requests(lease.token(), asked.stops(), asked.trials(), asked.until())
          .write(folder, configuration);
    }
  }

  /**
   * Reads what was asked last of any run of a sweep; what cannot be read was not asked.
   *
   * @see #of
   */
  public static Requests read(ResultFolder folder, Configuration configuration) {
    Path file = new Path(folder.path(), FILE);
    try (InputStream in = file.getFileSystem(configuration).open(file)) {
      return MAPPER.readValue(in, Requests.class);
    } catch (FileNotFoundException e) {
      return NONE;
    } catch (IOException e) {
      org.slf4j.LoggerFactory.getLogger(Requests.class)
          .warn("{} cannot be read: {}", file, e.getMessage());
      return NONE;
    }
  }

  /** Replaces what is asked of a sweep. */
  public void write(ResultFolder folder, Configuration configuration) {
    Path target = new Path(folder.path(), FILE);
    Path hidden = new Path(folder.path(), "." + FILE + "." + UUID.randomUUID());
    try {
      FileSystem files = target.getFileSystem(configuration);
      try (FSDataOutputStream out = files.create(hidden)) {
        out.write(MAPPER.writeValueAsBytes(this));
      }
      FileContext.getFileContext(target.toUri(), configuration)
          .rename(hidden, target, Options.Rename.OVERWRITE);
    } catch (IOException e) {
      throw FileFaults.cannot("write", target, e);
    }
  }
}
