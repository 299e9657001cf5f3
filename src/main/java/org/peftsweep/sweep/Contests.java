package org.peftsweep.sweep;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.peftsweep.data.Seeds;
import org.peftsweep.search.Contest;
import org.peftsweep.search.Proposer;
import org.peftsweep.spec.Candidates;
import org.peftsweep.spec.Search;
import org.peftsweep.spec.Space;
import org.peftsweep.spec.Sweep;
import org.peftsweep.spec.Trial;

/**
 * The contests of a sweep: of the recipes on each task, or where settings are tuned, of those that
 * each choice is between.
 */
public final class Contests {
  /** A contest with its name. */
  record Field(String name, Contest<Competitor> contest) {}

  private final List<Field> fields;
  private final boolean isAdaptive;

  private Contests(List<Field> fields, boolean isAdaptive) {
    this.fields = fields;
    this.isAdaptive = isAdaptive;
  }

  /**
   * Makes the contests of a sweep.
   *
   * @param contents of its models and tasks
   * @param candidates that are known from the start
   * @param earlier tries that proposals start from, each sweep by itself
   */
  public static Contests of(
      Sweep sweep,
      Sweep.Contents contents,
      List<Candidates> candidates,
      Forecast forecast,
      List<List<Proposer.Earlier>> earlier) {
    Search search = sweep.search();
    return search.strategy().isAdaptive()
        ? proposed(sweep, contents, forecast, earlier)
        : known(sweep, candidates, forecast);
  }

  private static Contests known(Sweep sweep, List<Candidates> candidates, Forecast forecast) {
    Search search = sweep.search();
    boolean tunes = sweep.protocol().tunes();
    Map<String, List<Competitor>> groups = new LinkedHashMap<>();
    for (Candidates group : candidates) {
      if (!tunes || group.isOpen()) {
        for (Candidates.Entrant entrant : group.entrants()) {
          Competitor competitor = Competitor.of(entrant, tunes, forecast, search);
          String name = tunes ? group.name() : competitor.trials().get(0).task().task().name();
          groups.computeIfAbsent(name, key -> new ArrayList<>()).add(competitor);
        }
      }
    }
    List<Field> fields = new ArrayList<>();
    groups.forEach(
        (name, group) ->
            fields.add(
                new Field(
                    name,
                    new Contest<>(search.rule(), search.ladder(), shuffled(name, group, search)))));
    return new Contests(fields, false);
  }

  /** Neighbours in a grid are alike; those who are compared should be of all kinds. */
  private static List<Competitor> shuffled(String name, List<Competitor> group, Search search) {
    List<Competitor> shuffled = new ArrayList<>();
    for (int i : new Seeds(search.seed()).permutation("contest " + name, group.size())) {
      shuffled.add(group.get(i));
    }
    return shuffled;
  }

  private static Contests proposed(
      Sweep sweep,
      Sweep.Contents contents,
      Forecast forecast,
      List<List<Proposer.Earlier>> earlier) {
    Search search = sweep.search();
    Space space = sweep.space().orElseThrow();
    List<Field> fields = new ArrayList<>();
    for (int i = 0; i < sweep.tasks().size(); i++) {
      int task = i;
      String name = sweep.tasks().get(i).source().task().name();
      int total = search.trials() == 0 ? Integer.MAX_VALUE : search.trials();
      Proposer proposer =
          new Proposer(
              space.domain(), search.seed(), total, search.startup(), search.batch(), earlier);
      fields.add(
          new Field(
              name,
              new Contest<>(
                  search.rule(),
                  search.ladder(),
                  proposer,
                  point ->
                      Competitor.of(
                          sweep.entrant(space.recipe(point), task, contents),
                          sweep.protocol().tunes(),
                          forecast,
                          search))));
    }
    return new Contests(fields, true);
  }

  List<Field> fields() {
    return fields;
  }

  /** Returns the trials of all entrants so far. */
  public List<Trial> trials() {
    return competitors().flatMap(competitor -> competitor.trials().stream()).toList();
  }

  /** Returns the id of each recipe's first trial by contest, in the contest's order. */
  public Map<String, List<String>> tried() {
    Map<String, List<String>> tried = new LinkedHashMap<>();
    fields.forEach(
        field ->
            tried.put(
                field.name(),
                field.contest().entrants().stream().map(c -> c.ids().get(0)).toList()));
    return tried;
  }

  private Stream<Competitor> competitors() {
    return fields.stream().flatMap(field -> field.contest().entrants().stream());
  }

  /** Returns how many recipes there will be in all. */
  public int total() {
    return fields.stream().mapToInt(field -> field.contest().total()).sum();
  }

  /** Returns the choices that come of the contests: a task each where entrants were proposed. */
  public List<Candidates> candidates(List<Candidates> known) {
    return isAdaptive
        ? fields.stream()
            .map(
                field ->
                    new Candidates(
                        field.name(),
                        field.contest().entrants().stream().map(Competitor::entrant).toList()))
            .toList()
        : known;
  }
}
