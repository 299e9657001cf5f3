package org.peftsweep.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.method.Methods;
import org.peftsweep.method.adapter.AdapterLayout;
import org.peftsweep.spec.SweepFile;
import org.peftsweep.spec.Training.Precision;
import org.peftsweep.spec.Trial;
import org.peftsweep.train.Outcome.CurvePoint;
import org.peftsweep.train.Outcome.Status;

/** Trials of a pack end as they do alone, whatever becomes of the others. */
class PackedTrialsTest {
  private static final Library LIBRARY = new Library(new Configuration());
  private static final int STEPS = 20;

  /** Rows of a pass for one, two or all lanes of batches that have some 200 to 384 rows. */
  private static final int ONE_LANE = 1;

  private static final int TWO_LANES = 800;
  private static final int ALL_LANES = 100_000;

  private static final Map<String, String> SETTINGS =
      Map.of(
          "adalora", ", rank: 2", "eva", ", batches: 4, rho: 1.5", "lorafa", ", projection: true");

  @TempDir java.nio.file.Path temporary;

  /** Hears the losses of a trial. */
  private static class Listener implements Progress {
    final List<Double> losses = new ArrayList<>();

    @Override
    public void step(int step, int steps, double loss) {
      losses.add(loss);
    }

    @Override
    public void evaluated(CurvePoint point) {}
  }

  /** What became of the lanes of a pack; exceptions by lane. */
  private record Ended(
      List<Outcome> outcomes, List<Listener> listeners, Map<Integer, Throwable> thrown) {}

  @ParameterizedTest
  @EnumSource
  void everyMethodThatSharesTheBaseEndsAsAlone(Precision precision) {
    assumeTrue(
        Backends.refusal(precision.factors()).isEmpty(), "this processor has no such products");
    List<String> blocks =
        Stream.concat(
                Methods.all().keySet().stream()
                    .map(id -> "{method: " + id + SETTINGS.getOrDefault(id, "") + "}"),
                Stream.of(
                    "{method: lora, plug-in: drtune, memory: 12, every: 3}",
                    "{method: lora, plug-in: ema, decay: 0.9}",
                    "{method: lora, plug-in: ist, score-every: 3}",
                    "{method: dora, dropout: 0.2, optimizer: lion}",
                    "{method: lora, rank: 3, targets: qkvo, ratio: 8, learning-rate: 1e-4}",
                    "{method: lora, layers: 1, clip: 0.1, weight-decay: 0.1}"))
            .toList();
    // A method does not know of the precision: a third of them tells.
    int every = precision == Precision.FP32 ? 1 : 3;
    List<Trial> trials =
        IntStream.range(0, blocks.size())
            .filter(i -> i % every == 0)
            .mapToObj(blocks::get)
            .map(block -> trial(block.replace("}", ", precision: " + word(precision) + "}")))
            .filter(trial -> PackRun.base(trial) != null)
            .toList();
    assertThat(trials).hasSizeGreaterThan(25 / every);
    assertThat(trials.stream().map(PackRun::base).distinct()).hasSize(1);
    assertThat(PackRun.base(trial("{method: lora, weights: bf16}")))
        .isNotEqualTo(PackRun.base(trials.get(0)));
    assertThat(PackRun.base(trial("{method: lora, precision: bf16}")))
        .isNotEqualTo(PackRun.base(trial("{method: lora}")));
    assertThat(PackRun.base(trial("{method: full}"))).isNull();
    assertThat(PackRun.base(trial("{method: lora, init: random}"))).isNull();

    List<Listener> listeners = new ArrayList<>();
    List<Outcome> alone = new ArrayList<>();
    for (Trial trial : trials) {
      listeners.add(new Listener());
      alone.add(alone(trial, RunLimits.FREE, listeners.get(listeners.size() - 1)));
    }
    for (int rows : new int[] {TWO_LANES, ALL_LANES}) {
      checkAsAlone(trials, alone, listeners, rows);
    }
  }

