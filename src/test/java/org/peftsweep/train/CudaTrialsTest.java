package org.peftsweep.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.BlasLibrary;
import org.peftsweep.compute.DeviceLostException;
import org.peftsweep.spec.SweepFile;
import org.peftsweep.spec.Trial;
import org.peftsweep.train.Outcome.CurvePoint;
import org.peftsweep.train.Outcome.Status;

/** Whole trials on the {@code cuda} backend, whose device is emulated, beside those on the cpu. */
class CudaTrialsTest {
  private static final Library LIBRARY = new Library(new Configuration());
  private static final int STEPS = 6;

  @TempDir static Path data;

  @TempDir Path temporary;

  /** Stops a trial after some steps. */
  private static final class Steps implements Progress {
    private final int most;
    private int taken;

    Steps(int most) {
      this.most = most;
    }

    @Override
    public void step(int step, int steps, double loss) {
      taken++;
    }

    @Override
    public void evaluated(CurvePoint point) {}

    boolean isStopped() {
      return taken >= most;
    }
  }

  /** A task of few examples, since devices that are emulated take their time. */
  @BeforeAll
  static void write() throws IOException {
    List<String> words = List.of("red", "green", "blue", "dogs", "run", "sleep", "fast", "here");
    Random random = new Random(3);
    Path folder = Files.createDirectory(data.resolve("own"));
    for (String set : List.of("train", "dev")) {
      List<String> lines = new ArrayList<>(List.of("text\tlabel"));
      for (int i = 0; i < (set.equals("dev") ? 8 : 24); i++) {
        int first = random.nextInt(words.size());
        String second = words.get(random.nextInt(words.size()));
        lines.add(words.get(first) + " " + second + "\t" + (first < 4 ? "good" : "bad"));
      }
      Files.write(folder.resolve(set + ".tsv"), lines);
    }
  }

  private static Trial trial(String block) {
    String file =
        "name: x\nmodel: builtin:mini\ntasks: [own]\ndata: "
            + data
            + "\ndeclare-tasks: {own: {text-columns: [text], label-column: label, labels: [good,"
            + " bad], metrics: [accuracy]}}\ngrid: ["
            + block
            + "]\ntraining: {max-steps: "
            + STEPS
            + ", max-tokens: 16, batch: 8}\nrates: {learning-rate: 1e-3}\n";
    return SweepFile.read(
            "x.yaml",
            Map.of(),
            location -> Optional.ofNullable(location.equals("x.yaml") ? file : null))
        .expand(LIBRARY::modelHash, LIBRARY::taskHash)
        .get(0);
  }

  private static Outcome run(String place, Trial trial, RunLimits limits, Progress progress) {
    try (Backend backend = Backends.open(place, 1, BlasLibrary.AUTO)) {
      return new TrialRun(LIBRARY, backend).run(trial, limits, progress);
    }
  }

  private static Outcome run(String place, Trial trial) {
    return run(place, trial, RunLimits.FREE, new Steps(Integer.MAX_VALUE));
  }

  /** Losses of the epochs, and how sure the model is of each example at the end. */
  private static List<Double> numbers(Outcome outcome) {
    assertThat(outcome.status()).isEqualTo(Status.FINISHED);
    List<Double> numbers = new ArrayList<>(List.of(outcome.finalLoss()));
    outcome.curve().stream().skip(1).forEach(point -> numbers.add(point.trainLoss()));
    outcome.predictions().forEach(prediction -> numbers.add(prediction.score()));
    assertThat(numbers).hasSize(11);
    return numbers;
  }

  private static void assertClose(List<Double> found, List<Double> expected, double part) {
    assertThat(found).hasSameSizeAs(expected);
    for (int i = 0; i < found.size(); i++) {
      double value = expected.get(i);
      assertThat(found.get(i)).isCloseTo(value, within(part * Math.abs(value)));
    }
  }

