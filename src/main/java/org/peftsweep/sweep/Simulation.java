package org.peftsweep.sweep;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.apache.commons.math3.stat.StatUtils;
import org.peftsweep.data.Seeds;
import org.peftsweep.search.Contest;
import org.peftsweep.search.Dimension;
import org.peftsweep.search.Domain;
import org.peftsweep.search.Entrant;
import org.peftsweep.search.Ladder;
import org.peftsweep.search.Point;
import org.peftsweep.search.Proposer;
import org.peftsweep.search.StoppingRule;
import org.peftsweep.search.Strategy;
import org.peftsweep.search.Trace;
import org.peftsweep.search.Verdict;
import org.peftsweep.spec.Axes;
import org.peftsweep.spec.Search;
import org.peftsweep.spec.Trial;

/**
 * What strategies and rules would have spent and found on a task of a sweep that ran in full: the
 * same decisions as those of a sweep that runs, over the curves that are known.
 */
public final class Simulation {
  /**
   * A trial that ran to its end, or failed.
   *
   * @param parameters scalars that learn, head excluded
   */
  public record Recorded(Trial trial, Trace trace, long parameters) {}

  /**
   * What one order of entrants came to.
   *
   * @param trials that were begun, as a part of all
   * @param steps optimizer steps that were trained, as a part of all
   * @param regret validation score of the best of all, less that of the best that was found
   */
  public record Result(double trials, double steps, double regret) {}

  private final List<List<Recorded>> recipes = new ArrayList<>();
  private final List<Entrant> whole = new ArrayList<>();
  private final List<Point> points = new ArrayList<>();
  private final Domain domain;

  /** Takes the trials of one task. */
  public Simulation(List<Recorded> trials) {
    Map<SortedMap<String, String>, List<Recorded>> groups = new LinkedHashMap<>();
    for (Recorded recorded : trials) {
      groups.computeIfAbsent(Axes.of(recorded.trial()), key -> new ArrayList<>()).add(recorded);
    }
    groups.values().forEach(recipes::add);
    for (List<Recorded> recipe : recipes) {
      whole.add(entrant(recipe, recipe.stream().map(Recorded::trace).toList()));
    }
    domain = domain(List.copyOf(groups.keySet()));
  }

  private static Entrant entrant(List<Recorded> recipe, List<Trace> traces) {
    double rate = recipe.get(0).trial().rates().learningRate();
    return new Entrant(
        traces,
        new double[] {rate > 0 ? Math.log(rate) : 0, Math.log1p(recipe.get(0).parameters())},
        new double[0]);
  }

  /** A branch a method, with the axes in which its recipes differ. */
  private Domain domain(List<SortedMap<String, String>> recipeAxes) {
    Map<String, SortedMap<String, SortedSet<String>>> values = new TreeMap<>();
    for (SortedMap<String, String> axes : recipeAxes) {
      SortedMap<String, SortedSet<String>> own =
          values.computeIfAbsent(axes.get("method"), key -> new TreeMap<>());
      axes.forEach(
          (axis, value) ->
              own.computeIfAbsent(axis, key -> new TreeSet<>(Simulation::compare)).add(value));
    }
    List<String> methods = List.copyOf(values.keySet());
    values.values().forEach(own -> own.values().removeIf(v -> v.size() < 2));
    // The head follows the common rate unless it is told not to.
    values.values().forEach(own -> own.remove("head-learning-rate"));
    List<List<Dimension>> branches = new ArrayList<>();
    for (String method : methods) {
      List<Dimension> branch = new ArrayList<>();
      values
          .get(method)
          .forEach(
              (axis, all) -> {
                boolean areNumbers = all.stream().allMatch(Axes::isNumber);
                branch.add(Dimension.list(axis, areNumbers, all.size()));
              });
      branches.add(branch);
    }
    for (SortedMap<String, String> axes : recipeAxes) {
      List<Double> places = new ArrayList<>();
      values
          .get(axes.get("method"))
          .forEach(
              (axis, all) -> places.add((all.headSet(axes.get(axis)).size() + 0.5) / all.size()));
      points.add(new Point(methods.indexOf(axes.get("method")), places));
    }
    return new Domain(branches);
  }

  private static int compare(String a, String b) {
    return Axes.isNumber(a) && Axes.isNumber(b)
        ? Double.compare(Double.parseDouble(a), Double.parseDouble(b))
        : a.compareTo(b);
  }

  /** Returns how many recipes there are. */
  public int size() {
    return recipes.size();
  }

