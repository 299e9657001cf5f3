package org.peftsweep.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.method.adapter.AdapterLayout;
import org.peftsweep.spec.SpecException;
import org.peftsweep.spec.SweepFile;
import org.peftsweep.spec.TaskSource;
import org.peftsweep.spec.Trial;
import org.peftsweep.train.Outcome.CurvePoint;
import org.peftsweep.train.Outcome.Status;

/** What a trial keeps of texts that it is not taught, measured beside its score. */
class RetentionTest {
  private static final Library LIBRARY = new Library(new Configuration());
  private static final int STEPS = 12;
  private static final String LORA = "{method: lora, targets: all}";

  @TempDir static Path folder;
  private static TinyWriter tiny;

  @TempDir Path temporary;

  @BeforeAll
  static void write() throws IOException {
    tiny = new TinyWriter(folder);
    // Longer and more than the tasks' own rows; there is no train.
    rows(
        "general",
        "dev",
        "the colour of grass is green and that of blood is red, as is known ",
        50);
    rows("nothing", "dev", "", 0);
  }

  private static void rows(String task, String part, String text, int rows) throws IOException {
    Path file = folder.resolve("data").resolve(task).resolve(part + ".jsonl");
    Files.createDirectories(file.getParent());
    Files.write(
        file, IntStream.range(0, rows).mapToObj(i -> "{\"t\": \"" + text + i + "\"}").toList());
  }

  private static List<Trial> trials(String task, String retention, String... blocks) {
    String declared =
        """
          general: {text-column: t}
          nothing: {text-column: t}
          absent: {text-column: t}
          brief: {text-column: t}
        grid: [%s]
        """
            .formatted(String.join(", ", blocks));
    String file =
        tiny.sweep(task, "{}", STEPS).replaceFirst("grid: .*\n", declared)
            + "retention: "
            + retention
            + "\n";
    return SweepFile.read(
            "x.yaml",
            Map.of("training.evaluate-every", "4"),
            location -> Optional.ofNullable(location.equals("x.yaml") ? file : null))
        .expand(LIBRARY::modelHash, LIBRARY::taskHash);
  }

  private static Trial trial(String task, String retention, String block) {
    return trials(task, retention, block).get(0);
  }

  /** Hears the losses of a trial. */
  private static final class Listener implements Progress {
    private final List<Double> losses = new ArrayList<>();

    @Override
    public void step(int step, int steps, double loss) {
      losses.add(loss);
    }

    @Override
    public void evaluated(CurvePoint point) {}
  }

  private static Outcome run(Trial trial, RunLimits limits, Progress progress) {
    try (Backend backend = Backends.open("cpu", 1)) {
      return new TrialRun(LIBRARY, backend).run(trial, limits, progress);
    }
  }

  private static Outcome run(Trial trial) {
    return run(trial, RunLimits.FREE, Progress.SILENT);
  }

  private static List<Double> retained(Outcome outcome) {
    return outcome.curve().stream().map(CurvePoint::retentionLoss).toList();
  }

  /** Of the rows that are reported too, by the metric of that name, which weighs tokens alike. */
  @Test
  void lossIsThatOfTheMetricAtEveryPoint() {
    Outcome outcome = run(trial("running", "running", LORA));
    assertThat(outcome.curve()).hasSize(4);
    for (CurvePoint point : outcome.curve()) {
      assertThat(point.retentionLoss()).isEqualTo(point.devMetrics().get("dev/loss"));
    }
    assertThat(outcome.retentionLossBefore()).isEqualTo(retained(outcome).get(0));
    assertThat(outcome.best().retentionLoss()).isLessThan(outcome.retentionLossBefore() - 0.1);
  }

