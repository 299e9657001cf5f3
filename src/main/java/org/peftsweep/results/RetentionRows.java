package org.peftsweep.results;

import java.util.HashSet;
import java.util.Set;
import java.util.stream.Collectors;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.peftsweep.train.Outcome.Status;

/** Which trials have a row that tells what they kept of some texts, read without Spark. */
public final class RetentionRows {
  private static final String HASH = "retention_hash";
  private static final Set<String> COLUMNS = Set.of("id", "attempt", HASH);

  private RetentionRows() {}

  /**
   * Returns the rows that count, are done or stand on a rung, and do not tell of these texts.
   *
   * @param hash of the texts, as the column of that name
   */
  public static Set<TrialFile> without(
      String hash, ResultFolder folder, Configuration configuration) {
    Set<String> measured = new HashSet<>();
    ParquetRows rows = new ParquetRows(Tables.TRIALS, COLUMNS, configuration);
    for (FileStatus file : folder.files().of(Tables.TRIALS)) {
      rows.read(
          file.getPath(),
          row -> {
            if (ParquetRows.holds(row, HASH) && row.getString(HASH, 0).equals(hash)) {
              measured.add(row.getString("id", 0) + "-" + row.getInteger("attempt", 0));
            }
          });
    }
    return folder.trials().values().stream()
        .filter(row -> row.isDone() || row.status() == Status.STOPPED)
        .filter(row -> !measured.contains(row.attemptName()))
        .collect(Collectors.toSet());
  }
}
