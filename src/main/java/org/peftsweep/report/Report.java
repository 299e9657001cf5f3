package org.peftsweep.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.functions;
import org.peftsweep.results.Manifest;
import org.peftsweep.results.ResultFolder;
import org.peftsweep.results.ResultTables;
import org.peftsweep.spec.Claim;

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
  private final Findings findings;
  private final List<ClaimLedger> ledgers;
  private final Additions additions;
  private final String question;
  private final CostSections costs;
  private final List<Heatmap> heatmaps;
  private final List<Section> sections;
  private final Curves curves;
  private final Map<String, String> missing = new TreeMap<>();
  private final int undecided;

  private Report(
      List<ResultFolder> folders,
      ResultTables tables,
      Elsewhere elsewhere,
      List<List<Claim>> files) {
    List<Optional<Manifest>> manifests = folders.stream().map(ResultFolder::manifest).toList();
    Optional<Manifest> manifest =
        manifests.stream().flatMap(Optional::stream).reduce(Manifest::and);
    this.sweep = String.join(" + ", tables.sweeps());
    this.curves = Curves.of(tables.curves());
    this.question =
        folders.size() > 1
            ? ""
            : manifest.map(Manifest::source).map(Manifest.Source::question).orElse("");
    this.undecided = manifest.map(Manifest::undecided).orElse(0);
    Map<String, String> asked =
        manifests.stream().allMatch(Optional::isPresent)
            ? manifest.map(Manifest::asked).orElse(Map.of())
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
      this.comparisons = Comparisons.of(results, tables.predictions(), Findings.looks(manifest));
      this.source = Source.of(folders, tables, trials, results.runs());
      this.costs = new CostSections(results, comparisons, source);
      this.additions = new Additions(folders.size() > 1 ? Optional.empty() : manifest);
      List<Claim> own = manifest.map(Manifest::claims).orElse(List.of());
      ClaimLedger ofSweep = new ClaimLedger(own, results, comparisons, curves);
      this.ledgers = ledgers(ofSweep, files);
      this.findings = new Findings(results, comparisons, ofSweep, additions, () -> runs(elsewhere));
      this.heatmaps = new ArrayList<>(Heatmap.of(results, comparisons));
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

  /** Rows of trials of other sweeps, which are read only where noise is not known here. */
  @FunctionalInterface
  public interface Elsewhere {
    /** No other sweeps. */
    Elsewhere NOWHERE = Optional::empty;

    Optional<Dataset<Row>> trials();
  }

  private static List<Run> runs(Elsewhere elsewhere) {
    return elsewhere.trials().map(Results::runs).orElse(List.of());
  }

  /** The sweep's own statements, and those of files that speak of any of its recipes. */
  private List<ClaimLedger> ledgers(ClaimLedger ofSweep, List<List<Claim>> files) {
    List<ClaimLedger> all = new ArrayList<>();
    if (!ofSweep.entries().isEmpty()) {
      all.add(ofSweep);
    }
    files.stream()
        .map(
            claims ->
                claims.stream().filter(claim -> !ofSweep.entries().containsKey(claim)).toList())
        .filter(claims -> !claims.isEmpty())
        .map(claims -> new ClaimLedger(claims, results, comparisons, curves))
        .forEach(all::add);
    return List.copyOf(all);
  }

  /** Reads a sweep's tables and computes every section. */
  public static Report of(ResultFolder folder, ResultTables tables) {
    return of(List.of(folder), tables);
  }

  /**
   * The same for several sweeps together. A trial that several of them ran counts once; what one
   * name means differently in two sweeps is kept apart, see {@link #state}.
   *
   * @param tables joint ones of these folders
   */
  public static Report of(List<ResultFolder> folders, ResultTables tables) {
    return of(folders, tables, Elsewhere.NOWHERE, List.of());
  }

  /**
   * The same with what lies beside.
   *
   * @param files statements to judge besides the sweep's own, by file
   */
  public static Report of(
      List<ResultFolder> folders,
      ResultTables tables,
      Elsewhere elsewhere,
      List<List<Claim>> files) {
    return new Report(folders, tables, elsewhere, files);
  }

  private List<Section> sections(Optional<Manifest> manifest) {
    ScoreSections scores = new ScoreSections(results, comparisons, source);
    List<Section> all = new ArrayList<>();
    all.add(scores.benchmark(costs.tuning(manifest)));
    all.add(scores.ranks());
    all.add(claims(false));
    if (ledgers.stream().anyMatch(ledger -> !ledger.confounding().isEmpty())) {
      all.add(confounding());
    }
    all.add(scores.besidePaper());
    all.add(scores.aggregates());
    all.add(new InteractionSection(results, comparisons, source).section());
    all.add(
        source.section(
            "heatmaps",
            "η_V × η_QK",
            heatmaps.isEmpty()
                ? "This sweep has no recipe with several rates of value and of query and key."
                : "Mean score × 100 over seeds, ± half of its 95 % interval where there are several.",
            Heatmap.table(heatmaps),
            source.rates()));
    all.add(scores.importance());
    all.add(costs.costs());
    if (RetentionSection.isAny(results)) {
      all.add(new RetentionSection(results, comparisons, source).section());
    }
    all.add(costs.effort(manifest));
    if (SearchSection.isAny(results, manifest)) {
      all.add(new SearchSection(results, source).section(manifest));
    }
    all.add(costs.budget());
    all.add(scores.noise(findings));
    all.add(costs.failures());
    return List.copyOf(all);
  }

  /**
   * Returns the ledger.
   *
   * @param all whether with statements that no recipe here is about
   */
  Section claims(boolean all) {
    return source.section(
        "claims",
        "Statements",
        ledgers.stream().noneMatch(ClaimLedger::isTested) && !all
            ? "No statement is about recipes of this sweep; conf/claims has some, and a sweep file may"
                + " declare its own."
            : ClaimLedger.note(ledgers, results, all),
        ClaimLedger.table(ledgers, all),
        source.claims());
  }

  private Section confounding() {
    List<Additions.Cell> missing =
        ledgers.stream().flatMap(ledger -> ledger.missing().stream()).distinct().toList();
    long count = missing.stream().map(Additions.Cell::axes).distinct().count();
    return source.section(
        "confounding",
        "What each setting does alone",
        "Statements that change several settings at once, and the difference that each of them makes"
            + " with the others as in the first recipe. Confounded: no recipe here changes it"
            + " alone."
            + additions
                .cells(missing)
                .map(command -> " This adds the " + count + " that lack: " + command)
                .orElse(""),
        TextTable.of(
            List.of("statement", "task", "setting", "alone", "95 % interval"),
            Set.of("alone"),
            ledgers.stream().flatMap(ledger -> ledger.confounding().stream()).toList()),
        source.claims());
  }

  /**
   * Returns one sentence on what is there and what is missing, and one on each task that stands for
   * several.
   */
  public String state() {
    int rows = results.runs().size();
    long finished = results.runs().stream().filter(Run::isFinished).count();
    long stopped = results.runs().stream().filter(Run::isStopped).count();
    long others = rows - finished - stopped;
    String text =
        sweep
            + ": "
            + finished
            + " of "
            + (rows + missing.size())
            + " trials finished"
            + (stopped > 0 ? ", " + stopped + " stopped early" : "")
            + (others > 0 ? ", " + others + " ended without a score" : "");
    long undefined = results.runs().stream().filter(Run::isUndefined).count();
    if (undefined > 0) {
      text += ", " + undefined + " of the finished collapsed to an undefined score";
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
    return Recommendation.of(results, comparisons, findings, task, bytes);
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

  Curves curves() {
    return curves;
  }

  /** Returns what the sweep was made to find out; empty where it does not say. */
  String question() {
    return question;
  }

  Findings findings() {
    return findings;
  }

  Comparisons comparisons() {
    return comparisons;
  }

  List<ClaimLedger> ledgers() {
    return ledgers;
  }

  /** Returns id to title of the trials that have no row yet. */
  Map<String, String> missing() {
    return missing;
  }
}
