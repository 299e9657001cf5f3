package org.peftsweep.report;

import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;

/** Learning curves by id of the trial, steps ascending. What is no finite number is null. */
record Curves(Map<String, List<Point>> points) {
  /** One evaluation. */
  record Point(String id, int step, Double loss, Double validation, Double score) {
    /** Returns what a choice goes by; NaN where there is nothing. */
    double choosing() {
      return validation != null ? validation : score != null ? score : Double.NaN;
    }
  }

  /** Reads the table of that name. */
  static Curves of(Dataset<Row> curves) {
    return new Curves(
        curves
            .select("id", "step", "train_loss", "validation_score", "score")
            .collectAsList()
            .stream()
            .map(
                row ->
                    new Point(
                        row.getString(0),
                        row.getInt(1),
                        finite(row.get(2)),
                        finite(row.get(3)),
                        finite(row.get(4))))
            .sorted(Comparator.comparingInt(Point::step))
            .collect(Collectors.groupingBy(Point::id, TreeMap::new, Collectors.toList())));
  }

  private static Double finite(Object value) {
    return value instanceof Double number && Double.isFinite(number) ? number : null;
  }

  /** Returns the best score of a trial; NaN where it has none. */
  double best(String id) {
    return points.getOrDefault(id, List.of()).stream()
        .mapToDouble(Point::choosing)
        .filter(Double::isFinite)
        .max()
        .orElse(Double.NaN);
  }

  /**
   * Returns the step at which a score is reached, at least 1; between two evaluations it rises
   * evenly. Infinite where it never is.
   */
  double steps(String id, double score) {
    Point before = null;
    for (Point point : points.getOrDefault(id, List.of())) {
      if (point.choosing() >= score) {
        double part =
            before == null || !(before.choosing() < score)
                ? 1
                : (score - before.choosing()) / (point.choosing() - before.choosing());
        int from = before == null ? 0 : before.step();
        return Math.max(1, from + part * (point.step() - from));
      }
      before = point;
    }
    return Double.POSITIVE_INFINITY;
  }
}
