package org.peftsweep.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import org.peftsweep.stats.Interval;

/**
 * Which statements of the paper hold in a sweep.
 *
 * <p>The rule: the difference between the two recipes, averaged over the tasks that both were
 * evaluated on, with the 95 % interval of the paired bootstrap. "Better" <em>held</em> if the whole
 * interval lies above 0, <em>did not hold</em> if the whole interval lies below; "worse" the other
 * way round; "equals or beats" <em>held</em> if the whole interval lies above −1 point, did not
 * hold if the whole interval lies below. All else <em>cannot be told</em>. A statement about
 * several methods and ranks held if it did for each, and did not hold if it did not for any. The
 * statement about rates holds the best recipe with η_V > η_QK against the best other one of the
 * same grid.
 */
public final class ClaimLedger {
  /** What became of a statement. */
  public enum Verdict {
    HELD("held"),
    DID_NOT_HOLD("did not hold"),
    CANNOT_TELL("cannot tell"),
    NOT_TESTED("not tested");

    private final String words;

    Verdict(String words) {
      this.words = words;
    }

    /** Returns the verdict as it is printed. */
    public String words() {
      return words;
    }
  }

  private static final String RATES = "the best score lies where η_V > η_QK (Figures 1 and 2)";
  private static final List<String> HEADER =
      List.of("statement", "for", "paper", "ours", "95 % interval", "tasks higher", "verdict");

  private final Results results;
  private final Comparisons comparisons;
  private final List<List<String>> rows = new ArrayList<>();

  private ClaimLedger(Results results, Comparisons comparisons) {
    this.results = results;
    this.comparisons = comparisons;
    Claim.ALL.forEach(this::add);
    String paper = Figures.points(Heatmap.paper().lead());
    add(
        RATES,
        1,
        RateGrid.of(results).stream().flatMap(grid -> grid.sides(comparisons).stream()).toList(),
        pair -> paper,
        paper);
  }

  /** Judges every statement; the table has a row for each, and one for each of its parts. */
  static TextTable table(Results results, Comparisons comparisons) {
    return TextTable.of(
        HEADER, Set.of("paper", "ours"), new ClaimLedger(results, comparisons).rows);
  }

  /** Says how to read the ledger, and how far the sweep is from what the paper ran. */
  static String note(Results results) {
    Set<String> own = new TreeSet<>();
    results.tasks().stream().filter(task -> !isOfPaper(task)).forEach(own::add);
    Set<String> models = new TreeSet<>();
    results.runs().forEach(run -> models.add((String) run.settings().get("model")));
    String text =
        "Statements of arXiv:2410.02247, Table 2 and, for the rates, Figure 2. Differences × 100, mean over tasks; the interval"
            + " resamples the examples of each task, and seeds where there are several, pairwise;"
            + " answers are those of the last step. Held: the whole interval is on the stated side"
            + " of 0 (of −1 for \"equals or beats\"); did not hold: the whole interval is on the"
            + " other side; else it cannot be told. A statement held if all of its parts did, and"
            + " did not hold if any part did not. For the rates, the best recipe with η_V > η_QK is"
            + " held against the best of the others in the grid, both picked by the scores"
            + " compared: that favours the side with more recipes.";
    if (!own.isEmpty() || models.stream().noneMatch(model -> model.contains("roberta-base"))) {
      text +=
          " The paper ran RoBERTa-base on eight GLUE tasks with one seed; this sweep ran "
              + String.join(", ", models)
              + " on "
              + String.join(", ", results.tasks())
              + ": a verdict is about this sweep and neither confirms nor refutes the paper's.";
    }
    return text;
  }

  private static boolean isOfPaper(String task) {
    return !task.startsWith("mini-") && PaperTable.task(task).isPresent();
  }

  private void add(Claim claim) {
    add(
        claim.text(),
        claim.direction(),
        claim.pairs(results.lines()).toList(),
        pair -> paper(claim, pair[0].method(), pair[0].rank()),
        overall(claim));
  }

  private void add(
      String text,
      int direction,
      List<Line[]> pairs,
      Function<Line[], String> paper,
      String paperOverall) {
    List<List<String>> parts = new ArrayList<>();
    Set<Verdict> verdicts = new TreeSet<>();
    for (Line[] pair : pairs) {
      Optional<Interval> difference = comparisons.difference(pair[0], pair[1]);
      Verdict verdict =
          difference.map(interval -> verdict(direction, interval)).orElse(Verdict.NOT_TESTED);
      verdicts.add(verdict);
      int[] wins = comparisons.wins(pair[0], pair[1]);
      parts.add(
          List.of(
              text,
              results.label(pair[0]) + " vs " + results.label(pair[1]),
              paper.apply(pair),
              difference.map(d -> Figures.points(d.value())).orElse(Figures.MISSING),
              difference.map(Figures::signedEnds).orElse(Figures.MISSING),
              wins[1] + " of " + wins[0],
              verdict.words()));
    }
    rows.add(
        List.of(
            text,
            parts.isEmpty() ? "no such recipes here" : "all of the " + parts.size() + " below",
            paperOverall,
            Figures.MISSING,
            Figures.MISSING,
            Figures.MISSING,
            overall(verdicts).words()));
    rows.addAll(parts);
  }

  private static String overall(Claim claim) {
    OptionalDouble mean =
        claim.methods().stream()
            .flatMapToDouble(
                method ->
                    PaperTable.TABLE2
                        .difference(
                            method,
                            claim.targets(),
                            claim.ratio(),
                            claim.otherTargets(),
                            claim.otherRatio(),
                            -1)
                        .stream())
            .average();
    return mean.isPresent() ? Figures.points(mean.getAsDouble() / 100) : Figures.MISSING;
  }

  private static String paper(Claim claim, String method, Integer rank) {
    OptionalDouble difference =
        PaperTable.TABLE2.difference(
            method, claim.targets(), claim.ratio(), claim.otherTargets(), claim.otherRatio(), rank);
    return difference.isPresent()
        ? Figures.points(difference.getAsDouble() / 100)
        : Figures.MISSING;
  }

  /** Returns what an interval says of a statement. */
  static Verdict verdict(int direction, Interval difference) {
    if (direction == 0) {
      return difference.isAbove(-Claim.MARGIN)
          ? Verdict.HELD
          : difference.isBelow(-Claim.MARGIN) ? Verdict.DID_NOT_HOLD : Verdict.CANNOT_TELL;
    }
    boolean above = difference.isAbove(0);
    boolean below = difference.isBelow(0);
    return !above && !below
        ? Verdict.CANNOT_TELL
        : above == direction > 0 ? Verdict.HELD : Verdict.DID_NOT_HOLD;
  }

  private static Verdict overall(Set<Verdict> parts) {
    if (parts.isEmpty()) {
      return Verdict.NOT_TESTED;
    }
    if (parts.contains(Verdict.DID_NOT_HOLD)) {
      return Verdict.DID_NOT_HOLD;
    }
    return parts.equals(Set.of(Verdict.HELD)) ? Verdict.HELD : Verdict.CANNOT_TELL;
  }
}