  /**
   * Returns the deviation of a recipe's validation score over seeds, pooled; NaN where no recipe
   * has two.
   */
  public double deviation() {
    double squares = 0;
    int freedom = 0;
    for (Entrant entrant : whole) {
      double[] scores =
          entrant.trials().stream().mapToDouble(Simulation::end).filter(Double::isFinite).toArray();
      if (scores.length > 1) {
        squares += StatUtils.variance(scores) * (scores.length - 1);
        freedom += scores.length - 1;
      }
    }
    return freedom == 0 ? Double.NaN : Math.sqrt(squares / freedom);
  }

  private static double end(Trace trace) {
    return trace.state() != Trace.State.FINISHED
        ? Double.NEGATIVE_INFINITY
        : trace.readings().stream()
            .mapToDouble(Trace.Reading::score)
            .filter(Double::isFinite)
            .max()
            .orElse(Double.NEGATIVE_INFINITY);
  }

  private static double end(Entrant entrant) {
    return entrant.trials().stream().mapToDouble(Simulation::end).average().orElseThrow();
  }

  /**
   * Plays one order.
   *
   * @param trials recipes that are tried; 0 for all
   * @param order number that the order follows from
   */
  public Result play(Search search, int trials, long order) {
    Contest<Integer> contest = contest(search, trials == 0 ? size() : trials, order);
    Ladder ladder = contest.ladder();
    int[] at = new int[size()];
    java.util.Arrays.fill(at, -1);
    Entrant[] known = new Entrant[size()];
    Function<Integer, Entrant> look =
        i -> known[i] == null ? known[i] = upTo(ladder, i, at[i]) : known[i];
    boolean isChanged = true;
    while (isChanged) {
      isChanged = false;
      List<Verdict> verdicts = contest.look(look);
      for (int place = 0; place < verdicts.size(); place++) {
        int recipe = contest.entrants().get(place);
        if (at[recipe] < verdicts.get(place).goal()) {
          at[recipe] = verdicts.get(place).goal();
          known[recipe] = null;
          isChanged = true;
        }
      }
    }
    return result(ladder, at);
  }

  private Contest<Integer> contest(Search search, int trials, long order) {
    StoppingRule rule = search.rule();
    Ladder ladder = search.ladder();
    if (search.strategy().isAdaptive()) {
      Proposer proposer =
          new Proposer(
              domain,
              order,
              Math.min(trials, size()),
              search.startup(),
              search.batch(),
              List.of(),
              Set.copyOf(points));
      return new Contest<>(rule, ladder, proposer, points::indexOf);
    }
    List<Integer> entrants = new ArrayList<>();
    if (search.strategy() == Strategy.SOBOL) {
      for (Point point : Strategy.SOBOL.points(domain, Integer.MAX_VALUE, order)) {
        int recipe = points.indexOf(point);
        if (recipe >= 0) {
          entrants.add(recipe);
        }
      }
    } else {
      IntStream.of(new Seeds(order).permutation("simulation", size())).forEach(entrants::add);
    }
    return new Contest<>(rule, ladder, entrants.subList(0, Math.min(trials, entrants.size())));
  }

  private Entrant upTo(Ladder ladder, int recipe, int goal) {
    List<Trace> traces = new ArrayList<>();
    for (Recorded recorded : recipes.get(recipe)) {
      traces.add(upTo(ladder, recorded.trace(), goal));
    }
    return entrant(recipes.get(recipe), traces);
  }

  private static Trace upTo(Ladder ladder, Trace trace, int goal) {
    if (goal < 0) {
      return Trace.none(trace.steps());
    }
    if (goal == ladder.rungs()) {
      return trace;
    }
    int step = ladder.step(goal, trace.steps());
    for (int i = 0; i < trace.readings().size() - 1; i++) {
      if (trace.readings().get(i).step() >= step) {
        return new Trace(trace.readings().subList(0, i + 1), trace.steps(), Trace.State.OPEN);
      }
    }
    return trace;
  }

  private Result result(Ladder ladder, int[] at) {
    double all = 0;
    double spent = 0;
    int begun = 0;
    double best = Double.NEGATIVE_INFINITY;
    double found = Double.NEGATIVE_INFINITY;
    for (int i = 0; i < at.length; i++) {
      for (Recorded recorded : recipes.get(i)) {
        all += steps(recorded.trace());
        spent += at[i] < 0 ? 0 : steps(upTo(ladder, recorded.trace(), at[i]));
      }
      double end = end(whole.get(i));
      best = Math.max(best, end);
      begun += at[i] >= 0 ? 1 : 0;
      if (at[i] == ladder.rungs()) {
        found = Math.max(found, end);
      }
    }
    return new Result(begun / (double) at.length, spent / all, best - found);
  }

  private static double steps(Trace trace) {
    return trace.readings().isEmpty()
        ? 0
        : trace.readings().get(trace.readings().size() - 1).step();
  }
}
