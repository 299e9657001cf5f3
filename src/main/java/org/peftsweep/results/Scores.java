package org.peftsweep.results;

import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.parquet.example.data.Group;

/**
 * Scores of the trials of a sweep, read without Spark, whose slots are busy while a sweep is
 * watched. Remembers what it has read.
 */
public final class Scores {
  /** A trial's score on the reported sets; null where it has none. */
  public record Score(String id, String task, String title, String status, Double score) {
    public boolean isFinished() {
      return status.equals("finished");
    }

    public boolean isStopped() {
      return status.equals("stopped");
    }
  }

  private static final Set<String> COLUMNS = Set.of("id", "task", "title", "status", "score");

  private final ResultFolder folder;
  private final ParquetRows rows;
  private final Set<String> known = new HashSet<>();
  private final SortedMap<String, Score> scores = new TreeMap<>();

  public Scores(ResultFolder folder, Configuration configuration) {
    this.folder = folder;
    this.rows = new ParquetRows(Tables.TRIALS, COLUMNS, configuration);
  }

  /** Reads the rows that are new and returns those of all trials. */
  public List<Score> look() {
    for (FileStatus file : folder.files().of(Tables.TRIALS)) {
      if (known.add(file.getPath().getName())) {
        rows.read(file.getPath(), this::add);
      }
    }
    return List.copyOf(scores.values());
  }

  /** Returns the best finished trial of each task, by task. */
  public static SortedMap<String, Score> best(List<Score> scores) {
    SortedMap<String, Score> best = new TreeMap<>();
    scores.stream()
        .filter(
            score -> score.isFinished() && score.score() != null && Double.isFinite(score.score()))
        .sorted(Comparator.comparing(Score::score, Comparator.reverseOrder()))
        .forEach(score -> best.putIfAbsent(score.task(), score));
    return best;
  }

  private void add(Group row) {
    Score score =
        new Score(
            row.getString("id", 0),
            row.getString("task", 0),
            row.getString("title", 0),
            row.getString("status", 0),
            ParquetRows.holds(row, "score") ? row.getDouble("score", 0) : null);
    // A finished attempt counts before one that is not.
    scores.merge(score.id(), score, (old, now) -> old.isFinished() ? old : now);
  }
}
