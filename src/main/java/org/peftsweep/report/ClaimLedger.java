package org.peftsweep.report;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.peftsweep.spec.Claim;
import org.peftsweep.stats.Holm;
import org.peftsweep.stats.Interval;
import org.peftsweep.stats.MeanTest;
import org.peftsweep.stats.TieGroups;

/**
 * Which statements hold in a sweep, all by one rule.
 *
 * <p>On each task by itself, for metrics do not mix, the difference between the two sides is
 * averaged over all pairs of recipes that the statement speaks of, seed by seed, and held against
 * what it says by a t-test over seeds. It <em>held</em> if the difference lies on the stated side
 * by a p-value of at most 0.05, corrected after Holm for all statements and tasks of its file,
 * <em>did not hold</em> if it lies on the other, else it <em>cannot be told</em>. A statement on
 * several tasks held if it did on each, and did not hold if it did not on any.
 */
final class ClaimLedger {
  /** What became of a statement. */
  enum Verdict {
    HELD("held"),
    DID_NOT_HOLD("did not hold"),
    CANNOT_TELL("cannot tell"),
    ONE_SEED("one seed"),
    NOT_TESTED("not tested");

    private final String words;

    Verdict(String words) {
      this.words = words;
    }

    /** Returns the verdict as it is printed. */
    String words() {
      return words;
    }
  }

  /** A statement on a task. */
  record Entry(
      Evidence evidence, Optional<MeanTest> effect, double[] pValues, double p, Verdict verdict) {
    boolean isConfounded() {
      return evidence.isConfounded();
    }

    String words() {
      boolean isJudged = verdict == Verdict.HELD || verdict == Verdict.DID_NOT_HOLD;
      return verdict.words() + (isJudged && isConfounded() ? ", confounded" : "");
    }
  }

  private static final double POINT = 0.01;

  private static final List<String> HEADER =
      List.of(
          "statement", "task", "source", "here", "95 % interval", "seeds", "pairs", "p", "verdict");

  private final Results results;
  private final Comparisons comparisons;
  private final Map<Claim, List<Entry>> entries = new LinkedHashMap<>();

  /** Judges the statements of one file. */
  ClaimLedger(List<Claim> claims, Results results, Comparisons comparisons, Curves curves) {
    this.results = results;
    this.comparisons = comparisons;
    Map<String, List<Cell>> cells = new LinkedHashMap<>();
    results.tasks().forEach(task -> cells.put(task, Cell.of(results, task)));
    List<Entry> all = new ArrayList<>();
    for (Claim claim : claims) {
      for (String task : results.tasks()) {
        if (claim.tasks().isEmpty() || claim.tasks().contains(task)) {
          Evidence evidence = Evidence.of(claim, task, cells.get(task), curves);
          if (!evidence.pairs().isEmpty() || !evidence.unscored().isEmpty()) {
            all.add(entry(evidence));
          }
        }
      }
    }
    double[] adjusted =
        Holm.adjusted(all.stream().mapToDouble(entry -> smallest(entry.pValues())).toArray());
    claims.forEach(claim -> entries.put(claim, new ArrayList<>()));
    for (int i = 0; i < adjusted.length; i++) {
      Entry entry = all.get(i);
      entries.get(entry.evidence().claim()).add(judged(entry, adjusted[i]));
    }
  }

  private Entry entry(Evidence evidence) {
    double[] differences = evidence.differences();
    Optional<MeanTest> effect =
        evidence.claim().measure() == Claim.Measure.SCORE
            ? comparisons.test(evidence.task(), differences)
            : differences.length < 2
                ? Optional.empty()
                : Optional.of(MeanTest.of(differences, evidence.resolution(), comparisons.looks()));
    double[] pValues =
        effect.map(test -> evidence.pValues(test, POINT)).orElse(new double[] {1, 1});
    return new Entry(evidence, effect, pValues, 1, Verdict.CANNOT_TELL);
  }

  private static double smallest(double[] pValues) {
    return Math.min(pValues[0], pValues[1]);
  }

