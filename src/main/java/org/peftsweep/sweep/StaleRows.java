package org.peftsweep.sweep;

import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import org.apache.spark.sql.Row;
import org.peftsweep.results.ResultTables;
import org.peftsweep.spec.SpecException;
import org.peftsweep.spec.Trial;

/**
 * Rows of trials whose method has had its version raised since: its code gives other numbers now,
 * and the same trial has another id.
 *
 * @param rows id of the trial now to the id of its newest row
 */
public record StaleRows(SortedMap<String, String> rows) {
  public static final StaleRows NONE = new StaleRows(new TreeMap<>());

  /**
   * Finds the rows that are stale for these trials.
   *
   * @param missing ids of trials that have no row of their own that is done
   */
  public static StaleRows of(ResultTables tables, Set<String> missing) {
    SortedMap<String, String> stale = new TreeMap<>();
    // Of two old versions the newer one comes last.
    for (Row row :
        tables
            .trials()
            .where("status IN ('finished', 'diverged')")
            .select("id", "trial")
            .orderBy("semantics_version", "id")
            .collectAsList()) {
      idNow(row.getString(1))
          .filter(now -> !now.equals(row.getString(0)) && missing.contains(now))
          .ifPresent(now -> stale.put(now, row.getString(0)));
    }
    return new StaleRows(stale);
  }

  /** Returns the ids of trials as they are now. */
  public Set<String> trials() {
    return rows.keySet();
  }

  /** Returns the ids under which the rows are stored, by the trial's id now. */
  public Map<String, String> storedIds() {
    return rows;
  }

  /** Settings that a method no longer knows are those of another trial. */
  private static Optional<String> idNow(String json) {
    try {
      return Optional.of(Trial.fromJson(json).id());
    } catch (SpecException | IllegalArgumentException e) {
      return Optional.empty();
    }
  }
}
