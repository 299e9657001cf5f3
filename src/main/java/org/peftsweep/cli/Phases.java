package org.peftsweep.cli;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.peftsweep.results.Manifest;
import org.peftsweep.results.ResultFolder;
import org.peftsweep.spec.Candidates;
import org.peftsweep.spec.Sweep;
import org.peftsweep.spec.Titles;
import org.peftsweep.spec.Trial;
import org.peftsweep.sweep.Selection;

/** The trials of a sweep, those that wait for a choice of settings included once it is made. */
final class Phases {
  private final Sweep sweep;
  private final List<Candidates> candidates;
  private List<Trial> trials;
  private int undecided;

  Phases(Sweep sweep, List<Candidates> candidates) {
    this.sweep = sweep;
    this.candidates = candidates;
    this.trials = candidates.stream().flatMap(Candidates::first).toList();
    this.undecided = (int) candidates.stream().filter(Candidates::isOpen).count();
  }

  /** Returns all trials known so far. */
  List<Trial> trials() {
    return trials;
  }

  /** Whether no choice is left to be made. */
  boolean areDecided() {
    return undecided == 0;
  }

  /** Adds the evaluations that a selection asks for. */
  void add(Selection selection) {
    List<Trial> all = new ArrayList<>(trials);
    all.addAll(selection.evaluation());
    trials = List.copyOf(all);
    undecided = selection.undecided() + selection.hopeless().size();
  }

  /** Says what is planned to whom only the results are at hand. */
  void publish(ResultFolder folder, List<Manifest.Choice> choices) {
    Titles title = sweep.titles();
    Map<String, String> titles = new LinkedHashMap<>();
    trials.forEach(trial -> titles.put(trial.id(), title.apply(trial)));
    folder.write(
        new Manifest(
            sweep.tasks().stream().map(task -> task.source().task().name()).toList(),
            sweep.protocol().tuningSeeds(),
            sweep.seeds(),
            sweep.protocol().select(),
            titles,
            choices,
            undecided));
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