  private static Entry judged(Entry entry, double p) {
    Verdict verdict;
    if (entry.effect().isEmpty()) {
      verdict =
          entry.evidence().broke()
              ? Verdict.CANNOT_TELL
              : entry.evidence().differences().length == 1 ? Verdict.ONE_SEED : Verdict.NOT_TESTED;
    } else if (p > TieGroups.ALPHA || entry.evidence().broke()) {
      verdict = Verdict.CANNOT_TELL;
    } else {
      verdict = entry.pValues()[0] < entry.pValues()[1] ? Verdict.HELD : Verdict.DID_NOT_HOLD;
    }
    return new Entry(entry.evidence(), entry.effect(), entry.pValues(), p, verdict);
  }

  /** Whether any of the statements is about recipes that are here. */
  boolean isTested() {
    return entries.values().stream().anyMatch(list -> !list.isEmpty());
  }

  /** Returns each statement with what became of it on each task. */
  Map<Claim, List<Entry>> entries() {
    return entries;
  }

  /** Returns what became of each statement as a whole. */
  Map<Claim, Verdict> verdicts() {
    Map<Claim, Verdict> verdicts = new LinkedHashMap<>();
    entries.forEach((claim, list) -> verdicts.put(claim, overall(list)));
    return verdicts;
  }

  private static Verdict overall(List<Entry> entries) {
    Set<Verdict> parts = entries.stream().map(Entry::verdict).collect(Collectors.toSet());
    if (parts.isEmpty()) {
      return Verdict.NOT_TESTED;
    }
    if (parts.contains(Verdict.DID_NOT_HOLD)) {
      return Verdict.DID_NOT_HOLD;
    }
    return parts.size() == 1 ? parts.iterator().next() : Verdict.CANNOT_TELL;
  }

  /**
   * Returns a row for each statement and task, and one before those of several tasks.
   *
   * @param all whether statements are listed too that no recipe here is about
   */
  List<List<String>> rows(boolean all) {
    List<List<String>> rows = new ArrayList<>();
    entries.forEach(
        (claim, list) -> {
          if (list.size() > 1 || all && list.isEmpty()) {
            rows.add(
                row(
                    claim,
                    list.isEmpty()
                        ? "no such recipes here"
                        : "all of the " + list.size() + " below",
                    Figures.MISSING,
                    Figures.MISSING,
                    Figures.MISSING,
                    Figures.MISSING,
                    Figures.MISSING,
                    Figures.MISSING,
                    overall(list).words()
                        + (list.stream().anyMatch(entry -> entry.words().contains("confounded"))
                            ? ", confounded"
                            : "")));
          }
          list.forEach(entry -> rows.add(row(entry)));
        });
    return rows;
  }

  private List<String> row(Entry entry) {
    Claim claim = entry.evidence().claim();
    String task = entry.evidence().task();
    Double paper = claim.paper().get(task.replaceFirst("^mini-", ""));
    return row(
        claim,
        task,
        paper(claim, paper),
        entry.effect().map(effect -> value(claim, effect.mean())).orElse(Figures.MISSING),
        entry.effect().map(effect -> ends(claim, effect.interval())).orElse(Figures.MISSING),
        seeds(entry),
        pairs(entry.evidence()),
        entry.effect().isEmpty() ? Figures.MISSING : Figures.pValue(entry.p()),
        entry.words());
  }

  private static List<String> row(Claim claim, String... cells) {
    List<String> row = new ArrayList<>(List.of(claim.name()));
    row.addAll(List.of(cells));
    return row;
  }

  /** Says how many seeds are compared, and how many ended without a score. */
  private static String seeds(Entry entry) {
    long lost =
        entry.evidence().runs().filter(run -> run.isEvaluation() && !run.isScored()).count();
    String endings =
        entry
            .evidence()
            .runs()
            .filter(run -> run.isEvaluation() && !run.isScored())
            .map(Run::ending)
            .distinct()
            .sorted()
            .collect(Collectors.joining(", "));
    int seeds = entry.evidence().differences().length;
    return lost == 0 ? "" + seeds : seeds + "; " + lost + " trials " + endings;
  }

