package org.peftsweep.sweep;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.spark.sql.Row;
import org.peftsweep.results.Readings;
import org.peftsweep.results.ResultTables;
import org.peftsweep.search.Point;
import org.peftsweep.search.Proposer;
import org.peftsweep.search.Trace;
import org.peftsweep.spec.Search;
import org.peftsweep.spec.Space;
import org.peftsweep.spec.SpecException;
import org.peftsweep.spec.Trial;

/** What the tables of other sweeps tell of a space, whatever their tasks and bases. */
public final class WarmStart {
  private WarmStart() {}

  /**
   * Reads tries of settings that may be tried again, by task and base, since scores of different
   * ones say nothing of each other.
   */
  public static List<List<Proposer.Earlier>> of(
      ResultTables tables, Readings readings, Space space, Search search) {
    readings.look();
    Map<List<Object>, Map<Point, List<double[]>>> tries = new LinkedHashMap<>();
    for (Row row :
        tables
            .trials()
            .where("status IN ('finished', 'stopped')")
            .selectExpr(
                "id",
                "status = 'finished'",
                "trial",
                "coalesce(trainable_parameters, 0)",
                "coalesce(validation_score, score)",
                "retention_loss_increase")
            .orderBy("id")
            .collectAsList()) {
      trial(row.getString(2))
          .ifPresent(
              trial ->
                  space
                      .point(trial)
                      .ifPresent(
                          point ->
                              tries
                                  .computeIfAbsent(key(trial), k -> new LinkedHashMap<>())
                                  .computeIfAbsent(point, p -> new ArrayList<>())
                                  .add(values(row, readings, search))));
    }
    List<List<Proposer.Earlier>> all = new ArrayList<>();
    for (Map<Point, List<double[]>> of : tries.values()) {
      List<Proposer.Earlier> sweep = new ArrayList<>();
      of.forEach((point, seeds) -> sweep.add(earlier(point, seeds)));
      all.add(sweep);
    }
    return all;
  }

  private static List<Object> key(Trial trial) {
    return List.of(trial.task().contentHash(), trial.model().contentHash());
  }

  /** How far it went, then its objectives. */
  private static double[] values(Row row, Readings readings, Search search) {
    double[] costs = search.costs(row.getLong(3));
    double[] values = new double[2 + costs.length + (search.forgetting() == 0 ? 0 : 1)];
    values[0] = row.getBoolean(1) ? 1 : 0;
    values[1] =
        row.isNullAt(4)
            ? readings.of(row.getString(0)).stream()
                .mapToDouble(Trace.Reading::score)
                .filter(Double::isFinite)
                .max()
                .orElse(Double.NEGATIVE_INFINITY)
            : row.getDouble(4);
    System.arraycopy(costs, 0, values, 2, costs.length);
    if (search.forgetting() != 0) {
      double rise = row.isNullAt(5) ? Trace.rise(readings.of(row.getString(0))) : row.getDouble(5);
      values[values.length - 1] = search.forgetting() * rise;
    }
    return values;
  }

  private static Proposer.Earlier earlier(Point point, List<double[]> seeds) {
    double[] mean = new double[seeds.get(0).length - 1];
    double rung = 1;
    for (double[] values : seeds) {
      rung = Math.min(rung, values[0]);
      for (int i = 0; i < mean.length; i++) {
        mean[i] += values[1 + i] / seeds.size();
      }
    }
    return new Proposer.Earlier(point, (int) rung, mean);
  }

  /** Settings that a method no longer knows are none that may be tried. */
  private static Optional<Trial> trial(String json) {
    try {
      return Optional.of(Trial.fromJson(json));
    } catch (SpecException | IllegalArgumentException e) {
      return Optional.empty();
    }
  }
}