  @ParameterizedTest
  @CsvSource({"bf16, FP32", "int8, FP32", "nf4, FP32", "nf4, BF16"})
  void lanesOverStoredWeightsEndAsAlone(String weights, Precision precision) {
    assumeTrue(
        Backends.refusal(precision.factors()).isEmpty(), "this processor has no such products");
    String settings = ", weights: " + weights + ", precision: " + word(precision) + "}";
    List<Trial> trials =
        Stream.of("lora", "dora", "ia3", "bitfit", "ln-tuning", "vera", "head-only")
            .map(id -> trial("{method: " + id + settings))
            .toList();
    assertThat(trials.stream().map(PackRun::base).distinct()).hasSize(1);
    List<Listener> listeners = new ArrayList<>();
    List<Outcome> alone = new ArrayList<>();
    for (Trial trial : trials) {
      listeners.add(new Listener());
      alone.add(alone(trial, RunLimits.FREE, listeners.get(listeners.size() - 1)));
    }
    checkAsAlone(trials, alone, listeners, ALL_LANES);
  }

  private static void checkAsAlone(
      List<Trial> trials, List<Outcome> outcomes, List<Listener> listeners, int rows) {
    Ended packed = packed(rows, trials, trial -> RunLimits.FREE, new Listener[trials.size()]);
    assertThat(packed.thrown).isEmpty();
    double seconds = 0;
    for (int i = 0; i < trials.size(); i++) {
      Listener listener = listeners.get(i);
      Outcome alone = outcomes.get(i);
      Outcome together = packed.outcomes.get(i);
      String what = trials.get(i).title();
      assertThat(together.status()).as(what).isEqualTo(Status.FINISHED);
      List<Double> losses = packed.listeners.get(i).losses;
      assertThat(losses).as(what).hasSameSizeAs(listener.losses);
      for (int step = 0; step < losses.size(); step++) {
        double loss = listener.losses.get(step);
        assertThat(losses.get(step)).as(what).isCloseTo(loss, within(1e-5 * Math.abs(loss)));
      }
      assertThat(together.last().devMetrics()).as(what).isEqualTo(alone.last().devMetrics());
      assertThat(together.ranks()).as(what).isEqualTo(alone.ranks());
      assertThat(together.pack()).isEqualTo("a pack");
      assertThat(alone.pack()).isNull();
      seconds += together.trainSeconds() + together.evaluateSeconds();
    }
    double whole = packed.outcomes.stream().mapToDouble(Outcome::packSeconds).max().orElseThrow();
    assertThat(seconds).isGreaterThan(whole);
    if (rows == ALL_LANES) {
      assertThat(seconds).isLessThan(3 * whole);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {ONE_LANE, ALL_LANES})
  void lanesThatEndBadlyLeaveTheOthersAsTheyAre(int rows) {
    List<Trial> trials =
        List.of(
            trial("{method: lora}"),
            trial("{method: lora, learning-rate: 1e25, clip: 0}"),
            trial("{method: dora}"),
            trial("{method: ia3}"),
            trial("{method: bitfit}"));
    Listener failing =
        new Listener() {
          @Override
          public void step(int step, int steps, double loss) {
            if (step == 5) {
              throw new IllegalStateException("a fault of its own");
            }
          }
        };
    Listener[] listeners = {null, null, failing, null, null};
    Ended packed = packed(rows, trials, trial -> RunLimits.FREE, listeners);
    assertThat(packed.thrown).containsOnlyKeys(2);
    assertThat(packed.thrown.get(2)).hasMessage("a fault of its own");
    assertThat(packed.outcomes.get(1).status()).isEqualTo(Status.DIVERGED);
    for (int i : new int[] {0, 3, 4}) {
      assertThat(packed.outcomes.get(i).last().devMetrics())
          .isEqualTo(alone(trials.get(i), RunLimits.FREE, new Listener()).last().devMetrics());
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {TWO_LANES, ALL_LANES})
  void everyLaneGoesOnBitForBitWhereThePackWasStopped(int rows) {
    List<Trial> trials =
        Stream.of(
                "{method: lora, dropout: 0.1}",
                "{method: dora, max-steps: 4}",
                "{method: adalora, rank: 2}",
                "{method: vera}",
                "{method: lora, plug-in: ist, score-every: 3}")
            .map(PackedTrialsTest::trial)
            .toList();
    Ended undisturbed = packed(rows, trials, trial -> RunLimits.FREE, new Listener[trials.size()]);

    AtomicInteger steps = new AtomicInteger();
    Listener[] counting = new Listener[trials.size()];
    for (int i = 0; i < counting.length; i++) {
      counting[i] =
          new Listener() {
            @Override
            public void step(int step, int all, double loss) {
              super.step(step, all, loss);
              steps.incrementAndGet();
            }
          };
    }
    // The shortest has ended by then, so that the pack that goes on is another.
    Ended stopped = packed(rows, trials, trial -> limits(trial, () -> steps.get() >= 48), counting);
    assertThat(stopped.thrown).hasSize(4).doesNotContainKey(1);
    assertThat(stopped.thrown.values()).allMatch(StoppedException.class::isInstance);

    List<Trial> rest = stopped.thrown.keySet().stream().map(trials::get).toList();
    Ended resumed =
        packed(rows, rest, trial -> limits(trial, () -> false), new Listener[rest.size()]);
    assertThat(resumed.thrown).isEmpty();
    int at = 0;
    for (int i : stopped.thrown.keySet()) {
      List<Double> losses = new ArrayList<>(stopped.listeners.get(i).losses);
      losses.addAll(resumed.listeners.get(at).losses);
      assertThat(losses).isEqualTo(undisturbed.listeners.get(i).losses);
      assertThat(resumed.outcomes.get(at).predictions())
          .isEqualTo(undisturbed.outcomes.get(i).predictions());
      at++;
    }
  }

  /** Room for one or two trials of the pack: the others join once one of them has ended. */
  @ParameterizedTest
  @CsvSource({"1, 1", "1, 100000", "2, 100000"})
  void lanesWithoutRoomJoinLater(int room, int rows) {
    List<Trial> trials =
        Stream.of("{method: lora}", "{method: lora, ratio: 4}", "{method: lora, ratio: 8}")
            .map(PackedTrialsTest::trial)
            .toList();
    Outcome alone = alone(trials.get(1), RunLimits.FREE, new Listener());
    Footprint each = footprint(trials.get(0));
    long spare = each.heldBytes() / 2;
    MemoryBudget budget =
        new MemoryBudget(each.sharedBytes() + each.packedBytes() + room * each.heldBytes() + spare);
    AtomicInteger training = new AtomicInteger();
    AtomicInteger most = new AtomicInteger();
    Listener[] counting = new Listener[3];
    for (int i = 0; i < counting.length; i++) {
      counting[i] =
          new Listener() {
            @Override
            public void evaluated(CurvePoint point) {
              if (point.step() == 0) {
                most.accumulateAndGet(training.incrementAndGet(), Math::max);
              } else if (point.step() == STEPS) {
                training.decrementAndGet();
              }
            }
          };
    }
    Ended packed =
        packed(
            rows,
            trials,
            trial ->
                new RunLimits(
                    Duration.ZERO, budget, null, Duration.ZERO, () -> false, TensorSink.NOTHING),
            counting);
    assertThat(packed.thrown).isEmpty();
    assertThat(packed.outcomes).allMatch(outcome -> outcome.status() == Status.FINISHED);
    assertThat(packed.outcomes).allMatch(outcome -> outcome.pack().equals("a pack"));
    assertThat(most).hasValue(room);
    assertThat(packed.outcomes.get(1).finalLoss()).isCloseTo(alone.finalLoss(), within(1e-5));
    assertThat(budget.freeBytes()).isEqualTo(room * each.heldBytes() + spare);
  }

  private static Footprint footprint(Trial trial) {
    Base base = LIBRARY.base(trial.model(), "cpu");
    TokenisedTask data = LIBRARY.tokenised(trial);
    try (Backend backend = Backends.open("cpu", 1)) {
      return MemoryModel.predict(
          trial,
          base.config(),
          base::lacks,
          base.padId(),
          data,
          AdapterLayout.NONE,
          false,
          backend);
    }
  }

  private interface Limits {
    RunLimits of(Trial trial);
  }

  private RunLimits limits(Trial trial, java.util.function.BooleanSupplier isStopped) {
    CheckpointFolder folder =
        new CheckpointFolder(
            new Path(temporary.toUri().toString(), trial.id()), new Configuration());
    return new RunLimits(Duration.ZERO, null, folder, Duration.ZERO, isStopped, TensorSink.NOTHING);
  }

  private static Outcome alone(Trial trial, RunLimits limits, Progress progress) {
    try (Backend backend = Backends.open("cpu", 1)) {
      return new TrialRun(LIBRARY, backend).run(trial, limits, progress);
    }
  }

  private static Ended packed(int rows, List<Trial> trials, Limits limits, Listener[] given) {
    Map<Integer, Outcome> outcomes = new ConcurrentHashMap<>();
    Map<Integer, Throwable> thrown = new ConcurrentHashMap<>();
    List<Listener> listeners = new ArrayList<>();
    for (Listener listener : given) {
      listeners.add(listener == null ? new Listener() : listener);
    }
    try (Backend passes = withPassRows(rows, Backends.open("cpu", 1));
        PackRun pack = new PackRun("a pack", trials.size(), LIBRARY, passes)) {
      List<Thread> lanes = new ArrayList<>();
      for (int i = 0; i < trials.size(); i++) {
        int lane = i;
        Trial trial = trials.get(lane);
        Runnable run =
            () -> {
              try (Backend own = Backends.open("cpu", 1)) {
                outcomes.put(
                    lane, pack.run(lane, trial, own, limits.of(trial), listeners.get(lane)));
              } catch (Throwable e) {
                thrown.put(lane, e);
              }
            };
        lanes.add(new Thread(run));
      }
      lanes.forEach(Thread::start);
      for (Thread lane : lanes) {
        lane.join();
      }
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
    List<Outcome> inOrder = new ArrayList<>();
    for (int i = 0; i < trials.size(); i++) {
      inOrder.add(outcomes.get(i));
    }
    return new Ended(inOrder, listeners, new TreeMap<>(thrown));
  }

  /** A backend that wants so many rows in a pass. */
  static Backend withPassRows(int rows, Backend backend) {
    return (Backend)
        Proxy.newProxyInstance(
            Backend.class.getClassLoader(),
            new Class<?>[] {Backend.class},
            (proxy, method, arguments) -> {
              try {
                return Set.of("passRows", "mostPassRows").contains(method.getName())
                    ? rows
                    : method.invoke(backend, arguments);
              } catch (InvocationTargetException e) {
                throw e.getCause();
              }
            });
  }

  private static String word(Precision precision) {
    return precision.name().toLowerCase(Locale.ROOT);
  }

  private static Trial trial(String block) {
    String file =
        """
        name: x
        model: builtin:mini
        %strain-limit: 60
        validation-fraction: 0.1
        grid: [%s]
        training: {max-steps: %d, evaluate-every: 8, max-tokens: 32, batch: 12}
        rates: {learning-rate: 2e-3, ratio: 2}
        """
            .formatted(ShortTask.lines(), block, STEPS);
    return SweepFile.read(
            "x.yaml",
            Map.of(),
            location -> Optional.ofNullable(location.equals("x.yaml") ? file : null))
        .expand(LIBRARY::modelHash, LIBRARY::taskHash)
        .get(0);
  }
}
