package org.peftsweep.sweep;

import java.io.IOException;
import java.time.Instant;
import org.peftsweep.results.LiveFolder;
import org.peftsweep.results.RunningTrial;
import org.peftsweep.train.Outcome.CurvePoint;
import org.peftsweep.train.Progress;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes how far a trial is where driver and watchers can read it: at most once a second, and where
 * writing is slow more seldom, up to once in five seconds. Training never fails by it.
 */
final class LiveProgress implements Progress, AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(LiveProgress.class);
  private static final long LEAST_NANOS = 1_000_000_000;
  private static final long MOST_NANOS = 5 * LEAST_NANOS;

  private final LiveFolder folder;
  private final String id;
  private final String title;
  private Double score;
  private long next;
  private boolean isBroken;

  LiveProgress(LiveFolder folder, String id, String title) {
    this.folder = folder;
    this.id = id;
    this.title = title;
    write(RunningTrial.starts(id, title));
    next = System.nanoTime();
  }

  @Override
  public void step(int step, int steps, double loss) {
    if (System.nanoTime() - next >= 0) {
      write(new RunningTrial(id, title, step, steps, loss, score, Instant.now()));
    }
  }

  private void write(RunningTrial trial) {
    if (isBroken) {
      return;
    }
    long start = System.nanoTime();
    try {
      folder.write(trial);
    } catch (IOException e) {
      isBroken = true;
      LOG.warn("id={} progress not written: {}", id, e.getMessage());
    }
    long end = System.nanoTime();
    next = end + Math.min(MOST_NANOS, Math.max(LEAST_NANOS, 100 * (end - start)));
  }

  @Override
  public void evaluated(CurvePoint point) {
    Double now = point.validationScore() == null ? point.devScore() : point.validationScore();
    // JSON has no word for what is undefined.
    score = now == null || Double.isNaN(now) ? null : now;
  }

  @Override
  public void close() {
    try {
      folder.delete(id);
    } catch (IOException e) {
      LOG.warn("id={} progress not deleted: {}", id, e.getMessage());
    }
  }
}