  @Test
  void askingForItChangesNeitherIdNorTraining() {
    Trial without = trial("plain", "none", LORA);
    Trial asked = trial("plain", "general", LORA);
    assertThat(asked.id()).isEqualTo(without.id());
    assertThat(asked.recipe()).isEqualTo(without.recipe());
    assertThat(asked.toJson()).isNotEqualTo(without.toJson());
    assertThat(Trial.fromJson(asked.toJson())).isEqualTo(asked);
    assertThat(asked.withSeed(3).retention()).isEqualTo(asked.retention());
    Listener alone = new Listener();
    Listener beside = new Listener();
    Outcome plain = run(without, RunLimits.FREE, alone);
    Outcome measured = run(asked, RunLimits.FREE, beside);
    assertThat(beside.losses).isEqualTo(alone.losses).hasSize(STEPS);
    assertThat(measured.predictions()).isEqualTo(plain.predictions());
    assertThat(measured.best().devMetrics()).isEqualTo(plain.best().devMetrics());
    assertThat(plain.retentionLossBefore()).isNull();
    assertThat(retained(plain)).containsOnlyNulls();
    assertThat(retained(measured)).doesNotContainNull().doesNotHaveDuplicates();
  }

  @Test
  void whatDoesNotLearnForgetsNothing() {
    Outcome outcome = run(trial("plain", "general", "{method: untrained}"));
    assertThat(outcome.curve()).hasSize(1);
    assertThat(outcome.best().retentionLoss())
        .isEqualTo(outcome.retentionLossBefore())
        .isPositive();
  }

  /** Its passes are the largest here, so that nobody else's would do. */
  @Test
  void memoryAndTimeAreForeseenWithIt() {
    Trial asked = trial("plain", "general", "{method: ln-tuning}");
    Trial without = asked.withRetention(TaskSource.NONE);
    Outcome outcome = run(asked);
    assertThat(outcome.peakBytes()).isGreaterThan(run(without).peakBytes());
    assertThat(outcome.predictedPeakBytes() / (double) outcome.peakBytes())
        .isCloseTo(1, within(0.15));
    assertThat(predicted(asked)).isEqualTo(outcome.predictedPeakBytes());
    assertThat(predicted(asked)).isGreaterThan(predicted(without));
    // The same rows twice at each evaluation, next to rows of the task alone.
    double once = operations(trial("running", "none", LORA));
    double twice = operations(trial("running", "running", LORA));
    double evaluations = 4 * 20.0;
    double trained = STEPS * 12 * 2.0;
    assertThat(twice / once).isBetween(1 + evaluations / (4 * trained), 1 + evaluations / trained);
  }

  private static double operations(Trial trial) {
    return Workload.of(trial, LIBRARY).operations();
  }

  private static long predicted(Trial trial) {
    Base base = LIBRARY.base(trial.model(), "cpu");
    return MemoryModel.predict(
            trial,
            base.config(),
            base::lacks,
            base.padId(),
            LIBRARY.tokenised(trial),
            AdapterLayout.NONE)
        .peakBytes();
  }

  @Test
  void aTrialThatIsStoppedGoesOnWithWhatItHadMeasured() {
    Trial trial = trial("plain", "general", LORA);
    Outcome whole = run(trial);
    assertThat(stopped(trial, 6)).isEqualTo(6);
    Outcome resumed = run(trial, limits(trial, () -> false), new Listener());
    assertThat(retained(resumed)).isEqualTo(retained(whole));
  }

  /** What it was before its first step nobody can tell from a state of later. */
  @Test
  void aStateOfATrialThatMeasuredNoneIsNotGoneOnFrom() {
    Trial asked = trial("plain", "general", LORA);
    Trial without = asked.withRetention(TaskSource.NONE);
    assertThat(stopped(without, 6)).isEqualTo(6);
    Listener again = new Listener();
    Outcome outcome = run(asked, limits(asked, () -> false), again);
    assertThat(again.losses).hasSize(STEPS);
    assertThat(retained(outcome)).isEqualTo(retained(run(asked)));
  }

  @Test
  void aStateOfATrialThatMeasuredItServesOneThatDoesNot() {
    Trial asked = trial("plain", "general", LORA);
    Trial without = asked.withRetention(TaskSource.NONE);
    assertThat(stopped(asked, 6)).isEqualTo(6);
    Listener rest = new Listener();
    Outcome outcome = run(without, limits(without, () -> false), rest);
    assertThat(rest.losses).hasSize(STEPS - 6);
    assertThat(retained(outcome)).containsOnlyNulls();
  }

  private int stopped(Trial trial, int steps) {
    Listener listener = new Listener();
    RunLimits limits = limits(trial, () -> listener.losses.size() >= steps);
    assertThatThrownBy(() -> run(trial, limits, listener)).isInstanceOf(StoppedException.class);
    return listener.losses.size();
  }

