package org.peftsweep.sweep;

import java.io.UncheckedIOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.peftsweep.results.Event;
import org.peftsweep.results.ResultFolder;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Gathers what the scheduler does and writes it a batch at a time. */
final class EventLog {
  private static final Logger LOG = LoggerFactory.getLogger(EventLog.class);
  private static final Duration BATCH = Duration.ofSeconds(30);

  private final ResultFolder folder;
  private final Instant run = Instant.now();
  private final List<Event> events = new ArrayList<>();
  private Instant written = run;
  private int batches;

  EventLog(ResultFolder folder) {
    this.folder = folder;
  }

  void add(Event.Kind kind, String detail) {
    add(kind, null, null, detail);
  }

  void add(Event.Kind kind, String id, Integer attempt, String detail) {
    Instant now = Instant.now();
    events.add(new Event(folder.sweep(), run, now, kind, id, attempt, detail));
    if (Duration.between(written, now).compareTo(BATCH) > 0) {
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
    written = Instant.now();
  }
}
