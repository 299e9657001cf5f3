package org.peftsweep.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.functions;
import org.peftsweep.results.Manifest;
import org.peftsweep.results.ResultFolder;
import org.peftsweep.results.ResultTables;

/**
 * All that a sweep's tables say, as sections in reading order.
 *
 * <p>It may be made at any time, while the sweep runs too, and says what is missing. The same
 * tables give the same report.
 */
public final class Report {
  private final String sweep;
  private final String notes;
  private final Source source;
  private final Results results;
  private final Comparisons comparisons;
  private final CostSections costs;
  private final List<Heatmap> heatmaps;
  private final List<Section> sections;
  private final Dataset<Row> curves;
  private final Map<String, String> missing = new TreeMap<>();
  private final int undecided;

  private Report(List<ResultFolder> folders, ResultTables tables) {
    List<Optional<Manifest>> manifests = folders.stream().map(ResultFolder::manifest).toList();
    Optional<Manifest> manifest =
        manifests.stream().flatMap(Optional::stream).reduce(Manifest::and);
    this.sweep = String.join(" + ", tables.sweeps());
    this.curves = tables.curves();
    this.undecided = manifest.map(Manifest::undecided).orElse(0);
    Map<String, String> asked =
        manifests.stream().allMatch(Optional::isPresent)
            ? manifest.map(Manifest::trials).orElse(Map.of())
            : Map.of();
    // Rows of other trials may lie in the folder, from earlier states of the sweep file.
    Dataset<Row> trials =
        asked.isEmpty()
            ? tables.trials()
            : tables
                .trials()
                .where(functions.col("id").isInCollection(List.copyOf(asked.keySet())));
    trials = trials.cache();
    try {
      List<String> order = manifest.map(Manifest::tasks).orElse(List.of());
      if (folders.size() > 1) {
        Definitions definitions = Definitions.of(Results.runs(trials));
        this.results = Results.of(definitions.runs(), definitions.ordered(order));
        this.notes = definitions.notes();
      } else {
        this.results = Results.of(trials, order);
        this.notes = "";
      }
      Dataset<Row> predictions = tables.predictions();
      this.comparisons = Comparisons.of(results, predictions);
      this.source =
          new Source(
              folders.stream().map(ResultFolder::sweep).distinct().toList(),
              trials,
              predictions.count());
      this.costs = new CostSections(results, source);
      this.heatmaps = new ArrayList<>(Heatmap.of(results));
      if (!heatmaps.isEmpty() && results.tasks().contains("mnli")) {
        heatmaps.add(Heatmap.paper());
      }
      this.sections = sections(manifest);
    } finally {
      trials.unpersist();
    }
    missing.putAll(asked);
    results.runs().forEach(run -> missing.remove(run.id()));
  }

  /** Reads a sweep's tables and computes every section. */
  public static Report of(ResultFolder folder, ResultTables tables) {
    return new Report(List.of(folder), tables);
  }

  /**
   * The same for several sweeps together. A trial that several of them ran counts once; what one
   * name means differently in two sweeps is kept apart, see {@link #state}.
   *
   * @param tables joint ones of these folders
   */
  public static Report of(List<ResultFolder> folders, ResultTables tables) {
    return new Report(folders, tables);
  }

  private List<Section> sections(Optional<Manifest> manifest) {
    ScoreSections scores = new ScoreSections(results, comparisons, source);
    List<Section> all = new ArrayList<>();
    all.add(scores.benchmark(costs.tuning(manifest)));
    all.add(scores.ranks());
    all.add(
        source.section(
            "claims",
            "The paper's statements",
            ClaimLedger.note(results),
            ClaimLedger.table(results, comparisons),
            source.predictionRows()));
    all.add(scores.besidePaper());
    all.add(scores.aggregates());
    all.add(scores.interactions());
    all.add(
        source.section(
            "heatmaps",
            "η_V × η_QK",
            heatmaps.isEmpty()
                ? "This sweep has no recipe with several rates of value and of query and key."
                : "Mean score × 100 over seeds.",
            Heatmap.table(heatmaps),
            source.scores()));
    all.add(scores.importance());
    all.add(costs.costs());
    all.add(costs.effort(manifest));
    all.add(costs.budget());
    all.add(scores.noise());
    all.add(costs.failures());
    return List.copyOf(all);
  }

  /**
   * Returns one sentence on what is there and what is missing, and one on each task that stands for
   * several.
   */
  public String state() {
    int rows = results.runs().size();
    long finished = results.runs().stream().filter(Run::isFinished).count();
    String text =
        sweep
            + ": "
            + finished
            + " of "
            + (rows + missing.size())
            + " trials finished"
            + (rows > finished ? ", " + (rows - finished) + " ended without a score" : "");
    long undefined = results.runs().stream().filter(Run::isUndefined).count();
    if (undefined > 0) {
      text += ", " + undefined + " of the finished with an undefined score";
    }
    if (!missing.isEmpty()) {
      text += ", " + missing.size() + " still missing";
    }
    if (undecided > 0) {
      text += "; " + undecided + " choices of settings still to be made";
    }
    return text + "." + notes;
  }

  public List<Section> sections() {
    return sections;
  }

  /** Returns what is best for a task within a size of adapter. */
  public Recommendation recommendation(String task, long bytes) {
    return Recommendation.of(results, comparisons, task, bytes);
  }

  String sweep() {
    return sweep;
  }

  Source source() {
    return source;
  }

  Results results() {
    return results;
  }

  CostSections costs() {
    return costs;
  }

  List<Heatmap> heatmaps() {
    return heatmaps;
  }

  Dataset<Row> curves() {
    return curves;
  }

  /** Returns id to title of the trials that have no row yet. */
  Map<String, String> missing() {
    return missing;
  }
}
