package org.peftsweep.report;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.peftsweep.data.FileFaults;
import org.peftsweep.stats.Interval;

/**
 * A report as one file for a browser, which loads nothing: styles, script, chart library and data
 * stand in it. The page's own code is in the resources {@code report/report.*}.
 */
public final class HtmlReport {
  // The version stands in the path and in pom.xml; a test opens the page.
  private static final String CHARTS =
      "/META-INF/resources/webjars/echarts/5.3.1/dist/echarts.min.js";

  /** Settings that lines are drawn through, where recipes differ in them. */
  private static final List<String> AXES =
      List.of(
          "method",
          "targets",
          "layers",
          "rank",
          "alpha",
          "dropout",
          "learning-rate",
          "ratio",
          "batch",
          "optimizer");

  private final Report report;
  private final Results results;

  private HtmlReport(Report report) {
    this.report = report;
    this.results = report.results();
  }

  /** Returns the page. */
  public static String of(Report report) {
    HtmlReport page = new HtmlReport(report);
    Map<String, String> parts =
        Map.of(
            "title", escaped(report.sweep() + " · peft-sweep"),
            "css", resource("/report/report.css"),
            "js", resource("/report/report.js"),
            // A browser would look for the map that the library's last line names.
            "chart", resource(CHARTS).replaceAll("(?m)^//# sourceMappingURL=.*$", ""),
            "data", page.json());
    StringBuilder html = new StringBuilder();
    String template = resource("/report/report.html");
    int at = 0;
    while (true) {
      int open = template.indexOf("{{", at);
      if (open < 0) {
        return html.append(template, at, template.length()).toString();
      }
      int close = template.indexOf("}}", open);
      html.append(template, at, open).append(parts.get(template.substring(open + 2, close)));
      at = close + 2;
    }
  }

  private static String escaped(String text) {
    return text.replace("&", "&amp;").replace("<", "&lt;");
  }

