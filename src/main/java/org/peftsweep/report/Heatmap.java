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
 * @param texts the same as tables print them, with what is known of their uncertainty
 */
record Heatmap(
    String title,
    List<Double> rows,
    List<Double> columns,
    List<List<Double>> scores,
    List<List<String>> texts) {
  private record Cell(Double score, String text) {}

  /** Returns a heatmap for each task and recipe that was run with two or more of both rates. */
  static List<Heatmap> of(Results results, Comparisons comparisons) {
    Map<String, Map<Double, Map<Double, Cell>>> all = new LinkedHashMap<>();
    for (String task : results.tasks()) {
      for (Line line : results.lines(task)) {
        if (line.targets() != null) {
          all.computeIfAbsent(title(results, task, line), key -> new TreeMap<>())
              .computeIfAbsent(line.valueLearningRate(task), key -> new TreeMap<>())
              .put(
                  line.learningRate(task), new Cell(line.mean(task), comparisons.text(task, line)));
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
      String title, Map<Double, Map<Double, Cell>> cells, TreeSet<Double> columns) {
    List<Double> rows = List.copyOf(new TreeSet<>(cells.keySet()).descendingSet());
    List<List<Double>> scores = new ArrayList<>();
    List<List<String>> texts = new ArrayList<>();
    for (double row : rows) {
      List<Cell> line =
          columns.stream()
              .map(column -> cells.get(row).getOrDefault(column, new Cell(null, Figures.MISSING)))
              .toList();
      scores.add(new ArrayList<>());
      line.forEach(cell -> scores.get(scores.size() - 1).add(cell.score()));
      texts.add(line.stream().map(Cell::text).toList());
    }
    return new Heatmap(title, rows, List.copyOf(columns), scores, texts);
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
    Map<Double, Map<Double, Cell>> scores = new TreeMap<>();
    TreeSet<Double> columns = new TreeSet<>();
    List<String> lines = PaperTable.lines("/paper/figure2.csv");
    for (String line : lines.subList(1, lines.size())) {
      String[] cells = line.split(",", -1);
      String score = cells[2].isEmpty() ? cells[3] : cells[2];
      columns.add(Double.valueOf(cells[1]));
      Map<Double, Cell> row =
          scores.computeIfAbsent(Double.valueOf(cells[0]), key -> new TreeMap<>());
      if (!score.startsWith("<")) {
        double part = Double.parseDouble(score) / 100;
        row.put(Double.valueOf(cells[1]), new Cell(part, Figures.percent(part)));
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
          row.add(at < 0 ? Figures.MISSING : map.texts().get(i).get(at));
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
