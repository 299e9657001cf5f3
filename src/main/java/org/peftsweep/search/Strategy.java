package org.peftsweep.search;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import org.apache.commons.math3.random.SobolSequenceGenerator;
import org.peftsweep.data.Seeds;

/** In which order a domain is tried. */
public enum Strategy {
  /** Every point, as the sweep file writes them. */
  GRID,
  /** Drawn independently; of lists alone, all in random order. */
  RANDOM,
  /** Sobol's sequence, shifted by the seed: points that fill the domain evenly. */
  SOBOL,
  /** By what came of earlier tries, see {@link Tpe}. */
  TPE;

  /** Draws without a new point after which what is left is looked through. */
  private static final int TRIES = 1000;

  private static final int MOST_LISTED = 1_000_000;

  /** Whether points depend on results. */
  public boolean isAdaptive() {
    return this == TPE;
  }

  /** Returns so many points, each once; fewer where the domain has no more. */
  public List<Point> points(Domain domain, int count, long seed) {
    return switch (this) {
      case GRID -> domain.all();
      case RANDOM, TPE -> random(domain, count, seed);
      case SOBOL -> sobol(domain, count, seed);
    };
  }

  private static List<Point> random(Domain domain, int count, long seed) {
    Seeds seeds = new Seeds(seed);
    if (domain.isOfLists() && domain.size() <= MOST_LISTED) {
      List<Point> all = domain.all();
      List<Point> drawn = new ArrayList<>();
      for (int i : seeds.permutation("random search", all.size())) {
        if (drawn.size() < count) {
          drawn.add(all.get(i));
        }
      }
      return drawn;
    }
    SplittableRandom random = seeds.random("random search");
    Set<Point> drawn = new LinkedHashSet<>();
    for (int tries = 0; drawn.size() < count && tries < TRIES; tries++) {
      if (drawn.add(domain.draw(random))) {
        tries = 0;
      }
    }
    return filled(drawn, domain, count);
  }

  /** Adds what draws have not met of a domain that is nearly exhausted. */
  private static List<Point> filled(Set<Point> drawn, Domain domain, int count) {
    if (drawn.size() < count && domain.size() <= MOST_LISTED) {
      for (Point point : domain.all()) {
        if (drawn.size() < count) {
          drawn.add(point);
        }
      }
    }
    return List.copyOf(drawn);
  }

  private static List<Point> sobol(Domain domain, int count, long seed) {
    int most = domain.branches().stream().mapToInt(List::size).max().orElse(0);
    SobolSequenceGenerator sequence = new SobolSequenceGenerator(1 + most);
    double[] shift = new double[1 + most];
    SplittableRandom random = new Seeds(seed).random("sobol shift");
    for (int i = 0; i < shift.length; i++) {
      shift[i] = random.nextDouble();
    }
    Set<Point> points = new LinkedHashSet<>();
    for (int tries = 0; points.size() < count && tries < TRIES; tries++) {
      double[] vector = sequence.nextVector();
      for (int i = 0; i < vector.length; i++) {
        vector[i] = (vector[i] + shift[i]) % 1;
      }
      int branches = domain.branches().size();
      int branch = Math.min(branches - 1, (int) (vector[0] * branches));
      List<Double> places = new ArrayList<>();
      for (int i = 0; i < domain.branches().get(branch).size(); i++) {
        places.add(vector[1 + i]);
      }
      if (points.add(domain.canonical(new Point(branch, places)))) {
        tries = 0;
      }
    }
    return filled(points, domain, count);
  }
}