  private RunLimits limits(Trial trial, BooleanSupplier isStopped) {
    return new RunLimits(
        Duration.ZERO,
        null,
        new CheckpointFolder(
            new org.apache.hadoop.fs.Path(temporary.toUri().toString(), trial.id()),
            new Configuration()),
        Duration.ZERO,
        isStopped,
        TensorSink.NOTHING);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 100_000})
  void lanesOfAPackKeepWhatTheyKeepAlone(int rows) throws InterruptedException {
    List<Trial> trials =
        trials(
            "plain",
            "general",
            LORA,
            "{method: dora}",
            "{method: ia3}",
            "{method: prefix, tokens: 3}");
    Map<Integer, Outcome> packed = new ConcurrentHashMap<>();
    try (Backend passes = PackedTrialsTest.withPassRows(rows, Backends.open("cpu", 1));
        PackRun pack = new PackRun("a pack", trials.size(), LIBRARY, passes)) {
      List<Thread> lanes = new ArrayList<>();
      for (int i = 0; i < trials.size(); i++) {
        int lane = i;
        lanes.add(
            new Thread(
                () -> {
                  try (Backend own = Backends.open("cpu", 1)) {
                    packed.put(
                        lane,
                        pack.run(lane, trials.get(lane), own, RunLimits.FREE, Progress.SILENT));
                  }
                }));
      }
      lanes.forEach(Thread::start);
      for (Thread lane : lanes) {
        lane.join();
      }
    }
    assertThat(packed).hasSameSizeAs(trials);
    for (int i = 0; i < trials.size(); i++) {
      List<Double> alone = retained(run(trials.get(i)));
      List<Double> together = retained(packed.get(i));
      assertThat(together).hasSameSizeAs(alone);
      for (int point = 0; point < alone.size(); point++) {
        assertThat(together.get(point))
            .as(trials.get(i).title())
            .isCloseTo(alone.get(point), within(1e-5 * alone.get(point)));
      }
    }
  }

  @Test
  void aLimitTakesSomeOfTheRows() {
    String limited = "general\nretention-limit: 7";
    Trial trial = trial("plain", limited, LORA);
    assertThat(LIBRARY.retained(trial).examples()).hasSize(7);
    Trial whole = trial("plain", "general", LORA);
    assertThat(LIBRARY.retained(whole).examples()).hasSize(50);
    assertThat(trial.id()).isEqualTo(whole.id());
    assertThat(trial.retention().contentHash()).isNotEqualTo(whole.retention().contentHash());
  }

  @Test
  void textsThatCannotBeReadOrToldAreRefusedBeforeTheFirstTrial() {
    assertThatThrownBy(() -> trial("plain", "absent", LORA))
        .isInstanceOf(SpecException.class)
        .hasMessageContaining("of absent in")
        .hasMessageStartingWith("Cannot find");
    assertThatThrownBy(() -> trial("plain", "nothing", LORA))
        .isInstanceOf(SpecException.class)
        .hasMessageMatching("Cannot use .* of nothing in .*: it has no rows; supply some");
    Trial cut = trial("running", "plain", "{method: lora, max-tokens: 4}");
    assertThatThrownBy(() -> new Preflight(LIBRARY).requireAll(List.of(cut)))
        .isInstanceOf(SpecException.class)
        .hasMessageContaining(
            "Cannot measure retention on plain: none of its rows has a token to tell within"
                + " max-tokens = 4, give longer texts or more tokens");
    Trial labelled =
        tiny.trial(LIBRARY, "mini-rte", "{method: lora}", 1, "builtin:mini")
            .withRetention(cut.retention());
    assertThatThrownBy(() -> new Preflight(LIBRARY).requireAll(List.of(labelled)))
        .isInstanceOf(SpecException.class)
        .hasMessage(
            "Cannot measure retention on plain beside mini-rte, whose head for labels tells no"
                + " next tokens: give tasks of texts and a decoder, or leave retention out");
    assertThat(run(trial("plain", "general", LORA)).status()).isEqualTo(Status.FINISHED);
    assertThat(Arrays.asList(TaskSource.NONE, cut.retention()))
        .extracting(TaskSource::isNone)
        .containsExactly(true, false);
  }
}
