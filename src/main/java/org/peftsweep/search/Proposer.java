package org.peftsweep.search;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * Proposes the entrants of a contest batch by batch: each batch by what came of all but the one
 * before it, so that one trains while the next is thought of, and the same results lead to the same
 * proposals whenever they come.
 */
public final class Proposer {
  private final Domain domain;
  private final Tpe tpe;
  private final long seed;
  private final int total;
  private final int startup;
  private final int batch;
  private final List<List<Tpe.Observation>> earlier;
  private final Set<Point> points = new LinkedHashSet<>();
  private final Set<Point> allowed;

  /** Points that were tried or may not be. */
  private final Set<Point> taken = new HashSet<>();

  private boolean isExhausted;

  /**
   * A try of another sweep.
   *
   * @param rung how far it went: 1 to its end, 0 if it was stopped
   * @param values objectives, each the higher the better
   */
  public record Earlier(Point point, int rung, double[] values) {}

  /**
   * Makes a proposer.
   *
   * @param total points in all
   * @param startup of them that are drawn before results count
   * @param batch points that are proposed at once
   * @param earlier tries of other sweeps, each sweep by itself; where there are any, the best of
   *     them take the place of drawn ones
   */
  public Proposer(
      Domain domain, long seed, int total, int startup, int batch, List<List<Earlier>> earlier) {
    this(domain, seed, total, startup, batch, earlier, Set.of());
  }

  /**
   * The same of some points alone.
   *
   * @param allowed of a domain of finite size; empty for all
   */
  public Proposer(
      Domain domain,
      long seed,
      int total,
      int startup,
      int batch,
      List<List<Earlier>> earlier,
      Set<Point> allowed) {
    this.allowed = allowed;
    if (!allowed.isEmpty()) {
      taken.addAll(domain.all());
      taken.removeAll(allowed);
    }
    this.domain = domain;
    this.tpe = new Tpe(domain, seed);
    this.seed = seed;
    this.total = (int) Math.min(total, allowed.isEmpty() ? domain.size() : (long) allowed.size());
    this.startup = Math.min(startup, this.total);
    this.batch = batch;
    this.earlier =
        earlier.stream()
            .map(
                sweep ->
                    sweep.stream()
                        .map(e -> new Tpe.Observation(e.point(), e.rung(), e.values()))
                        .toList())
            .toList();
  }

  /**
   * Returns the number of points that were planned. It never changes, so that cohorts do not: where
   * a domain turns out to have fewer, the last places stay empty.
   */
  int total() {
    return total;
  }

  /** Returns the number of points that there will be, as far as is known. */
  int coming() {
    return isExhausted ? points.size() : total;
  }

  private List<Point> warm() {
    Set<Point> best = new LinkedHashSet<>();
    List<List<Tpe.Observation>> orders = earlier.stream().map(Tpe::ordered).toList();
    for (int place = 0; best.size() < (startup + 1) / 2; place++) {
      boolean isAny = false;
      for (List<Tpe.Observation> order : orders) {
        if (place < order.size() && best.size() < (startup + 1) / 2) {
          best.add(order.get(place).point());
          isAny = true;
        }
      }
      if (!isAny) {
        break;
      }
    }
    return List.copyOf(best);
  }

  /**
   * Returns the points that are due and were not returned before.
   *
   * @param tracks of those that were
   */
  List<Point> next(StoppingRule rule, Ladder ladder, List<Track> tracks) {
    List<Point> due = new ArrayList<>();
    if (points.isEmpty()) {
      Set<Point> first = new LinkedHashSet<>(warm());
      // With something to go by, the rest of the start is proposed as all else is.
      int drawn = first.isEmpty() ? startup : 0;
      int draws = allowed.isEmpty() ? drawn : Integer.MAX_VALUE;
      for (Point point : Strategy.SOBOL.points(domain, draws, seed)) {
        if (first.size() < drawn && !taken.contains(point)) {
          first.add(point);
        }
      }
      points.addAll(first);
      due.addAll(first);
    }
    while (points.size() < total && !isExhausted) {
      int judges = Math.min(Batches.judges(points.size(), batch), points.size());
      if (judges > tracks.size()) {
        return due;
      }
      List<Track> judging = tracks.subList(0, judges);
      List<Verdict> verdicts = rule.decide(ladder, total, total, judging, List.of());
      if (!Batches.areSettled(verdicts, judging, judges)) {
        return due;
      }
      List<Point> all = List.copyOf(points);
      List<Tpe.Observation> observed = new ArrayList<>();
      for (int i = 0; i < judges; i++) {
        int goal = verdicts.get(i).goal();
        observed.add(new Tpe.Observation(all.get(i), goal, judging.get(i).values(goal)));
      }
      int count = Math.min(batch - points.size() % batch, total - points.size());
      taken.addAll(points);
      List<Point> more = tpe.propose(points.size(), count, observed, earlier, taken);
      isExhausted = more.isEmpty();
      points.addAll(more);
      due.addAll(more);
    }
    return due;
  }
}