  @Test
  void endAsOnTheProcessor() {
    for (String block : List.of("{method: full}", "{method: dora, weights: bf16}")) {
      Trial trial = trial(block);
      Outcome outcome = run("cuda", trial);
      assertClose(numbers(outcome), numbers(run("cpu", trial)), 1e-4);
      assertThat(outcome.gpu().energyJoules()).isPositive();
      assertThat(outcome.device()).isEqualTo("emulated GPU, GPU 0");
    }
  }

  /** What products round is more than what other orders of sums differ by. */
  @Test
  void endNearWhereTheyDoWithoutRoundingFactors() {
    Outcome exact = run("cuda", trial("{method: lora, rank: 4, targets: all}"));
    Trial half = trial("{method: lora, rank: 4, targets: all, precision: bf16}");
    List<Double> rounded = numbers(run("cuda", half));
    assertClose(rounded, numbers(exact), 2e-2);
    assertThat(rounded).doesNotContainAnyElementsOf(numbers(exact));
  }

  /** The two devices run threads and blocks in other orders; one trial stops in between. */
  @Test
  void endWithTheSameBitsWhateverTheOrderOfThreadsAndGoOnAfterAStop() {
    Trial trial = trial("{method: lora, dropout: 0.1}");
    List<Double> whole = numbers(run("cuda:0", trial));
    assertClose(whole, numbers(run("cpu", trial)), 1e-4);
    Steps stopped = new Steps(4);
    assertThatThrownBy(() -> run("cuda:1", trial, limits(trial, stopped), stopped))
        .isInstanceOf(StoppedException.class);
    assertThat(stopped.taken).isEqualTo(4);
    Steps last = new Steps(Integer.MAX_VALUE);
    Outcome resumed = run("cuda:1", trial, limits(trial, last), last);
    assertThat(last.taken).isEqualTo(STEPS - 4);
    assertThat(numbers(resumed)).isEqualTo(whole);
  }

  /** With all that is rounded, attention among it. */
  @Test
  void endWithTheSameBitsInSixteenBitsToo() throws Exception {
    List<Trial> trials =
        Stream.of(
                "{method: lora, dropout: 0.1, precision: bf16}", "{method: dora, precision: bf16}")
            .map(CudaTrialsTest::trial)
            .toList();
    List<List<Double>> alone =
        trials.stream().map(trial -> numbers(run("cuda:with-tensor-cores", trial))).toList();
    assertThat(numbers(run("cuda:with-others", trials.get(0)))).isEqualTo(alone.get(0));
    assertClose(alone.get(0), numbers(run("cpu", trial("{method: lora, dropout: 0.1}"))), 5e-2);
    List<Outcome> together = together("cuda:with-tensor-cores", trials);
    for (int i = 0; i < trials.size(); i++) {
      assertThat(numbers(together.get(i))).isEqualTo(alone.get(i));
    }
  }

  private RunLimits limits(Trial trial, Steps steps) {
    CheckpointFolder folder =
        new CheckpointFolder(
            new org.apache.hadoop.fs.Path(temporary.toUri().toString(), trial.id()),
            new Configuration());
    return new RunLimits(
        Duration.ZERO, null, folder, Duration.ZERO, steps::isStopped, TensorSink.NOTHING);
  }

  @Test
  void lanesOfAPackEndAsAlone() throws Exception {
    List<Trial> trials =
        Stream.of("{method: lora}", "{method: lora, rank: 3, targets: qkvo}", "{method: dora}")
            .map(CudaTrialsTest::trial)
            .toList();
    List<Outcome> together = together("cuda", trials);
    for (int i = 0; i < trials.size(); i++) {
      assertClose(numbers(together.get(i)), numbers(run("cuda", trials.get(i))), 1e-5);
      assertThat(together.get(i).gpu().energyJoules()).isNull();
    }
  }