  /** Says how many pairs are compared, and of how many where some have no seed in common. */
  private static String pairs(Evidence evidence) {
    int pairs = evidence.pairs().size();
    int unscored = evidence.unscored().size();
    return unscored == 0 ? "" + pairs : pairs + " of " + (pairs + unscored);
  }

  private static String paper(Claim claim, Double figure) {
    return figure == null
        ? Figures.MISSING
        : claim.measure().isFactor() ? factor(Math.log10(figure)) : Figures.points(figure * POINT);
  }

  static String value(Claim claim, double difference) {
    return claim.measure().isFactor() ? factor(difference) : Figures.points(difference);
  }

  static String ends(Claim claim, Interval interval) {
    return claim.measure().isFactor()
        ? factor(interval.low()) + " … " + factor(interval.high())
        : Figures.signedEnds(interval);
  }

  private static String factor(double log) {
    return Double.isFinite(log)
        ? String.format(Locale.ROOT, "× %.2f", Math.pow(10, log))
        : Figures.MISSING;
  }

  /** Returns the table of several ledgers, see {@link #rows}. */
  static TextTable table(List<ClaimLedger> ledgers, boolean all) {
    return TextTable.of(
        HEADER,
        Set.of("source", "here", "pairs", "p"),
        ledgers.stream().flatMap(ledger -> ledger.rows(all).stream()).toList());
  }

  /** Returns for each statement that changes several axes at once what each of them does alone. */
  List<List<String>> confounding() {
    List<List<String>> rows = new ArrayList<>();
    entries
        .values()
        .forEach(
            list ->
                list.stream()
                    .filter(entry -> !entry.evidence().confounded().isEmpty())
                    .forEach(entry -> rows.addAll(confounding(entry))));
    return rows;
  }

  private List<List<String>> confounding(Entry entry) {
    Evidence evidence = entry.evidence();
    List<List<String>> rows = new ArrayList<>();
    for (String axis : evidence.confounded()) {
      Optional<MeanTest> effect = comparisons.test(evidence.task(), evidence.alone(axis));
      rows.add(
          List.of(
              evidence.claim().name(),
              evidence.task(),
              axis,
              effect.map(test -> Figures.points(test.mean())).orElse("confounded"),
              effect.map(test -> Figures.signedEnds(test.interval())).orElse(Figures.MISSING)));
    }
    return rows;
  }

  /** Returns the cells that would tell confounded axes apart. */
  Set<Additions.Cell> missing() {
    return entries.values().stream()
        .flatMap(List::stream)
        .map(Entry::evidence)
        .flatMap(
            evidence ->
                evidence.missing().stream().map(axes -> new Additions.Cell(evidence.task(), axes)))
        .collect(Collectors.toCollection(LinkedHashSet::new));
  }

  /** Says how to read the ledger, and what should be known of its sources. */
  static String note(List<ClaimLedger> ledgers, Results results, boolean all) {
    Set<String> sources = new TreeSet<>();
    Set<String> remarks = new LinkedHashSet<>();
    ledgers.forEach(
        ledger ->
            ledger.entries.forEach(
                (claim, list) -> {
                  if (all || !list.isEmpty()) {
                    sources.add(claim.source());
                    Optional.ofNullable(claim.remark()).ifPresent(remarks::add);
                  }
                }));
    Set<String> models = new TreeSet<>();
    results.runs().forEach(run -> models.add((String) run.settings().get("model")));
    return "Statements of "
        + String.join("; ", sources)
        + ". Differences × 100 or factors, each the mean over all pairs of recipes that a statement"
        + " speaks of and that have a seed in common, on one task; intervals of 95 % are of"
        + " Student's t over seeds, on these examples. Held: p, corrected after Holm for all"
        + " statements of a file, is at most 0.05 for what is stated; did not hold: for its"
        + " contrary; else it cannot be told. Verdicts are about "
        + String.join(", ", models)
        + " on "
        + String.join(", ", results.tasks())
        + " and neither confirm nor refute what was found elsewhere."
        + remarks.stream().map(remark -> " " + remark).collect(Collectors.joining());
  }
}
