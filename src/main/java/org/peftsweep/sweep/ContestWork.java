package org.peftsweep.sweep;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.function.Supplier;
import org.peftsweep.results.Event;
import org.peftsweep.results.Readings;
import org.peftsweep.results.Requests;
import org.peftsweep.results.ResultFolder;
import org.peftsweep.results.TrialFile;
import org.peftsweep.search.Entrant;
import org.peftsweep.search.Ladder;
import org.peftsweep.search.Trace;
import org.peftsweep.search.Verdict;
import org.peftsweep.spec.Trial;
import org.peftsweep.train.Outcome.Status;

/**
 * Trials of contests, each as far as it is decided that it may go; those that were promoted come
 * first. What is decided follows from the tables and what users asked for, so that a later run goes
 * on with the same.
 */
final class ContestWork implements Work {
  /** What is known of a trial. */
  private static final class Known {
    private final Trial trial;
    private final int steps;
    private final double seconds;
    private final Object base;
    private final SortedMap<Integer, Trace.Reading> readings = new TreeMap<>();
    private Trace.State state = Trace.State.OPEN;
    private int attempt;
    private boolean isRunning;
    private boolean isAskedToStop;

    Known(Trial trial, Forecast.Size size) {
      this.trial = trial;
      this.steps = size.steps();
      this.seconds = size.seconds();
      this.base = size.base();
    }

    /** One whom a user stopped gives no more readings once it stands. */
    Trace trace() {
      boolean isOver = isAskedToStop && !isRunning && state == Trace.State.OPEN;
      return new Trace(List.copyOf(readings.values()), steps, isOver ? Trace.State.FAILED : state);
    }

    int step() {
      return readings.isEmpty() ? -1 : readings.lastKey();
    }

    boolean isAt(Ladder ladder, int goal) {
      return goal < ladder.rungs() && step() >= ladder.step(goal, steps);
    }
  }

  /** A trial that may go on. */
  private record Due(String id, Known known, Ladder ladder, int goal) {
    Object key() {
      return List.of(known.base == null ? id : known.base, goal);
    }
  }

  private final Contests contests;
  private final Forecast forecast;
  private final Function<Trial, String> title;
  private final ResultFolder folder;
  private final Readings stored;
  private final TrialFilter again;
  private final Set<String> stopped;
  private final OptionalInt mostLanes;
  private final EventLog events;
  private final Supplier<Requests> requests;
  private final Map<String, Known> trials = new HashMap<>();
  private final Map<Competitor, Entrant> entrants = new IdentityHashMap<>();
  private final Map<Competitor, Verdict> verdicts = new IdentityHashMap<>();
  private final Map<String, TrialFile> rows;
  private final Map<String, Integer> attempts;
  private Requests asked = Requests.NONE;
  private boolean isChanged = true;

  /**
   * Takes up contests where the tables say they are.
   *
   * @param again which trials with a row that is not done run again
   * @param stopped ids of trials that users stopped in earlier runs
   * @param requests that users made since
   */
  ContestWork(
      Contests contests,
      Forecast forecast,
      Function<Trial, String> title,
      ResultFolder folder,
      Readings stored,
      TrialFilter again,
      Set<String> stopped,
      OptionalInt mostLanes,
      EventLog events,
      Supplier<Requests> requests) {
    this.contests = contests;
    this.forecast = forecast;
    this.title = title;
    this.folder = folder;
    this.stored = stored.look();
    this.again = again;
    this.stopped = stopped;
    this.mostLanes = mostLanes;
    this.events = events;
    this.requests = requests;
    List<TrialFile> files = folder.trialFiles();
    this.rows = ResultFolder.trials(files);
    this.attempts = ResultFolder.attempts(files);
  }

  @Override
  public List<PlannedTrial> poll(int slots) {
    hear();
    decide();
    if (asked.isCapped(attempts.size())) {
      return null;
    }
    List<Due> due = due();
    if (due.isEmpty()) {
      return null;
    }
    Object key = due.get(0).key();
    List<Due> alike = due.stream().filter(d -> d.key().equals(key)).toList();
    int most = mostLanes.orElse(PackPlan.MOST_LANES);
    int lanes = Math.min(most, Math.max(1, (alike.size() + slots - 1) / slots));
    List<PlannedTrial> pack = new ArrayList<>();
    for (Due next : alike.subList(0, Math.min(lanes, alike.size()))) {
      if (!asked.isCapped(attempts.size()) || attempts.containsKey(next.id())) {
        pack.add(start(next));
      }
    }
    return pack.isEmpty() ? null : pack;
  }

  private PlannedTrial start(Due due) {
    Known known = due.known();
    known.isRunning = true;
    known.attempt = 1 + attempts.getOrDefault(due.id(), 0);
    attempts.put(due.id(), known.attempt);
    Ladder ladder = due.ladder();
    double until = ladder.fraction(due.goal());
    double done = known.steps == 0 ? 0 : Math.max(0, known.step()) / (double) known.steps;
    Segment segment = due.goal() == ladder.rungs() ? Segment.WHOLE : new Segment(due.goal(), until);
    return new PlannedTrial(
        known.trial,
        due.id(),
        title.apply(known.trial),
        known.attempt,
        known.seconds * Math.max(0, until - done),
        segment);
  }

