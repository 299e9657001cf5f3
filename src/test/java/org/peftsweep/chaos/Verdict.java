package org.peftsweep.chaos;

import java.io.IOException;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.peftsweep.results.ResultFolder;
import org.peftsweep.results.ResultTables;
import org.peftsweep.results.Views;

/**
 * What became of the sweep, against one that nobody disturbed.
 *
 * @param lost ids without a finished row
 * @param repeated ids of trials that were started after they had finished, or finished or stood on
 *     a rung twice
 * @param different ids whose scores, curve or predictions are not equal bit for bit
 * @param tries starts that were lost with a machine, as the events say
 */
record Verdict(Set<String> lost, Set<String> repeated, Set<String> different, long tries) {

  static Verdict of(SparkSession spark, Path disturbed, Path undisturbed) throws IOException {
    ResultTables tables = tables(spark, disturbed);
    ResultTables reference = tables(spark, undisturbed);
    String isDone = "status IN ('finished', 'stopped')";
    Set<String> asked = ids(reference.trials().where(isDone));
    Set<String> lost = new TreeSet<>(asked);
    lost.removeAll(ids(tables.trials().where(isDone)));
    tables.register();
    Set<String> repeated =
        ids(
            spark.sql(
                "SELECT e.id FROM events e JOIN trials t USING (id)"
                    + " WHERE e.kind = 'submitted' AND e.at > t.finished_at"));
    repeated.addAll(
        ids(
            spark.sql(
                "SELECT id FROM events WHERE kind = 'ended' AND detail = 'finished'"
                    + " GROUP BY id HAVING count(*) > 1")));
    boolean isSearch = reference.trials().where("status = 'stopped'").count() > 0;
    if (isSearch) {
      Views.create(spark, disturbed.getParent().toString());
      repeated.addAll(
          ids(
              spark.sql(
                  "SELECT id FROM stored_trials WHERE status = 'finished' OR reason LIKE 'waits%'"
                      + " GROUP BY id, status, rung HAVING count(*) > 1")));
    } else {
      repeated.addAll(ids(tables.trials().where("attempt > 1")));
    }
    Set<String> different = new TreeSet<>();
    String scores =
        "id, status, rung, reason, score, last_score, validation_score, final_loss, steps";
    different.addAll(differing(tables.trials(), reference.trials(), scores));
    String points = "id, step, epoch, train_loss, validation_score, score";
    different.addAll(differing(tables.curves(), reference.curves(), points));
    String examples = "id, evaluation_set, example, label, prediction, probability";
    different.addAll(differing(tables.predictions(), reference.predictions(), examples));
    different.removeAll(lost);
    long tries = tables.events().where("kind = 'lost'").count();
    return new Verdict(lost, repeated, different, tries);
  }

  boolean isClean() {
    return lost.isEmpty() && repeated.isEmpty() && different.isEmpty();
  }

  String text() {
    return String.format(
        Locale.ROOT,
        "starts lost with a machine %d%nrepeated = %d %s%nlost = %d %s%ndifferent = %d %s",
        tries,
        repeated.size(),
        repeated,
        lost.size(),
        lost,
        different.size(),
        different);
  }

  private static ResultTables tables(SparkSession spark, Path folder) {
    return ResultTables.of(spark, new ResultFolder(folder, new Configuration()));
  }

  private static Set<String> differing(Dataset<Row> one, Dataset<Row> other, String columns) {
    String[] names = columns.split(", ");
    Dataset<Row> a = one.selectExpr(names);
    Dataset<Row> b = other.selectExpr(names);
    Set<String> ids = ids(a.exceptAll(b));
    ids.addAll(ids(b.exceptAll(a)));
    return ids;
  }

  private static Set<String> ids(Dataset<Row> rows) {
    List<Row> ids = rows.select("id").distinct().collectAsList();
    Set<String> set = new TreeSet<>();
    ids.forEach(row -> set.add(row.getString(0)));
    return set;
  }
}
