package org.peftsweep.report;

import java.math.BigDecimal;
import java.math.MathContext;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Scores over the rates of value and of query and key, as in the paper's Figures 1 and 2.
 *
 * @param title task and recipe
 * @param rows η_V, the largest first
 * @param columns η_QK, ascending
 * @param scores {@code [rows][columns]}, null where nothing was measured
 */
record Heatmap(String title, List<Double> rows, List<Double> columns, List<List<Double>> scores) {

  /** Returns a heatmap for each task and recipe that was run with two or more of both rates. */
  static List<Heatmap> of(Results results) {
    Map<String, Map<Double, Map<Double, Double>>> all = new LinkedHashMap<>();
    for (String task : results.tasks()) {
      for (Line line : results.lines(task)) {
        if (line.targets() != null) {
          all.computeIfAbsent(title(results, task, line), key -> new TreeMap<>())
              .computeIfAbsent(line.valueLearningRate(), key -> new TreeMap<>())
              .put(line.learningRate(), line.mean(task));
        }
      }
    }
    List<Heatmap> heatmaps = new ArrayList<>();
    all.forEach(
        (title, scores) -> {
          TreeSet<Double> columns = new TreeSet<>();
          scores.values().forEach(row -> columns.addAll(row.keySet()));
          if (scores.size() > 1 && columns.size() > 1) {
            heatmaps.add(of(title, scores, columns));
          }
        });
    return heatmaps;
  }

  private static Heatmap of(
      String title, Map<Double, Map<Double, Double>> scores, TreeSet<Double> columns) {
    List<Double> rows = List.copyOf(new TreeSet<>(scores.keySet()).descendingSet());
    List<List<Double>> cells = new ArrayList<>();
    for (double row : rows) {
      List<Double> line = new ArrayList<>();
      columns.forEach(column -> line.add(scores.get(row).get(column)));
      cells.add(line);
    }
    return new Heatmap(title, rows, List.copyOf(columns), cells);
  }

  private static String title(Results results, String task, Line line) {
    List<String> others =
        results.extras().stream()
            .filter(extra -> !extra.equals("learning_rate") && !extra.equals("head_learning_rate"))
            .toList();
    return task + " · " + line.label(others).replaceAll(" λ=\\S+", "");
  }

  /** Returns the paper's Figure 2 where it printed a number or its colour could be read. */
  static Heatmap paper() {
    Map<Double, Map<Double, Double>> scores = new TreeMap<>();
    TreeSet<Double> columns = new TreeSet<>();
    List<String> lines = PaperTable.lines("/paper/figure2.csv");
    for (String line : lines.subList(1, lines.size())) {
      String[] cells = line.split(",", -1);
      String score = cells[2].isEmpty() ? cells[3] : cells[2];
      columns.add(Double.valueOf(cells[1]));
      Map<Double, Double> row =
          scores.computeIfAbsent(Double.valueOf(cells[0]), key -> new TreeMap<>());
      if (!score.startsWith("<")) {
        row.put(Double.valueOf(cells[1]), Double.parseDouble(score) / 100);
      }
    }
    return of(
        "Paper, Figure 2: MNLI, Llama-3.1-8B (partly read from its colours)", scores, columns);
  }

  /** Returns all heatmaps as one table. */
  static TextTable table(List<Heatmap> heatmaps) {
    TreeSet<Double> columns = new TreeSet<>();
    heatmaps.forEach(map -> columns.addAll(map.columns()));
    List<String> header = new ArrayList<>(List.of("of", "η_V"));
    columns.forEach(column -> header.add("η_QK=" + rate(column)));
    List<List<String>> rows = new ArrayList<>();
    for (Heatmap map : heatmaps) {
      for (int i = 0; i < map.rows().size(); i++) {
        List<String> row = new ArrayList<>(List.of(map.title(), rate(map.rows().get(i))));
        for (double column : columns) {
          int at = map.columns().indexOf(column);
          Double score = at < 0 ? null : map.scores().get(i).get(at);
          row.add(score == null ? Figures.MISSING : Figures.percent(score));
        }
        rows.add(row);
      }
    }
    return TextTable.of(header, Set.copyOf(header.subList(1, header.size())), rows);
  }

  static String rate(double rate) {
    return new BigDecimal(Double.toString(rate))
        .round(new MathContext(3))
        .stripTrailingZeros()
        .toString()
        .replace("E", "e");
  }
}
