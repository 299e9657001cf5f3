package org.peftsweep.sweep;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.spark.sql.Row;
import org.peftsweep.method.Methods;
import org.peftsweep.results.ResultTables;
import org.peftsweep.spec.Trial;

/**
 * Corrects forecasts by what finished trials took: the median of measured over forecast seconds, of
 * the same method and task where there are such trials, else of all.
 */
public final class Pace {
  /** Believes every forecast. */
  public static final Pace UNKNOWN = new Pace(Map.of());

  private static final String ALL = "";

  private final Map<String, List<Double>> ratios;

  private Pace(Map<String, List<Double>> ratios) {
    this.ratios = ratios;
  }

  /** Compares the rows of these trials with their forecasts. */
  public static Pace of(ResultTables tables, List<Trial> trials, Forecast forecast) {
    Map<String, Trial> byId = new TreeMap<>();
    trials.forEach(trial -> byId.put(trial.id(), trial));
    List<Row> rows =
        tables
            .trials()
            .where("status = 'finished' AND train_seconds + evaluate_seconds > 0")
            .selectExpr("id", "train_seconds + evaluate_seconds")
            .orderBy("id")
            .collectAsList();
    Map<String, List<Double>> ratios = new TreeMap<>();
    for (Row row : rows) {
      Trial trial = byId.get(row.getString(0));
      double seconds = trial == null ? 0 : forecast.of(trial).seconds();
      if (seconds > 0) {
        for (String key : List.of(key(trial), ALL)) {
          ratios.computeIfAbsent(key, k -> new ArrayList<>()).add(row.getDouble(1) / seconds);
        }
      }
    }
    return new Pace(ratios);
  }

  /** Returns the corrected seconds of a trial. */
  public double seconds(Trial trial, double forecast) {
    List<Double> known = ratios.getOrDefault(key(trial), ratios.get(ALL));
    return known == null ? forecast : forecast * median(known);
  }

  private static String key(Trial trial) {
    return Methods.id(trial.method()) + " " + trial.task().task().name();
  }

  private static double median(List<Double> values) {
    double[] sorted = values.stream().mapToDouble(Double::doubleValue).toArray();
    Arrays.sort(sorted);
    int half = sorted.length / 2;
    return sorted.length % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
  }
}
