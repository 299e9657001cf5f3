package org.peftsweep.report;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.apache.commons.text.WordUtils;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.functions;
import org.peftsweep.results.Manifest;
import org.peftsweep.results.ResultFolder;
import org.peftsweep.results.ResultTables;
import org.peftsweep.spec.Claim;
import org.peftsweep.stats.Looks;
import org.peftsweep.stats.MeanTest;

/**
 * What a sweep found, in sentences: what became of the statements that it tests, or without any
 * which recipes are best; and where it cannot say, why not and which command would let it.
 */
public final class Findings {
  private final Results results;
  private final Comparisons comparisons;
  private final ClaimLedger ledger;
  private final Additions additions;
  private final Supplier<Collection<Run>> elsewhere;

  Findings(
      Results results,
      Comparisons comparisons,
      ClaimLedger ledger,
      Additions additions,
      Supplier<Collection<Run>> elsewhere) {
    this.results = results;
    this.comparisons = comparisons;
    this.ledger = ledger;
    this.additions = additions;
    this.elsewhere = elsewhere;
  }

  /**
   * Returns what a sweep's run prints at its end: the sentences, the table and how to read it.
   *
   * @param ids of the trials that count
   */
  public static String text(ResultFolder folder, ResultTables tables, Collection<String> ids) {
    Dataset<Row> trials =
        tables.trials().where(functions.col("id").isInCollection(List.copyOf(ids)));
    Optional<Manifest> manifest = folder.manifest();
    Results results = Results.of(trials, manifest.map(Manifest::tasks).orElse(List.of()));
    Comparisons comparisons = Comparisons.ofScores(results, tables.predictions(), looks(manifest));
    List<Claim> claims = manifest.map(Manifest::claims).orElse(List.of());
    boolean needsCurves = claims.stream().anyMatch(claim -> claim.measure() == Claim.Measure.STEPS);
    ClaimLedger ledger =
        new ClaimLedger(
            claims,
            results,
            comparisons,
            needsCurves ? Curves.of(tables.curves()) : new Curves(Map.of()));
    Findings findings =
        new Findings(results, comparisons, ledger, new Additions(manifest), List::of);
    return findings.sentences().stream()
            .map(sentence -> WordUtils.wrap(sentence, BenchmarkTable.TERMINAL_WIDTH) + "\n\n")
            .collect(Collectors.joining())
        + new BenchmarkTable(results, comparisons, Map.of()).text();
  }

  static Looks looks(Optional<Manifest> manifest) {
    return manifest.map(Manifest::sequential).orElse(false) ? Looks.REPEATED : Looks.ONCE;
  }

  /** Returns the sentences. */
  List<String> sentences() {
    List<String> sentences = new ArrayList<>();
    List<String> ofOneSeed =
        results.scoredTasks().stream().filter(task -> results.seeds(task) < 2).toList();
    ledger.entries().values().stream()
        .flatMap(List::stream)
        .filter(entry -> entry.effect().isPresent())
        .forEach(entry -> sentences.add(sentence(entry)));
    if (sentences.isEmpty()) {
      results.scoredTasks().stream()
          .filter(comparisons::ranks)
          .forEach(task -> sentences.add(best(task)));
    }
    if (!ofOneSeed.isEmpty()) {
      sentences.add(oneSeed(ofOneSeed));
    }
    additions
        .cells(ledger.missing())
        .ifPresent(
            command ->
                sentences.add(
                    "A comparison above changes several settings at once, so which of them makes the"
                        + " difference is not known; this adds the recipes that tell them apart: "
                        + command));
    return sentences;
  }

  private static String sentence(ClaimLedger.Entry entry) {
    Claim claim = entry.evidence().claim();
    MeanTest effect = entry.effect().orElseThrow();
    int pairs = entry.evidence().pairs().size();
    return "On "
        + entry.evidence().task()
        + ", "
        + claim.name()
        + ": "
        + entry.words()
        + ", "
        + ClaimLedger.value(claim, effect.mean())
        + (claim.measure().isFactor() ? "" : " points")
        + " (95 % interval "
        + ClaimLedger.ends(claim, effect.interval())
        + "; "
        + effect.count()
        + " seeds"
        + (pairs > 1 ? ", mean of " + pairs + " pairs of recipes" : "")
        + ").";
  }

  private String best(String task) {
    List<Comparisons.Place> places = comparisons.places(task, line -> true);
    Comparisons.Place first = places.get(0);
    long ties = places.stream().filter(p -> p.group() != null && p.group() == 1).count() - 1;
    long ranked = places.stream().filter(p -> p.group() != null).count() - 1;
    List<Comparisons.Place> others = places.stream().filter(p -> p.group() == null).toList();
    long higher = others.stream().filter(p -> p.score().mean() > first.score().mean()).count();
    return "On "
        + task
        + ", "
        + results.label(first.line())
        + (others.isEmpty() ? " is highest with " : " is highest of those that are ranked, with ")
        + Figures.percent(first.score().mean())
        + " (95 % interval "
        + Figures.ends(first.score().interval())
        + "; "
        + first.score().count()
        + " seeds); "
        + (ties == 0
            ? "all " + ranked + " others are surely lower"
            : ties + " of the " + ranked + " others cannot be told apart from it")
        + (others.isEmpty()
            ? "."
            : "; "
                + others.size()
                + " more are not ranked, having one seed or a seed without a score"
                + (higher == 0 ? "." : ", and " + higher + " of them have a higher mean."));
  }

  /** Says why nothing is ranked, what is known of the noise, and what to do. */
  String oneSeed(List<String> tasks) {
    StringBuilder text =
        new StringBuilder(
            "One seed on "
                + String.join(", ", tasks)
                + ": how much another seed would change is not measured here, so nothing is ranked"
                + " or judged.");
    for (String task : tasks) {
      noise(task)
          .ifPresent(
              noise ->
                  text.append(
                      String.format(
                          Locale.ROOT,
                          " On %s with this base, seeds of one recipe have a standard deviation of"
                              + " %.2f points in %s: single runs less than %.1f points apart are"
                              + " not different.",
                          task,
                          100 * noise.deviation(),
                          String.join(", ", noise.sweeps()),
                          100 * noise.floor())));
    }
    additions.moreSeeds().ifPresent(command -> text.append(" This adds seeds: ").append(command));
    return text.toString();
  }

  /** Returns what seeds do on a task: here, or else in any other sweep. */
  Optional<SeedNoise> noise(String task) {
    Optional<Run> like =
        results.runs().stream()
            .filter(run -> run.isScored() && run.task().equals(task))
            .findFirst();
    return like.flatMap(run -> SeedNoise.of(run, results.runs()))
        .or(() -> like.flatMap(run -> SeedNoise.of(run, elsewhere.get())));
  }
}