  /** Runs trials as lanes of one pack. */
  private static List<Outcome> together(String place, List<Trial> trials)
      throws InterruptedException {
    Map<Integer, Object> ends = new ConcurrentHashMap<>();
    try (Backend passes = Backends.open(place, 1);
        PackRun pack = new PackRun("a pack", trials.size(), LIBRARY, passes)) {
      List<Thread> lanes = new ArrayList<>();
      for (int i = 0; i < trials.size(); i++) {
        int lane = i;
        lanes.add(new Thread(() -> ends.put(lane, run(pack, place, lane, trials.get(lane)))));
      }
      lanes.forEach(Thread::start);
      for (Thread lane : lanes) {
        lane.join();
      }
    }
    List<Outcome> outcomes = new ArrayList<>();
    for (int i = 0; i < trials.size(); i++) {
      assertThat(ends.get(i)).as(trials.get(i).title()).isInstanceOf(Outcome.class);
      outcomes.add((Outcome) ends.get(i));
    }
    return outcomes;
  }

  private static Object run(PackRun pack, String place, int lane, Trial trial) {
    try (Backend own = Backends.open(place, 1)) {
      return pack.run(lane, trial, own, RunLimits.FREE, new Steps(Integer.MAX_VALUE));
    } catch (RuntimeException | Error e) {
      return e;
    }
  }

  /** A device of 4 MB: the trial ends, and others go on. */
  @Test
  void wantOfTheDevicesMemoryIsAnOutcome() {
    Trial trial = trial("{method: lora}");
    String small = "cuda:with-4-megabytes";
    Outcome outcome = run(small, trial, RunLimits.FREE, new Steps(Integer.MAX_VALUE));
    assertThat(outcome.status()).isEqualTo(Status.OOM);
    try (Backend backend = Backends.open(small, 1, BlasLibrary.AUTO)) {
      assertThat(backend.memoryBytes()).hasValue(4L << 20);
      MemoryBudget budget = MemoryBudget.shared(backend, 0);
      RunLimits limits =
          new RunLimits(
              Duration.ZERO, budget, null, Duration.ZERO, () -> false, TensorSink.NOTHING);
      Outcome refused = new TrialRun(LIBRARY, backend).run(trial, limits, new Steps(1));
      assertThat(refused.status()).isEqualTo(Status.OOM);
      assertThat(refused.reason()).startsWith("Cannot run in 4194304 bytes: predicted are");
    }
  }

  /** The trial has no outcome, so that its row is not written and another executor takes it up. */
  @Test
  void aLostDeviceIsNoOutcomeOfATrial() {
    Trial trial = trial("{method: lora}");
    for (int i = 0; i < 2; i++) {
      assertThatThrownBy(() -> run("cuda:lost-after-300-kernels", trial))
          .isInstanceOf(DeviceLostException.class)
          .hasMessage("Cannot use the emulated GPU: it is lost");
    }
  }

  /** As two tasks do whose part of a GPU is a half: there is memory for one trial and a bit. */
  @Test
  void trialsOnPartsOfAGpuWaitForItsMemoryAndEndAsAlone() throws Exception {
    Trial trial = trial("{method: lora}");
    List<Double> alone = numbers(run("cuda:whole", trial));
    MemoryBudget budget = new MemoryBudget(8L << 20);
    RunLimits limits =
        new RunLimits(Duration.ZERO, budget, null, Duration.ZERO, () -> false, TensorSink.NOTHING);
    List<Object> ends = new CopyOnWriteArrayList<>();
    List<Thread> tasks = new ArrayList<>();
    for (int i = 0; i < 2; i++) {
      tasks.add(
          new Thread(
              () -> ends.add(run("cuda:halves", trial, limits, new Steps(Integer.MAX_VALUE)))));
    }
    tasks.forEach(Thread::start);
    for (Thread task : tasks) {
      task.join();
    }
    assertThat(ends).hasSize(2);
    for (Object end : ends) {
      assertThat(numbers((Outcome) end)).isEqualTo(alone);
    }
  }
}
