package org.peftsweep.search;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.peftsweep.data.Seeds;

/**
 * The tree-structured Parzen estimator: of points drawn from the density of the good tries, the one
 * that is most likely under it in proportion to the density of the others.
 *
 * <p>Bergstra et al., 2011, Algorithms for hyper-parameter optimization, §4. The tree is that of a
 * {@link Domain}: a branch first, then its own dimensions; dimensions that branches have in common
 * tell of each other with a part of the weight. A try that was stopped counts as worse than all
 * that went further, and among its like by its score.
 */
final class Tpe {
  /** How one try came out. */
  record Observation(Point point, int rung, double[] values) {}

  private static final double GOOD_PART = 0.15;
  private static final int MOST_GOOD = 25;
  private static final int CANDIDATES = 24;

  /** Draws of candidates after which what is left is looked through. */
  private static final int ROUNDS = 8;

  /** Of tries in other branches. */
  private static final double ELSEWHERE = 0.25;

  /** Of tries in other sweeps. */
  private static final double EARLIER = 0.5;

  private static final int MOST_LISTED = 20_000;

  private final Domain domain;
  private final Seeds seeds;

  Tpe(Domain domain, long seed) {
    this.domain = domain;
    this.seeds = new Seeds(seed);
  }

  /** Densities of the good, or of the others: of branches, and of each dimension in each. */
  private static final class Model {
    private final Parzen branches;
    private final List<List<Parzen>> dimensions = new ArrayList<>();
    private final Domain domain;

    Model(Domain domain) {
      this.domain = domain;
      this.branches = new Parzen(domain.branches().size());
      for (List<Dimension> branch : domain.branches()) {
        List<Parzen> own = new ArrayList<>();
        branch.forEach(d -> own.add(new Parzen(d.isList() ? d.cells() : Parzen.CELLS)));
        dimensions.add(own);
      }
    }

    void add(Point point, double weight, Map<Dimension, List<int[]>> places) {
      branches.add(middle(point.branch()), weight);
      List<Dimension> own = domain.branches().get(point.branch());
      for (int i = 0; i < own.size(); i++) {
        double place = point.places().get(i);
        for (int[] at : places.get(own.get(i))) {
          boolean isHere = at[0] == point.branch();
          dimensions.get(at[0]).get(at[1]).add(place, isHere ? weight : ELSEWHERE * weight);
        }
      }
    }

    void close() {
      branches.close(false);
      for (int b = 0; b < dimensions.size(); b++) {
        for (int i = 0; i < dimensions.get(b).size(); i++) {
          boolean isSmooth = domain.branches().get(b).get(i).kind() != Dimension.Kind.CHOICE;
          dimensions.get(b).get(i).close(isSmooth);
        }
      }
    }

    double middle(int branch) {
      return (branch + 0.5) / domain.branches().size();
    }

    Point draw(SplittableRandom random) {
      int count = domain.branches().size();
      int branch = Math.min(count - 1, (int) (branches.draw(random) * count));
      List<Double> places = new ArrayList<>();
      for (Parzen dimension : dimensions.get(branch)) {
        places.add(dimension.draw(random));
      }
      return domain.canonical(new Point(branch, places));
    }

    double logarithm(Point point) {
      double sum = Math.log(branches.at(middle(point.branch())));
      List<Parzen> own = dimensions.get(point.branch());
      for (int i = 0; i < own.size(); i++) {
        sum += Math.log(own.get(i).at(point.places().get(i)));
      }
      return sum;
    }
  }

  /**
   * Proposes points that are none of those taken.
   *
   * @param stream number of this proposal among all of the seed
   * @param observed tries of this sweep
   * @param earlier tries of other sweeps, each by itself: their scores are not comparable
   * @return fewer than asked for where the domain has no more
   */
  List<Point> propose(
      long stream,
      int count,
      List<Observation> observed,
      List<List<Observation>> earlier,
      Collection<Point> taken) {
    Map<Dimension, List<int[]>> places = places();
    Model good = new Model(domain);
    Model others = new Model(domain);
    add(observed, 1, good, others, places);
    earlier.forEach(sweep -> add(sweep, EARLIER, good, others, places));
    good.close();
    others.close();
    SplittableRandom random = new SplittableRandom(seeds.of("tpe", stream));
    Set<Point> met = new HashSet<>(taken);
    List<Point> proposed = new ArrayList<>();
    while (proposed.size() < count) {
      Point best = best(good, others, met, random);
      if (best == null) {
        return proposed;
      }
      met.add(best);
      proposed.add(best);
    }
    return proposed;
  }

  private static Point best(Model good, Model others, Set<Point> met, SplittableRandom random) {
    Point best = null;
    double highest = Double.NEGATIVE_INFINITY;
    for (int i = 0; i < CANDIDATES * ROUNDS && (i < CANDIDATES || best == null); i++) {
      Point point = good.draw(random);
      double likely = good.logarithm(point) - others.logarithm(point);
      if (likely > highest && !met.contains(point)) {
        best = point;
        highest = likely;
      }
    }
    if (best == null && good.domain.size() <= MOST_LISTED) {
      for (Point point : good.domain.all()) {
        double likely = good.logarithm(point) - others.logarithm(point);
        if (likely > highest && !met.contains(point)) {
          best = point;
          highest = likely;
        }
      }
    }
    return best;
  }

  /** Where each dimension occurs, as branch and index. */
  private Map<Dimension, List<int[]>> places() {
    Map<Dimension, List<int[]>> places = new HashMap<>();
    for (int b = 0; b < domain.branches().size(); b++) {
      List<Dimension> branch = domain.branches().get(b);
      for (int i = 0; i < branch.size(); i++) {
        places.computeIfAbsent(branch.get(i), d -> new ArrayList<>()).add(new int[] {b, i});
      }
    }
    return places;
  }

  private static void add(
      List<Observation> observed,
      double weight,
      Model good,
      Model others,
      Map<Dimension, List<int[]>> places) {
    List<Observation> order = ordered(observed);
    int goods = (int) Math.min(MOST_GOOD, Math.ceil(GOOD_PART * order.size()));
    for (int i = 0; i < order.size(); i++) {
      boolean isGood = i < goods && Ranking.isWhole(order.get(i).values());
      (isGood ? good : others).add(order.get(i).point(), weight, places);
    }
  }

  /** The best first: those that went furthest, and of these by their objectives. */
  static List<Observation> ordered(List<Observation> observed) {
    Map<Integer, List<Observation>> byRung = new TreeMap<>(Comparator.reverseOrder());
    observed.forEach(o -> byRung.computeIfAbsent(o.rung(), r -> new ArrayList<>()).add(o));
    List<Observation> order = new ArrayList<>();
    List<Observation> failed = new ArrayList<>();
    for (List<Observation> rung : byRung.values()) {
      for (int i : Ranking.order(rung.stream().map(Observation::values).toList())) {
        (Ranking.isWhole(rung.get(i).values()) ? order : failed).add(rung.get(i));
      }
    }
    order.addAll(failed);
    return order;
  }
}