  private static String resource(String name) {
    try (InputStream in = HtmlReport.class.getResourceAsStream(name)) {
      return new String(Objects.requireNonNull(in, name).readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw FileFaults.cannot("read", name, e);
    }
  }

  /** All numbers of the page; no text in it can end the script element that it stands in. */
  private String json() {
    Map<String, Object> data = new LinkedHashMap<>();
    data.put("sweep", report.sweep());
    data.put("state", report.state());
    data.put("question", report.question());
    data.put("answers", report.findings().sentences());
    data.put(
        "missing",
        report.missing().entrySet().stream()
            .map(entry -> List.of(entry.getKey(), entry.getValue()))
            .toList());
    data.put("recipes", results.lines().stream().map(this::recipe).toList());
    data.put("labels", labels());
    data.put("axes", AXES);
    data.put("forest", forest());
    data.put("trials", trials());
    data.put("sections", report.sections().stream().map(this::section).toList());
    List<Map<String, Object>> curves = curves();
    data.put("curves", curves);
    data.put(
        "curvesFrom",
        Map.of(
            "source",
            report.source().curves(),
            "count",
            curves.stream().mapToLong(curve -> ((List<?>) curve.get("points")).size()).sum()));
    data.put("points", points());
    data.put("heatmaps", heatmaps());
    try {
      return new ObjectMapper().writeValueAsString(data).replace("<", "\\u003c");
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  private Map<String, Object> section(Section section) {
    Map<String, Object> data = new LinkedHashMap<>();
    data.put("id", section.id());
    data.put("title", section.title());
    data.put("note", section.note());
    data.put("header", section.table().header());
    data.put("numbers", section.table().isNumber());
    data.put(
        "rows",
        section.table().rows().stream()
            .map(row -> row.stream().map(HtmlReport::cell).toList())
            .toList());
    if (section.id().equals("benchmark")) {
      data.put("recipes", results.lines().stream().map(results::label).toList());
    }
    data.put("source", section.source());
    data.put("count", section.rows());
    return data;
  }

  private static Map<String, Object> cell(TextTable.Cell cell) {
    return cell.mark() == TextTable.Mark.NONE
        ? Map.of("t", cell.text())
        : Map.of("t", cell.text(), "m", cell.mark().name().toLowerCase(Locale.ROOT));
  }

  /** A recipe with the settings that all of its runs have in common. */
  private Map<String, Object> recipe(Line line) {
    Map<String, String> settings = new TreeMap<>();
    Set<String> differing = new TreeSet<>();
    line.runs().values().stream()
        .flatMap(List::stream)
        .forEach(
            run ->
                run.axes()
                    .forEach(
                        (axis, value) -> {
                          String known = settings.putIfAbsent(axis, value);
                          if (known != null && !known.equals(value)) {
                            differing.add(axis);
                          }
                        }));
    settings.keySet().removeAll(differing);
    return Map.of("label", results.label(line), "method", line.method(), "settings", settings);
  }

  private Map<String, Object> labels() {
    Map<String, Object> labels = new TreeMap<>();
    results.lines().forEach(line -> labels.put(line.method(), line.of("method_label")));
    return labels;
  }

  /** Every recipe's score on every task, in points, with its interval and cost. */
  private List<Map<String, Object>> forest() {
    List<Map<String, Object>> rows = new ArrayList<>();
    for (String task : results.tasks()) {
      for (Comparisons.Place place : report.comparisons().places(task, line -> true)) {
        Interval interval = place.score().interval();
        double seconds = CostSections.seconds(place.line(), task);
        Map<String, Object> row = new LinkedHashMap<>();
        row.put("task", task);
        row.put("recipe", results.label(place.line()));
        row.put("mean", 100 * place.score().mean());
        row.put("low", interval.isBounded() ? 100 * interval.low() : null);
        row.put("high", interval.isBounded() ? 100 * interval.high() : null);
        row.put("seeds", place.score().count());
        row.put("group", place.group());
        row.put(
            "cost",
            place.line().trainableText()
                + (Double.isFinite(seconds) ? " · " + Figures.seconds(seconds) + " s" : ""));
        rows.add(row);
      }
    }
    return rows;
  }

  private Map<String, Object> trials() {
    Map<String, Object> trials = new LinkedHashMap<>();
    for (Run run : results.runs()) {
      Map<String, Object> trial = new LinkedHashMap<>();
      trial.put("title", run.title());
      trial.put("status", run.isUndefined() ? run.ending() : run.status());
      trial.put("score", Run.isFinite(run.score()) ? run.score() : null);
      Map<String, String> settings = new TreeMap<>(run.axes());
      settings.put("seed", "" + run.seed());
      settings.put("task", run.task());
      trial.put("settings", settings);
      trials.put(run.id(), trial);
    }
    return trials;
  }

  private List<Map<String, Object>> curves() {
    Map<String, Run> runs = new TreeMap<>();
    results.runs().forEach(run -> runs.put(run.id(), run));
    Map<String, String> recipes = new TreeMap<>();
    for (Line line : results.lines()) {
      line.runs().values().stream()
          .flatMap(List::stream)
          .forEach(run -> recipes.put(run.id(), results.label(line)));
    }
    return runs.values().stream()
        .filter(run -> report.curves().points().containsKey(run.id()))
        .sorted(Comparator.comparing(Run::title))
        .map(
            run ->
                Map.of(
                    "id", run.id(),
                    "title", run.title(),
                    "task", run.task(),
                    "recipe", recipes.getOrDefault(run.id(), ""),
                    "points",
                        report.curves().points().get(run.id()).stream()
                            .map(HtmlReport::point)
                            .toList()))
        .toList();
  }

  private static Map<String, Object> point(Curves.Point point) {
    Map<String, Object> data = new LinkedHashMap<>();
    data.put("step", point.step());
    data.put("loss", point.loss());
    data.put("validation", point.validation());
    data.put("score", point.score());
    return data;
  }

  /** JSON has no NaN. */
  private static Object finite(Object value) {
    return value instanceof Double number && !Double.isFinite(number) ? null : value;
  }

  private List<Map<String, Object>> points() {
    Map<List<String>, List<CostSections.Point>> groups =
        report.costs().points().stream()
            .collect(
                Collectors.groupingBy(
                    point -> List.of(point.task(), point.machine()),
                    LinkedHashMap::new,
                    Collectors.toList()));
    List<Map<String, Object>> all = new ArrayList<>();
    for (List<CostSections.Point> group : groups.values()) {
      for (int i = 0; i < group.size(); i++) {
        CostSections.Point point = group.get(i);
        int at = i;
        Map<String, Object> costs = new LinkedHashMap<>();
        point.costs().forEach((name, cost) -> costs.put(name, finite(cost)));
        all.add(
            Map.of(
                "task", point.task(),
                "machine", point.machine(),
                "recipe", results.label(point.line()),
                "method", point.line().method(),
                "score", point.score(),
                "text", point.text(),
                "whole", point.isWhole(),
                "costs", costs,
                "front",
                    point.costs().keySet().stream()
                        .filter(cost -> CostSections.front(group, cost)[at])
                        .toList()));
      }
    }
    return all;
  }

  private List<Map<String, Object>> heatmaps() {
    return report.heatmaps().stream()
        .map(
            map ->
                Map.<String, Object>of(
                    "title", map.title(),
                    "rows", map.rows().stream().map(Heatmap::rate).toList(),
                    "columns", map.columns().stream().map(Heatmap::rate).toList(),
                    "scores", map.scores(),
                    "texts", map.texts()))
        .toList();
  }
}
