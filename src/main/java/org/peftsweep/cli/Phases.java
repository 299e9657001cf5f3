package org.peftsweep.cli;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.peftsweep.results.Manifest;
import org.peftsweep.results.ResultFolder;
import org.peftsweep.spec.Candidates;
import org.peftsweep.spec.Sweep;
import org.peftsweep.spec.Titles;
import org.peftsweep.spec.Trial;
import org.peftsweep.sweep.Selection;

/**
 * The trials of a sweep: those that wait for a choice of settings, once it is made, and those that
 * are asked for beside its file.
 */
final class Phases {
  private final Sweep sweep;
  private final List<Candidates> candidates;
  private final Set<String> beside = new TreeSet<>();
  private final Map<String, String> before;
  private Map<String, String> kept;
  private List<Trial> trials;
  private List<Manifest.Choice> choices = List.of();
  private int undecided;
  private Manifest.Found found;
  private boolean sequential;

  /**
   * Takes what a sweep asks for.
   *
   * @param ofFile ids of the trials that its file alone asks for; null for all
   * @param folder that may hold trials which were asked for beside the file before
   */
  Phases(Sweep sweep, List<Candidates> candidates, Set<String> ofFile, ResultFolder folder) {
    this.sweep = sweep;
    this.candidates = candidates;
    this.trials = candidates.stream().flatMap(Candidates::first).toList();
    if (ofFile != null) {
      trials.stream().map(Trial::id).filter(id -> !ofFile.contains(id)).forEach(beside::add);
    }
    this.undecided = (int) candidates.stream().filter(Candidates::isOpen).count();
    Manifest known = folder.manifest().orElse(null);
    this.found = known == null ? null : known.search();
    this.before = known == null ? Map.of() : known.added();
    this.kept = known == null ? Map.of() : known.kept();
    this.sequential = known != null && known.sequential() && !before.isEmpty();
  }

  /** Returns all trials known so far. */
  List<Trial> trials() {
    return trials;
  }

  /**
   * Notes rows of older versions that stand for trials now.
   *
   * @param storedIds their ids by those of the trials
   * @return whether that is news
   */
  boolean keep(Map<String, String> storedIds) {
    boolean isNews = !kept.equals(storedIds);
    kept = storedIds;
    return isNews;
  }

  /** Returns ids of trials that were asked for beside the file in earlier runs. */
  Set<String> before() {
    return before.keySet();
  }

  /** Whether no choice is left to be made. */
  boolean areDecided() {
    return undecided == 0;
  }

  /** Adds recipes that were proposed on the way. */
  void compete(List<Trial> proposed, Manifest.Found what) {
    found = what;
    Map<String, Trial> all = new LinkedHashMap<>();
    trials.forEach(trial -> all.put(trial.id(), trial));
    proposed.forEach(trial -> all.put(trial.id(), trial));
    trials = List.copyOf(all.values());
  }

  /** Adds the evaluations that a selection asks for. */
  void add(Selection selection) {
    List<Trial> all = new ArrayList<>(trials);
    all.addAll(selection.evaluation());
    trials = List.copyOf(all);
    choices = selection.choices();
    undecided = selection.undecided() + selection.hopeless().size();
  }

  /** Adds seeds to recipes that are not told apart. */
  void add(List<Trial> replications) {
    List<Trial> all = new ArrayList<>(trials);
    all.addAll(replications);
    trials = List.copyOf(all);
    replications.forEach(trial -> beside.add(trial.id()));
    sequential = true;
  }

  /** Says what is planned to whom only the results are at hand. */
  void publish(ResultFolder folder, Manifest.Source source) {
    Titles title = sweep.titles();
    Map<String, String> titles = new LinkedHashMap<>();
    Map<String, String> added = new TreeMap<>(before);
    trials.forEach(
        trial ->
            (beside.contains(trial.id()) ? added : titles).put(trial.id(), title.apply(trial)));
    added.keySet().removeAll(titles.keySet());
    folder.write(
        new Manifest(
            sweep.tasks().stream().map(task -> task.source().task().name()).toList(),
            sweep.protocol().tuningSeeds(),
            sweep.seeds(),
            sweep.protocol().select(),
            titles,
            choices,
            undecided,
            source,
            sweep.claims(),
            added,
            sequential,
            found,
            kept));
  }

  /** Returns one sentence on what comes after tuning; empty where nothing is tuned. */
  String later() {
    return undecided == 0
        ? ""
        : String.format(
            "Then %d choices by mean validation score over %d tuning seeds; each chosen recipe is"
                + " evaluated %d times.%n",
            undecided,
            sweep.protocol().tuningSeeds().size(),
            candidates.get(0).entrants().get(0).evaluation().size());
  }
}
