package org.peftsweep.search;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class StrategiesTest {
  private static final Dimension RATE = Dimension.range("learning-rate", 1e-5, 1e-2, true, false);
  private static final Dimension RANK = Dimension.range("rank", 1, 64, true, true);
  private static final Dimension TARGETS = Dimension.list("targets", false, 4);
  private static final Dimension RATIO = Dimension.list("ratio", true, 5);

  /** A method with a rank, and one without. */
  private static final Domain MIXED =
      new Domain(List.of(List.of(RATE, RANK, TARGETS, RATIO), List.of(RATE, RATIO)));

  private static final Domain LISTS =
      new Domain(List.of(List.of(TARGETS, RATIO), List.of(RATIO), List.of(TARGETS)));

  @ParameterizedTest
  @EnumSource(
      value = Strategy.class,
      names = {"RANDOM", "SOBOL"})
  void givePointsOfTheDomainEachOnceAndTheSameBySeed(Strategy strategy) {
    List<Point> points = strategy.points(MIXED, 300, 7);
    assertThat(points).hasSize(300).doesNotHaveDuplicates();
    assertThat(strategy.points(MIXED, 300, 7)).isEqualTo(points);
    assertThat(strategy.points(MIXED, 300, 8)).isNotEqualTo(points);
    assertThat(strategy.points(MIXED, 40, 7)).isEqualTo(points.subList(0, 40));
    assertThat(points)
        .allSatisfy(point -> assertThat(MIXED.canonical(point)).isEqualTo(point))
        .allSatisfy(
            point ->
                assertThat(point.places()).hasSize(MIXED.branches().get(point.branch()).size()));
    assertThat(strategy.points(LISTS, 1000, 7))
        .containsExactlyInAnyOrderElementsOf(LISTS.all())
        .hasSize(29);
  }

  @Test
  void sobolFillsEvenly() {
    Domain square = new Domain(List.of(List.of(RATE)));
    int[] cells = new int[16];
    Strategy.SOBOL
        .points(square, 64, 3)
        .forEach(point -> cells[(int) (16 * point.places().get(0))]++);
    assertThat(cells).containsOnly(4);
  }

  @Test
  void rangesKeepTheirEndsScalesAndWholeNumbers() {
    Map<Double, Integer> counts = new HashMap<>();
    SplittableRandom random = new SplittableRandom(1);
    Dimension whole = Dimension.range("n", 1, 4, false, true);
    for (int i = 0; i < 4000; i++) {
      counts.merge(whole.value(random.nextDouble()), 1, Integer::sum);
      assertThat(RATE.value(random.nextDouble())).isBetween(1e-5, 1e-2);
      double rank = RANK.value(random.nextDouble());
      assertThat(rank).isBetween(1.0, 64.0).isEqualTo(Math.rint(rank));
      assertThat(RANK.value(RANK.place(rank))).isEqualTo(rank);
    }
    assertThat(counts).containsOnlyKeys(1.0, 2.0, 3.0, 4.0);
    assertThat(counts.values()).allMatch(count -> count > 850 && count < 1150);
    assertThat(RATE.value(0.5)).isEqualTo(3.16e-4);
  }

  /** A place to find: the first method with a rate of about 1e-3 and a rank of about 16. */
  private static double score(Point point) {
    Domain domain = MIXED;
    double rate = domain.branches().get(point.branch()).get(0).value(point.places().get(0));
    double score = -Math.pow(Math.log10(rate) + 3, 2);
    if (point.branch() == 0) {
      double rank = RANK.value(point.places().get(1));
      score += 1 - 0.2 * Math.abs(Math.log(rank / 16));
      score += TARGETS.index(point.places().get(2)) == 2 ? 0.5 : 0;
    }
    return score;
  }

  private static Trace trace(double score) {
    return new Trace(List.of(new Trace.Reading(10, score, 1, 1)), 10, Trace.State.FINISHED);
  }

  private static double best(Proposer proposer) {
    Contest<Point> contest = new Contest<>(new RunToEnd(), Ladder.NONE, proposer, point -> point);
    Map<Point, Entrant> known = new HashMap<>();
    int before = -1;
    while (contest.entrants().size() > before) {
      before = contest.entrants().size();
      contest.look(
          point ->
              known.computeIfAbsent(
                  point, p -> new Entrant(List.of(trace(score(p))), new double[0], new double[0])));
    }
    return contest.entrants().stream().mapToDouble(StrategiesTest::score).max().orElseThrow();
  }

  /** Readings at steps 0, 5 and 10, the best of them the second. */
  private static Trace retained(double before, double atBest, double atEnd) {
    return new Trace(
        List.of(
            new Trace.Reading(0, 0.1, Double.NaN, Double.NaN, before),
            new Trace.Reading(5, 0.9, 1, 1, atBest),
            new Trace.Reading(10, 0.9, 1, 1, atEnd)),
        10,
        Trace.State.FINISHED);
  }

  /** Seen at the step that counts, the first of the best; the mean over seeds. */
  @Test
  void forgettingIsAnObjectiveBesideTheOthers() {
    assertThat(Trace.rise(retained(2, 2.5, 7).readings())).isEqualTo(0.5);
    assertThat(Trace.rise(retained(2, 2.5, 7).readings().subList(0, 1))).isZero();
    assertThat(Trace.rise(retained(2, 2.5, 7).readings().subList(1, 3))).isNaN();
    assertThat(Trace.rise(trace(1).readings())).isNaN();
    assertThat(Trace.rise(List.of())).isNaN();
    List<Trace> seeds = List.of(retained(2, 2.5, 7), retained(2, 3.5, 1));
    double[] costs = {-300};
    Track low = Track.of(Ladder.of(0.5, 2), new Entrant(seeds, new double[0], costs, -1));
    assertThat(low.values(0)).containsExactly(0.9, -300, -1);
    assertThat(low.values(1)).containsExactly(0.9, -300, -1);
    Track high = Track.of(Ladder.NONE, new Entrant(seeds, new double[0], costs, 1));
    assertThat(high.values(0)).containsExactly(0.9, -300, 1);
    Track neither = Track.of(Ladder.NONE, new Entrant(seeds, new double[0], costs));
    assertThat(neither.values(0)).containsExactly(0.9, -300);
    Track unknown =
        Track.of(
            Ladder.NONE, new Entrant(List.of(seeds.get(0), trace(1)), new double[0], costs, -1));
    assertThat(unknown.values(0)[2]).isNaN();
    // Of equal scores that which keeps more; what was not measured is never better.
    int[] order =
        Ranking.order(List.of(unknown.values(0), new double[] {0.9, -300, -2}, low.values(1)));
    assertThat(order).containsExactly(2, 1, 0);
  }

  @Test
  void tpeFindsMoreThanDrawingDoes() {
    double tpe = 0;
    double drawn = 0;
    for (int seed = 0; seed < 10; seed++) {
      tpe += best(new Proposer(MIXED, seed, 60, 10, 4, List.of())) / 10;
      drawn +=
          Strategy.RANDOM.points(MIXED, 60, seed).stream()
                  .mapToDouble(StrategiesTest::score)
                  .max()
                  .orElseThrow()
              / 10;
    }
    // The most there can be is 1.5.
    assertThat(tpe).isGreaterThan(1.3).isGreaterThan(drawn + 0.1);
  }

  @Test
  void aWarmStartBeginsWithTheBestOfBefore() {
    List<Proposer.Earlier> earlier = new ArrayList<>();
    for (Point point : Strategy.RANDOM.points(MIXED, 200, 5)) {
      // Scores of another task have another scale.
      earlier.add(new Proposer.Earlier(point, 1, new double[] {100 + 7 * score(point)}));
    }
    Proposer warm = new Proposer(MIXED, 0, 8, 10, 4, List.of(earlier));
    Proposer cold = new Proposer(MIXED, 0, 8, 10, 4, List.of());
    Contest<Point> contest = new Contest<>(new RunToEnd(), Ladder.NONE, warm, point -> point);
    contest.look(p -> new Entrant(List.of(Trace.none(10)), new double[0], new double[0]));
    List<Point> best =
        earlier.stream()
            .map(Proposer.Earlier::point)
            .sorted(Comparator.comparingDouble(StrategiesTest::score).reversed())
            .limit(4)
            .toList();
    assertThat(contest.entrants().subList(0, 4)).isEqualTo(best);
    assertThat(best(new Proposer(MIXED, 0, 8, 10, 4, List.of(earlier)))).isGreaterThan(best(cold));
  }

  /** Whole numbers, lists, and ranges so narrow that three digits tell few values apart. */
  private static Domain small(SplittableRandom random) {
    List<List<Dimension>> branches = new ArrayList<>();
    for (int branch = 0; branch <= random.nextInt(3); branch++) {
      List<Dimension> dimensions = new ArrayList<>();
      for (int i = 0; i <= random.nextInt(2); i++) {
        int from = 1 + random.nextInt(4);
        int to = from + random.nextInt(12);
        dimensions.add(
            switch (random.nextInt(4)) {
              case 0 -> Dimension.list("list" + i, random.nextBoolean(), 1 + random.nextInt(4));
              case 1 -> Dimension.range("narrow" + i, 1, 1 + 0.01 * (to - from), false, false);
              default -> Dimension.range("whole" + i, from, to, random.nextBoolean(), true);
            });
      }
      branches.add(dimensions);
    }
    return new Domain(branches);
  }

  private static boolean isNarrow(Domain domain) {
    return domain.size() == Long.MAX_VALUE;
  }

  @Test
  void aDomainOfWholeNumbersIsCountedListedAndTriedToItsEnd() {
    for (int seed = 0; seed < 60; seed++) {
      Domain domain = small(new SplittableRandom(seed));
      if (isNarrow(domain)) {
        continue;
      }
      Set<Point> drawn = new HashSet<>();
      SplittableRandom random = new SplittableRandom(seed);
      for (int i = 0; i < 20_000; i++) {
        drawn.add(domain.draw(random));
      }
      assertThat(domain.all()).hasSize((int) domain.size()).containsAll(drawn);
      for (Strategy strategy : List.of(Strategy.RANDOM, Strategy.SOBOL)) {
        assertThat(strategy.points(domain, Integer.MAX_VALUE, seed))
            .containsExactlyInAnyOrderElementsOf(domain.all());
      }
    }
  }

  /**
   * More trials than the domain has points: what was decided before that was noticed stands, and a
   * driver that starts again decides the same.
   */
  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3})
  void decisionsStandWhenADomainTurnsOutToBeSmaller(int word) {
    StoppingRule rule =
        List.of(new Asha(4, 15), new Asha(2, 5), new Hyperband(3), new Median(3, 2)).get(word);
    Ladder ladder = Ladder.of(0.1, 4);
    for (int seed = 0; seed < 12; seed++) {
      Domain domain = small(new SplittableRandom(seed));
      List<Verdict> first = null;
      for (int order = 0; order < 2; order++) {
        SplittableRandom random = new SplittableRandom(order);
        Contest<Point> contest = contest(rule, ladder, domain, seed);
        Map<Integer, Integer> at = new HashMap<>();
        Map<List<Integer>, Entrant> known = new HashMap<>();
        List<Verdict> before = List.of();
        while (true) {
          List<Verdict> now = contest.look(point -> entrant(contest, at, known, ladder, point));
          for (int i = 0; i < before.size(); i++) {
            assertThat(now.get(i).goal()).isGreaterThanOrEqualTo(before.get(i).goal());
            if (before.get(i).isStopped()) {
              assertThat(now.get(i)).isEqualTo(before.get(i));
            }
          }
          before = now;
          List<Integer> due = new ArrayList<>();
          for (int i = 0; i < now.size(); i++) {
            if (at.getOrDefault(i, -1) < now.get(i).goal()) {
              due.add(i);
            }
          }
          if (due.isEmpty()) {
            break;
          }
          int next = due.get(random.nextInt(due.size()));
          at.put(next, now.get(next).goal());
        }
        assertThat(contest.isOver(before, point -> entrant(contest, at, known, ladder, point)))
            .as("seed %d", seed)
            .isTrue();
        if (!isNarrow(domain)) {
          assertThat(contest.entrants()).hasSize((int) Math.min(60, domain.size()));
        }
        Contest<Point> again = contest(rule, ladder, domain, seed);
        List<Verdict> told = List.of();
        int entrants = -1;
        while (again.entrants().size() > entrants) {
          entrants = again.entrants().size();
          told = again.look(point -> entrant(contest, at, known, ladder, point));
        }
        assertThat(told).isEqualTo(before);
        if (first != null) {
          assertThat(before).isEqualTo(first);
        }
        first = before;
      }
    }
  }

  private static Contest<Point> contest(
      StoppingRule rule, Ladder ladder, Domain domain, long seed) {
    return new Contest<>(
        rule, ladder, new Proposer(domain, seed, 60, 6, 2, List.of()), point -> point);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1})
  void proposalsDoNotDependOnTheOrderOfResults(int early) {
    StoppingRule rule = early == 1 ? new Asha(4, 8) : new RunToEnd();
    Ladder ladder = early == 1 ? Ladder.of(0.1, 4) : Ladder.NONE;
    List<Point> first = null;
    for (int order = 0; order < 5; order++) {
      SplittableRandom random = new SplittableRandom(order);
      Contest<Point> contest =
          new Contest<>(rule, ladder, new Proposer(LISTS, 3, 24, 6, 2, List.of()), point -> point);
      Map<Integer, Integer> at = new HashMap<>();
      Map<List<Integer>, Entrant> known = new HashMap<>();
      while (true) {
        List<Verdict> verdicts = contest.look(point -> entrant(contest, at, known, ladder, point));
        List<Integer> due = new ArrayList<>();
        for (int i = 0; i < verdicts.size(); i++) {
          if (at.getOrDefault(i, -1) < verdicts.get(i).goal()) {
            due.add(i);
          }
        }
        if (due.isEmpty()) {
          break;
        }
        int next = due.get(random.nextInt(due.size()));
        at.put(next, verdicts.get(next).goal());
      }
      assertThat(contest.entrants()).hasSize(24).doesNotHaveDuplicates();
      if (first != null) {
        assertThat(contest.entrants()).isEqualTo(first);
      }
      first = contest.entrants();
    }
  }

  private static Entrant entrant(
      Contest<Point> contest,
      Map<Integer, Integer> at,
      Map<List<Integer>, Entrant> known,
      Ladder ladder,
      Point point) {
    int i = contest.entrants().indexOf(point);
    int goal = at.getOrDefault(i, -1);
    return known.computeIfAbsent(
        List.of(point.hashCode(), goal),
        key -> {
          List<Trace.Reading> readings = new ArrayList<>();
          double score = (point.hashCode() & 1023) / 1024.0;
          for (int step = 0; goal >= 0 && step <= ladder.step(goal, 100); step += 5) {
            readings.add(new Trace.Reading(step, score * step / 100, 1, 1));
          }
          boolean isEnd = goal == ladder.rungs();
          Trace trace = new Trace(readings, 100, isEnd ? Trace.State.FINISHED : Trace.State.OPEN);
          return new Entrant(List.of(trace), new double[0], new double[0]);
        });
  }

  @Test
  void aFrontKeepsWhatNothingBeats() {
    List<double[]> values =
        List.of(
            new double[] {0.9, -100},
            new double[] {0.8, -10},
            new double[] {0.7, -50},
            new double[] {0.5, -1},
            new double[] {Double.NEGATIVE_INFINITY, 0});
    int[] order = Ranking.order(values);
    assertThat(order[3]).isEqualTo(2);
    assertThat(order[4]).isEqualTo(4);
    assertThat(Ranking.fronts(values)).containsExactly(0, 0, 1, 0, Integer.MAX_VALUE);
  }

  @Test
  void fiveThousandProposalsCostTheDriverLittle() {
    long cpu = cpu();
    Proposer proposer = new Proposer(MIXED, 1, 5000, 10, 4, List.of());
    Contest<Point> contest = new Contest<>(new RunToEnd(), Ladder.NONE, proposer, point -> point);
    Map<Point, Entrant> known = new HashMap<>();
    int before = -1;
    while (contest.entrants().size() > before) {
      before = contest.entrants().size();
      contest.look(
          point ->
              known.computeIfAbsent(
                  point, p -> new Entrant(List.of(trace(score(p))), new double[0], new double[0])));
    }
    double seconds = (cpu() - cpu) / 1e9;
    System.out.printf(Locale.ROOT, "tpe: 5000 proposals, processor %.1f s%n", seconds);
    assertThat(new HashSet<>(contest.entrants())).hasSize(5000);
    assertThat(seconds).isLessThan(60);
  }

  private static long cpu() {
    return ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
  }
}
