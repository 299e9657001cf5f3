package org.peftsweep.search;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every rule on drawn results, with failures and undefined scores among them. */
class StoppingRulesTest {
  private static final Ladder LADDER = Ladder.of(1 / 16.0, 4);

  static Stream<StoppingRule> rules() {
    return Stream.of(
        new RunToEnd(),
        new Asha(4, 16),
        new Asha(2, 2),
        new Asha(3.5, 7),
        new Hyperband(4),
        new Hyperband(2),
        new Median(5, 4),
        new Median(1, 1),
        new Predict(8, 4, 0.9),
        new Predict(4, 3, 0.6));
  }

  /** Lets a contest train one trial after the other, in an order by chance. */
  private static final class Play {
    private final Contest<Integer> contest;
    private final Recorded recorded;
    private final int[][] at;
    private final Entrant[] known;
    private List<Verdict> verdicts;
    private int starts;

    Play(StoppingRule rule, Ladder ladder, Recorded recorded) {
      this.recorded = recorded;
      int entrants = recorded.whole().size();
      contest = new Contest<>(rule, ladder, IntStream.range(0, entrants).boxed().toList());
      at = new int[entrants][recorded.whole().get(0).size()];
      Arrays.stream(at).forEach(a -> Arrays.fill(a, -1));
      known = new Entrant[entrants];
    }

    private Entrant known(int entrant) {
      if (known[entrant] == null) {
        List<Trace> traces = new ArrayList<>();
        for (int trial = 0; trial < at[entrant].length; trial++) {
          traces.add(recorded.upTo(contest.ladder(), entrant, trial, at[entrant][trial]));
        }
        known[entrant] = new Entrant(traces, new double[] {entrant % 5}, new double[0]);
      }
      return known[entrant];
    }

    /** Returns the verdicts at the end. */
    List<Verdict> play(SplittableRandom order) {
      while (true) {
        List<Verdict> now = contest.look(this::known);
        if (verdicts != null) {
          for (int i = 0; i < now.size(); i++) {
            // A stop is for good, and nobody is called back.
            assertThat(now.get(i).goal()).isGreaterThanOrEqualTo(verdicts.get(i).goal());
            if (verdicts.get(i).isStopped()) {
              assertThat(now.get(i)).isEqualTo(verdicts.get(i));
            }
          }
        }
        verdicts = now;
        List<int[]> due = new ArrayList<>();
        for (int i = 0; i < now.size(); i++) {
          for (int trial = 0; trial < at[i].length; trial++) {
            Trace trace = recorded.upTo(contest.ladder(), i, trial, at[i][trial]);
            if (at[i][trial] < now.get(i).goal() && trace.state() == Trace.State.OPEN) {
              due.add(new int[] {i, trial});
            }
          }
        }
        if (due.isEmpty()) {
          return now;
        }
        int[] next = due.get(order.nextInt(due.size()));
        at[next[0]][next[1]] = now.get(next[0]).goal();
        known[next[0]] = null;
        starts++;
      }
    }

    /** Forgets all but what the tables have, as a driver that is killed. */
    List<Verdict> again() {
      return new Contest<>(contest.rule(), contest.ladder(), contest.entrants())
          .look(
              i -> {
                known[i] = null;
                return known(i);
              });
    }
  }

  @ParameterizedTest
  @MethodSource("rules")
  void decideTheSameInEveryOrderAndAlwaysDecide(StoppingRule rule) {
    for (int seed = 0; seed < 15; seed++) {
      SplittableRandom random = new SplittableRandom(seed);
      Recorded recorded = Recorded.draw(random, 1 + random.nextInt(50), 1 + random.nextInt(2));
      List<Verdict> first = null;
      for (int order = 0; order < 3; order++) {
        Play play = new Play(rule, LADDER, recorded);
        List<Verdict> verdicts = play.play(random.split());
        assertThat(play.contest.isOver(verdicts, play::known)).isTrue();
        assertThat(verdicts).allMatch(verdict -> verdict.goal() >= 0);
        assertThat(play.again()).isEqualTo(verdicts);
        if (first != null) {
          assertThat(verdicts).isEqualTo(first);
        }
        first = verdicts;
      }
    }
  }

