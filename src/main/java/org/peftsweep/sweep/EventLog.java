package org.peftsweep.sweep;

import java.io.UncheckedIOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.peftsweep.results.Event;
import org.peftsweep.results.ResultFolder;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Gathers what the scheduler does and writes it a batch at a time. */
final class EventLog {
  private static final Logger LOG = LoggerFactory.getLogger(EventLog.class);

  /** What a killed driver loses of them at most. */
  private static final Duration BATCH = Duration.ofSeconds(5);

  private final ResultFolder folder;
  private final Supplier<Instant> clock;
  private final Instant run;
  private final List<Event> events = new ArrayList<>();
  private Instant written;
  private int batches;

  EventLog(ResultFolder folder, Supplier<Instant> clock) {
    this.folder = folder;
    this.clock = clock;
    this.run = clock.get();
    this.written = run;
  }

  void add(Event.Kind kind, String detail) {
    add(kind, null, null, detail);
  }

  void add(Event.Kind kind, String id, Integer attempt, String detail) {
    events.add(new Event(folder.sweep(), run, clock.get(), kind, id, attempt, detail));
  }

  /** Writes what has gathered for some seconds. */
  void writeIfDue() {
    if (Duration.between(written, clock.get()).compareTo(BATCH) > 0) {
      write();
    }
  }

  /** Writes what has gathered. */
  void write() {
    try {
      folder.publish(events, batches++);
    } catch (UncheckedIOException e) {
      // Nothing depends on events; a trial's own row will fail for the same cause.
      LOG.warn("events={} not written: {}", events.size(), e.getMessage());
    }
    events.clear();
    written = clock.get();
  }
}
