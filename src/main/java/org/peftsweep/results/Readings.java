package org.peftsweep.results;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.parquet.example.data.Group;
import org.peftsweep.search.Trace.Reading;
import org.peftsweep.train.Outcome.CurvePoint;

/**
 * Curves of the trials of a sweep, of all attempts together, read without Spark. A later attempt
 * went on from an earlier one, or came out the same.
 *
 * <p>A curve without its row is of an attempt that was killed between the two, and counts as not
 * made: the row comes last, and with it what else the attempt has to leave.
 */
public final class Readings {
  private static final Set<String> COLUMNS =
      Set.of(
          "id",
          "attempt",
          "step",
          "train_loss",
          "validation_score",
          "gradient_norm",
          "retention_loss");

  private final ResultFolder folder;
  private final ParquetRows rows;
  private final Set<String> known = new HashSet<>();

  /** By trial, attempt and step. */
  private final Map<String, SortedMap<Integer, SortedMap<Integer, Reading>>> readings =
      new HashMap<>();

  private Map<String, Integer> attempts = Map.of();

  public Readings(ResultFolder folder, Configuration configuration) {
    this.folder = folder;
    this.rows = new ParquetRows(Tables.CURVES, COLUMNS, configuration);
  }

  /** Returns the readings of a curve that is at hand. */
  public static ArrayList<Reading> of(List<CurvePoint> curve) {
    ArrayList<Reading> readings = new ArrayList<>();
    curve.forEach(
        point ->
            readings.add(
                new Reading(
                    point.step(),
                    number(point.validationScore()),
                    number(point.trainLoss()),
                    number(point.gradientNorm()),
                    number(point.retentionLoss()))));
    return readings;
  }

  /** What tables leave out as no measurement is none here either. */
  private static double number(Double value) {
    return value == null || !Double.isFinite(value) ? Double.NaN : value;
  }

  /** Reads what is new. */
  public Readings look() {
    // Before the curves: the curve of each row that is seen is there.
    attempts = folder.attempts();
    for (FileStatus file : folder.files().of(Tables.CURVES)) {
      if (known.add(file.getPath().getName())) {
        rows.read(file.getPath(), this::add);
      }
    }
    return this;
  }

  /** Returns what was read of a trial, by step. */
  public List<Reading> of(String id) {
    SortedMap<Integer, Reading> curve = new TreeMap<>();
    readings
        .getOrDefault(id, new TreeMap<>())
        .headMap(1 + attempts.getOrDefault(id, 0))
        .values()
        .forEach(curve::putAll);
    return List.copyOf(curve.values());
  }

  private void add(Group row) {
    int step = row.getInteger("step", 0);
    readings
        .computeIfAbsent(row.getString("id", 0), id -> new TreeMap<>())
        .computeIfAbsent(row.getInteger("attempt", 0), attempt -> new TreeMap<>())
        .put(
            step,
            new Reading(
                step,
                number(row, "validation_score"),
                number(row, "train_loss"),
                number(row, "gradient_norm"),
                number(row, "retention_loss")));
  }

  private static double number(Group row, String column) {
    return ParquetRows.holds(row, column) ? row.getDouble(column, 0) : Double.NaN;
  }
}
