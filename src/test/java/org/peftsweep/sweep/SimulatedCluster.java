package org.peftsweep.sweep;

import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.ToDoubleFunction;
import org.peftsweep.train.Outcome.Status;

/**
 * A cluster in virtual time: nothing trains, no time passes but that which trials would take. By
 * chance a start loses its machine, or the trial fails by itself, somewhere on its way.
 */
final class SimulatedCluster implements Cluster {
  /** Slots of one host. */
  private static final int SLOTS_A_HOST = 8;

  private final int slots;
  private final ToDoubleFunction<PlannedTrial> seconds;
  private final double failing;
  private final double losing;
  private final SplittableRandom random;
  private final PriorityQueue<Running> running =
      new PriorityQueue<>(Comparator.comparing(Running::end).thenComparing(r -> r.trial().id()));
  private final Map<String, Double> busy = new HashMap<>();
  private Instant now = Instant.EPOCH;
  private int starts;
  private int mostAtOnce;
  private int againOnTheSameHost;
  private boolean isCancelled;

  private record Running(PlannedTrial trial, Instant end, Fate fate, String host) {}

  private enum Fate {
    FINISHES,
    FAILS,
    IS_LOST
  }

  /**
   * Makes a cluster.
   *
   * @param seconds that a trial takes
   * @param failing probability that a start fails by itself
   * @param losing probability that a start loses its machine
   */
  SimulatedCluster(
      int slots, ToDoubleFunction<PlannedTrial> seconds, double failing, double losing, long seed) {
    this.slots = slots;
    this.seconds = seconds;
    this.failing = failing;
    this.losing = losing;
    this.random = new SplittableRandom(seed);
  }

  @Override
  public int slots() {
    return slots;
  }

  @Override
  public void start(List<PlannedTrial> pack, Set<String> avoided) {
    pack.forEach(trial -> start(trial, avoided));
  }

  private void start(PlannedTrial trial, Set<String> avoided) {
    String host = host(avoided);
    double draw = random.nextDouble();
    Fate fate =
        draw < failing ? Fate.FAILS : draw < failing + losing ? Fate.IS_LOST : Fate.FINISHES;
    double part = fate == Fate.FINISHES ? 1 : random.nextDouble();
    double took = part * seconds.applyAsDouble(trial);
    running.add(new Running(trial, now.plusNanos((long) (took * 1e9)), fate, host));
    busy.merge(trial.id(), took, Double::sum);
    starts++;
    againOnTheSameHost += avoided.contains(host) ? 1 : 0;
    mostAtOnce = Math.max(mostAtOnce, running.size());
  }

  @Override
  public Answer await(Duration longest) {
    Instant limit = now.plus(longest);
    if (running.isEmpty() || !isCancelled && running.peek().end().isAfter(limit)) {
      now = limit;
      return null;
    }
    Running over = running.poll();
    if (isCancelled) {
      return new Lost(over.trial(), over.host(), new IOException("cancelled"));
    }
    now = over.end();
    PlannedTrial trial = over.trial();
    return switch (over.fate()) {
      case FINISHES -> new Ended(trial, new Ending(trial.id(), Status.FINISHED, null, 1));
      case FAILS -> new Ended(trial, new Ending(trial.id(), Status.FAILED, "by chance", 1));
      case IS_LOST -> new Lost(trial, over.host(), new IOException("the machine is gone"));
    };
  }

  @Override
  public boolean cancel(Duration longest) {
    isCancelled = true;
    return true;
  }

  @Override
  public Instant now() {
    return now;
  }

  int starts() {
    return starts;
  }

  int mostAtOnce() {
    return mostAtOnce;
  }

  int againOnTheSameHost() {
    return againOnTheSameHost;
  }

  /** Returns the least time that any scheduler needs for what ran, in seconds. */
  double lowerBound() {
    double all = busy.values().stream().mapToDouble(Double::doubleValue).sum();
    double longest = busy.values().stream().mapToDouble(Double::doubleValue).max().orElse(0);
    return Math.max(all / slots, longest);
  }

  private String host(Set<String> avoided) {
    int hosts = Math.max(1, slots / SLOTS_A_HOST);
    int first = random.nextInt(hosts);
    for (int i = 0; i < hosts; i++) {
      String host = "host-" + (first + i) % hosts;
      if (!avoided.contains(host)) {
        return host;
      }
    }
    return "host-" + first;
  }
}
