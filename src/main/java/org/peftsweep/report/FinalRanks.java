package org.peftsweep.report;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.peftsweep.report.TextTable.Cell;

/**
 * The ranks that methods which share them out gave to each matrix, layer by layer: means over the
 * finished trials of a configuration on a task.
 */
public final class FinalRanks {
  private static final Pattern MODULE = Pattern.compile(".*\\blayers?\\.(\\d+)\\.(.*)");
  private static final String NOT_TELLING = "^(attention\\.self|self_attn|mlp)\\.|\\.dense$";

  private final Map<List<String>, SortedMap<String, SortedMap<Integer, List<Double>>>> lines;

  private FinalRanks(Map<List<String>, SortedMap<String, SortedMap<Integer, List<Double>>>> lines) {
    this.lines = lines;
  }

  /** Collects them from rows of {@code trials}. */
  public static FinalRanks of(Dataset<Row> trials) {
    Map<List<String>, SortedMap<String, SortedMap<Integer, List<Double>>>> lines =
        new LinkedHashMap<>();
    List<Row> rows =
        trials
            .where("status = 'finished' AND size(ranks) > 0")
            .selectExpr(
                "method_label",
                "coalesce(upper(targets), '" + Figures.MISSING + "')",
                "coalesce(cast(rank AS string), '" + Figures.MISSING + "')",
                "task",
                "ranks")
            .orderBy("method_label", "targets", "rank", "task")
            .collectAsList();
    for (Row row : rows) {
      List<String> key =
          List.of(row.getString(0), row.getString(1), row.getString(2), row.getString(3));
      Map<String, Double> ranks = row.getJavaMap(4);
      ranks.forEach(
          (name, rank) -> {
            Matcher module = MODULE.matcher(name);
            if (module.matches()) {
              lines
                  .computeIfAbsent(key, missing -> new TreeMap<>())
                  .computeIfAbsent(
                      module.group(2).replaceAll(NOT_TELLING, ""), missing -> new TreeMap<>())
                  .computeIfAbsent(Integer.valueOf(module.group(1)), missing -> new ArrayList<>())
                  .add(rank);
            }
          });
    }
    return new FinalRanks(lines);
  }

  /** Returns a table with the ranks of layers 0, 1, 2 … in a cell; empty where there are none. */
  public String text() {
    if (lines.isEmpty()) {
      return "";
    }
    Set<String> matrices = new TreeSet<>();
    lines.values().forEach(line -> matrices.addAll(line.keySet()));
    List<String> header = new ArrayList<>(List.of("ranks", "targets", "mean", "task"));
    header.addAll(matrices);
    List<List<Cell>> cells = new ArrayList<>();
    lines.forEach(
        (key, line) -> {
          List<Cell> row = new ArrayList<>(key.stream().map(Cell::of).toList());
          for (String matrix : matrices) {
            row.add(Cell.of(layers(line.getOrDefault(matrix, Collections.emptySortedMap()))));
          }
          cells.add(row);
        });
    return new TextTable(header, Collections.nCopies(header.size(), false), cells).text();
  }

  private static String layers(SortedMap<Integer, List<Double>> layers) {
    return layers.values().stream().map(FinalRanks::mean).collect(Collectors.joining(" "));
  }

  private static String mean(List<Double> ranks) {
    double mean = ranks.stream().mapToDouble(rank -> rank).average().orElseThrow();
    return mean == Math.rint(mean)
        ? Long.toString((long) mean)
        : String.format(Locale.ROOT, "%.1f", mean);
  }
}
