package org.peftsweep.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.method.adapter.MethodHooks.LayerScore;
import org.peftsweep.spec.Sweep;
import org.peftsweep.spec.SweepFile;
import org.peftsweep.spec.Trial;
import org.peftsweep.train.Outcome.Status;

/** Whole trials of single methods: what each holds, counts and notes. */
class TrialRunOfMethodsTest {
  private static final Library LIBRARY = new Library(new Configuration());

  private static List<Trial> trials(String block) {
    String file =
        "name: x\nmodel: builtin:mini\n"
            + ShortTask.lines()
            + "train-limit: 200\ngrid: ["
            + block
            + "]\ntraining: {max-steps: 12, max-tokens: 32, batch: 8}\n"
            + "rates: {learning-rate: 2e-3}\n";
    Sweep sweep =
        SweepFile.read(
            "x.yaml",
            Map.of(),
            location -> Optional.ofNullable(location.equals("x.yaml") ? file : null));
    return sweep.expand(LIBRARY::modelHash, LIBRARY::taskHash);
  }

  private static Outcome run(Trial trial) {
    try (Backend backend = Backends.open("cpu", 1)) {
      return new TrialRun(LIBRARY, backend).run(trial, Progress.SILENT);
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "{method: lora, dropout: 0}; 8",
        "{method: adalora, dropout: 0}; 8",
        "{method: full}; 8",
        "{method: apet, granularity: tensor, rate: 0.5, pairs-rank: 2}; 8",
        "{method: hft}; 8",
        "{method: hft, resample: never}; 8",
        "{method: sift}; 12"
      })
  void measuresWhatItDeclares(String block, int bytesPerLearningScalar) {
    Trial trial = trials(block).get(0);
    Outcome outcome = run(trial);
    Workload declared = Workload.of(trial, LIBRARY);

    assertThat(outcome.status()).isEqualTo(Status.FINISHED);
    assertThat(outcome.trainableParameters()).isEqualTo(declared.trainableParameters());
    assertThat(outcome.headParameters()).isEqualTo(declared.headParameters());
    long ofMethod = outcome.optimizerBytes() - 8 * outcome.headParameters();
    assertThat(ofMethod).isEqualTo(bytesPerLearningScalar * outcome.trainableParameters());
    assertThat(outcome.peakBytes()).isGreaterThan(outcome.optimizerBytes());
    assertThat(outcome.finalLoss()).isFinite();
  }

  @Test
  void galoreHoldsMomentsOfTheSubspaceOnly() {
    Outcome outcome = run(trials("{method: galore, rank: 4, targets: q}").get(0));
    long width = width(outcome);

    // Of each square matrix M and V [width, 4] and P [4, width].
    assertThat(outcome.optimizerBytes() - 8 * outcome.headParameters())
        .isEqualTo(Float.BYTES * layers() * 3 * 4 * width);
    assertThat(outcome.finalLoss()).isFinite();
  }

  private static long width(Outcome outcome) {
    return Math.round(Math.sqrt(outcome.trainableParameters() / (double) layers()));
  }

  private static long layers() {
    return LIBRARY.config("builtin:mini").sizes().layers();
  }

  @Test
  void keepsTheRanksThatAdaLoRAEndsWith() {
    Outcome outcome = run(trials("{method: adalora, rank: 2, targets: qv, every: 1}").get(0));

    int matrices = outcome.ranks().size();
    assertThat(matrices).isPositive();
    assertThat(outcome.ranks().keySet()).allMatch(name -> name.matches(".*(query|value)"));
    int sum = outcome.ranks().values().stream().mapToInt(rank -> rank).sum();
    assertThat(sum).isEqualTo(2 * matrices);
    assertThat(outcome.layers()).isEmpty();
  }

  @Test
  void sparseTuningOfLayersHoldsLessAndNotesItsScores() {
    List<Trial> trials = trials("{method: full, targets: all, plug-in: [none, ist]}");
    Outcome plain = run(trials.get(0));
    Outcome sparse = run(trials.get(1));

    assertThat(sparse.trainableParameters()).isEqualTo(plain.trainableParameters());
    assertThat(sparse.optimizerBytes()).isLessThan(plain.optimizerBytes());
    assertThat(sparse.peakBytes()).isLessThan(plain.peakBytes());
    assertThat(sparse.layers().stream().map(LayerScore::step).distinct())
        .containsExactly(0, 10, 12);
    assertThat(sparse.layers()).anyMatch(row -> row.score() != 0);
    assertThat(run(trials.get(1)).finalLoss()).isEqualTo(sparse.finalLoss());
  }

  @Test
  void halvesThatTakeTurnsHoldCopiesOfAllAndStateOfHalf() {
    List<Trial> trials =
        trials("{method: hft, resample: [never, epoch], epochs: 5, max-steps: 0, batch: 64}");
    Outcome once = run(trials.get(0));
    Outcome turns = run(trials.get(1));

    assertThat(turns.trainableParameters())
        .isEqualTo(Workload.of(trials.get(1), LIBRARY).trainableParameters())
        .isBetween((long) (0.9 * once.trainableParameters()), 11 * once.trainableParameters() / 10);
    assertThat(turns.optimizerBytes() / (double) once.optimizerBytes()).isBetween(0.9, 1.1);
    // A copy of what rests; activations differ too by what is drawn.
    long copies = 9 * Float.BYTES * once.trainableParameters() / 10;
    assertThat(turns.peakBytes() - once.peakBytes()).isGreaterThan(copies);
    assertThat(turns.predictedPeakBytes() / (double) turns.peakBytes()).isBetween(0.95, 1.05);
  }

  @Test
  void theAverageIsEvaluatedBesideTheLastWeights() {
    List<Trial> trials = trials("{method: lora, plug-in: [none, ema], learning-rate: 1e-2}");
    Outcome plain = run(trials.get(0));
    Outcome averaged = run(trials.get(1));

    SortedMap<String, Double> last = new TreeMap<>();
    SortedMap<String, Double> own = new TreeMap<>();
    averaged
        .last()
        .devMetrics()
        .forEach(
            (name, value) -> {
              if (name.contains("/last/")) {
                last.put(name.replace("/last/", "/"), value);
              } else {
                own.put(name, value);
              }
            });
    assertThat(last).isNotEmpty().isEqualTo(plain.last().devMetrics());
    assertThat(own.keySet()).isEqualTo(last.keySet());
    assertThat(averaged.finalLoss()).isEqualTo(plain.finalLoss());
    assertThat(averaged.optimizerBytes()).isGreaterThan(plain.optimizerBytes());
    assertThat(averaged.predictions()).isNotEqualTo(plain.predictions());
  }

  @Test
  void theHeadLearnsFromFeaturesFromBeforeTrainingToo() {
    Outcome plain = run(trials("{method: lora}").get(0));
    Trial trial = trials("{method: lora, plug-in: drtune, memory: 20, every: 5}").get(0);
    Outcome held = run(trial);

    assertThat(held.status()).isEqualTo(Status.FINISHED);
    assertThat(held.trainableParameters()).isEqualTo(plain.trainableParameters());
    // Two losses of two classes each in place of one.
    assertThat(held.curve().get(0).trainLoss()).isNull();
    assertThat(held.finalLoss()).isGreaterThan(1.3 * plain.finalLoss());
    assertThat(run(trial).finalLoss()).isEqualTo(held.finalLoss());
    assertThat(held.predictedPeakBytes() / (double) held.peakBytes()).isBetween(0.9, 1.1);
  }
}
