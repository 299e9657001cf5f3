package org.peftsweep.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.peftsweep.results.RunningSweep;
import org.peftsweep.results.RunningTrial;
import org.peftsweep.results.Scores;
import org.peftsweep.results.Scores.Score;

/**
 * The lines that tell how a sweep goes on.
 *
 * @param running trials at work; those that have not told how far they are may lack
 * @param scores of trials that ended
 */
record LiveText(RunningSweep sweep, List<RunningTrial> running, List<Score> scores) {
  private static final int MOST_RUNNING = 10;
  private static final int MOST_TASKS = 10;
  private static final int TITLE = 56;

  /** Returns what fits a line. */
  String line() {
    List<String> parts = new ArrayList<>();
    parts.add(sweep.ended() + " of " + (sweep.asked() - sweep.before()) + " trials");
    if (!running.isEmpty()) {
      parts.add(running.size() + " running");
    }
    long stopped = scores.stream().filter(Score::isStopped).count();
    if (stopped > 0) {
      parts.add(stopped + " stopped early");
    }
    long unfinished = scores.stream().filter(score -> !score.isFinished()).count() - stopped;
    if (unfinished > 0) {
      parts.add(unfinished + " not finished");
    }
    parts.add(DryRun.clock(sweep.elapsed()));
    if (sweep.before() + sweep.ended() < sweep.asked()) {
      parts.add("about " + DryRun.clock(sweep.left()) + " left");
    }
    return String.join(" · ", parts);
  }

  /** Returns the line, then one for each running trial, then the best so far of each task. */
  List<String> lines() {
    List<String> lines = new ArrayList<>();
    lines.add(line());
    running.stream().limit(MOST_RUNNING).map(LiveText::line).forEach(lines::add);
    if (running.size() > MOST_RUNNING) {
      lines.add("  and " + (running.size() - MOST_RUNNING) + " more");
    }
    Scores.best(scores).values().stream()
        .limit(MOST_TASKS)
        .map(
            best ->
                String.format(Locale.ROOT, "  best %6.2f  %s", 100 * best.score(), best.title()))
        .forEach(lines::add);
    return lines;
  }

  private static String line(RunningTrial trial) {
    String progress =
        trial.steps() == 0
            ? "starts"
            : String.format(Locale.ROOT, "step %d of %d", trial.step(), trial.steps());
    String loss =
        trial.loss() == null ? "" : String.format(Locale.ROOT, "  loss %.3f", trial.loss());
    String score =
        trial.score() == null
            ? ""
            : String.format(Locale.ROOT, "  score %.2f", 100 * trial.score());
    return String.format(
        Locale.ROOT, "  %-" + TITLE + "s  %s%s%s", cut(trial.title()), progress, loss, score);
  }

  private static String cut(String title) {
    return title.length() <= TITLE ? title : title.substring(0, TITLE - 1) + "…";
  }
}