  /** Trials that have not come to where they may go, the furthest first. */
  private List<Due> due() {
    Map<String, Due> due = new LinkedHashMap<>();
    for (Contests.Field field : contests.fields()) {
      Ladder ladder = field.contest().ladder();
      for (Competitor competitor : field.contest().entrants()) {
        int goal = verdicts.get(competitor).goal();
        for (String id : competitor.ids()) {
          Known known = trials.get(id);
          boolean mayGo =
              goal >= 0
                  && !known.isRunning
                  && !known.isAskedToStop
                  && known.state == Trace.State.OPEN
                  && !known.isAt(ladder, goal);
          if (mayGo) {
            due.merge(id, new Due(id, known, ladder, goal), (a, b) -> a.goal() < b.goal() ? b : a);
          }
        }
      }
    }
    List<Due> order = new ArrayList<>(due.values());
    order.sort(Comparator.comparingInt(d -> -d.goal()));
    return order;
  }

  private void hear() {
    Requests now = requests.get();
    if (!now.equals(asked)) {
      asked = now;
      trials.forEach((id, known) -> known.isAskedToStop = isAskedToStop(id));
      entrants.clear();
      isChanged = true;
    }
  }

  /** Asks the contests again; notes what is new. */
  private void decide() {
    if (!isChanged) {
      return;
    }
    isChanged = false;
    for (Contests.Field field : contests.fields()) {
      List<Verdict> all = field.contest().look(this::entrant);
      for (int i = 0; i < all.size(); i++) {
        Competitor competitor = field.contest().entrants().get(i);
        Verdict verdict = all.get(i);
        Verdict before = verdicts.put(competitor, verdict);
        boolean isNew = before != null && !Objects.equals(before, verdict);
        if (isNew || before == null && verdict.isStopped()) {
          String what =
              verdict.isStopped() ? verdict.reason() : "goes on to rung " + verdict.goal();
          competitor.ids().forEach(id -> events.add(Event.Kind.DECIDED, id, null, what));
        }
      }
    }
  }

  private Entrant entrant(Competitor competitor) {
    return entrants.computeIfAbsent(
        competitor,
        c -> {
          List<Trace> traces = new ArrayList<>();
          for (int i = 0; i < c.ids().size(); i++) {
            traces.add(known(c.ids().get(i), c.trials().get(i)).trace());
          }
          return new Entrant(traces, c.settings(), c.costs(), c.forgetting());
        });
  }

  private Known known(String id, Trial trial) {
    return trials.computeIfAbsent(
        id,
        key -> {
          Known known = new Known(trial, forecast.of(trial));
          TrialFile row = rows.get(id);
          boolean isAnew = again.isAnew(row);
          if (!isAnew) {
            stored.of(id).forEach(reading -> known.readings.put(reading.step(), reading));
          }
          if (row != null
              && !isAnew
              && !(again.takes(id, row) && !row.isDone() && isFailed(row.status()))) {
            known.state = state(row.status());
          }
          known.isAskedToStop = isAskedToStop(id);
          return known;
        });
  }

  private boolean isAskedToStop(String id) {
    return asked.stops().contains(id) || stopped.contains(id) && !again.takes(id, rows.get(id));
  }

  private static boolean isFailed(Status status) {
    return status != Status.FINISHED && status != Status.STOPPED;
  }

  private static Trace.State state(Status status) {
    return status == Status.FINISHED
        ? Trace.State.FINISHED
        : status == Status.STOPPED ? Trace.State.OPEN : Trace.State.FAILED;
  }

  @Override
  public void ended(PlannedTrial trial, Ending ending) {
    Known known = trials.get(trial.id());
    known.isRunning = false;
    known.state = state(ending.status());
    List<Trace.Reading> readings =
        ending.readings().isEmpty() ? stored.look().of(trial.id()) : ending.readings();
    readings.forEach(reading -> known.readings.put(reading.step(), reading));
    entrants.keySet().removeIf(competitor -> competitor.ids().contains(trial.id()));
    isChanged = true;
  }

  /** Whether all is decided and has come to where it may go. */
  boolean isOver() {
    return contests.fields().stream()
        .allMatch(
            field ->
                field
                    .contest()
                    .isOver(
                        field.contest().entrants().stream().map(verdicts::get).toList(),
                        this::entrant));
  }

  /** Returns why trials that stand on a rung go no further, by id. */
  Map<String, String> reasons() {
    Map<String, String> reasons = new TreeMap<>();
    verdicts.forEach(
        (competitor, verdict) -> {
          if (verdict.isStopped()) {
            competitor.ids().forEach(id -> reasons.put(id, verdict.reason()));
          }
        });
    trials.forEach(
        (id, known) -> {
          if (known.isAskedToStop && known.state == Trace.State.OPEN) {
            reasons.put(id, Requests.STOPPED);
          }
        });
    return reasons;
  }

  /** Returns ids of trials that did not start since users asked them to stop. */
  Set<String> left() {
    Set<String> left = new TreeSet<>();
    trials.forEach(
        (id, known) -> {
          if (known.isAskedToStop && !attempts.containsKey(id)) {
            left.add(id);
          }
        });
    return left;
  }

  /** Returns why nothing more starts though more could, if a user asked for that. */
  java.util.Optional<String> cap() {
    return asked.isCapped(attempts.size()) && !isOver()
        ? java.util.Optional.of(asked.capText())
        : java.util.Optional.empty();
  }
}