  @Test
  void ashaPromotesTheBestOfEachCohort() {
    List<Verdict> verdicts = play(new Asha(4, 8), scores(16));
    // Of 0 to 7 and of 8 to 15 the two best, and of these four the best.
    assertThat(goals(verdicts)).isEqualTo(List.of(0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 1, 2));
    assertThat(verdicts.get(8).reason())
        .isEqualTo("asha: 0.8000 at rung 0 (6 % of its steps) is place 8 of 8, 2 of which went on");
  }

  @Test
  void hyperbandHasTheBracketsOfItsPaper() {
    // R = 81, η = 3: 81, 34, 15, 8 and 5 entrants, which is the table of the paper.
    Ladder ladder = Ladder.of(1 / 81.0, 3);
    Recorded recorded = scores(81 + 34 + 15 + 8 + 5);
    List<Verdict> verdicts =
        new Play(new Hyperband(3), ladder, recorded).play(new SplittableRandom(1));
    TreeMap<Integer, Integer> ends = new TreeMap<>();
    verdicts.forEach(verdict -> ends.merge(verdict.goal(), 1, Integer::sum));
    assertThat(ladder.rungs()).isEqualTo(4);
    assertThat(goals(verdicts.subList(0, 81)).stream().filter(g -> g == 0)).hasSize(54);
    assertThat(goals(verdicts.subList(81, 115)).stream().filter(g -> g == 1)).hasSize(23);
    assertThat(goals(verdicts.subList(115, 130)).stream().filter(g -> g == 2)).hasSize(10);
    assertThat(goals(verdicts.subList(130, 138)).stream().filter(g -> g == 3)).hasSize(6);
    assertThat(goals(verdicts.subList(138, 143))).containsOnly(4);
  }

  @Test
  void medianStopsWhoIsBelowTheAverageOfOthers() {
    // The first four run to their ends; of the later ones those below 0.15, the median, stop.
    Recorded recorded = level(0.1, 0.2, 0.1, 0.2, 0.16, 0.14, 0.3, 0.1);
    assertThat(goals(play(new Median(4, 2), recorded)))
        .as("the batch of entrants 4 and 5 is judged by two only")
        .isEqualTo(List.of(2, 2, 2, 2, 2, 2, 2, 0));
  }

  @Test
  void predictStopsWhatEndsBelowTheBest() {
    SplittableRandom random = new SplittableRandom(5);
    double[] ends = random.doubles(60).toArray();
    ends[59] = 1.2;
    List<Verdict> verdicts = play(new Predict(10, 4, 0.95), level(ends));
    assertThat(verdicts.get(59).goal()).isEqualTo(LADDER.rungs());
    assertThat(verdicts.subList(20, 59)).filteredOn(Verdict::isStopped).hasSizeGreaterThan(30);
    assertThat(verdicts.stream().filter(Verdict::isStopped).findFirst().orElseThrow().reason())
        .startsWith("predict: ")
        .contains("below the best");
  }

  @Test
  void rungsNeedNoRoundNumbers() {
    assertThat(Ladder.of(1 / 243.0, 3).rungs()).isEqualTo(5);
    assertThat(Ladder.of(0.001, 10).rungs()).isEqualTo(3);
    assertThat(Ladder.of(0.1, 3).fractions()).hasSize(3);
    assertThat(Ladder.of(0.1, 4).step(0, 320)).isEqualTo(32);
  }

  private static List<Verdict> play(StoppingRule rule, Recorded recorded) {
    return new Play(rule, LADDER, recorded).play(new SplittableRandom(3));
  }

  private static List<Integer> goals(List<Verdict> verdicts) {
    return verdicts.stream().map(Verdict::goal).toList();
  }

  private static Recorded scores(int entrants) {
    return level(IntStream.range(0, entrants).mapToDouble(i -> i / 10.0).toArray());
  }

  /** Entrants whose score is the same at every step. */
  private static Recorded level(double... scores) {
    List<List<Trace>> all = new ArrayList<>();
    for (double score : scores) {
      List<Trace.Reading> readings = new ArrayList<>();
      for (int step = 0; step <= 162; step++) {
        readings.add(new Trace.Reading(step, score, 1, 1));
      }
      all.add(List.of(new Trace(readings, 162, Trace.State.FINISHED)));
    }
    return new Recorded(all);
  }
}
