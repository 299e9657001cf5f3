package org.peftsweep.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.peftsweep.checkpoint.SafeTensors;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.method.adapter.AdapterLayout;
import org.peftsweep.model.Model;
import org.peftsweep.model.Models;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Role;
import org.peftsweep.spec.Sweep;
import org.peftsweep.spec.SweepFile;
import org.peftsweep.spec.Trial;
import org.peftsweep.train.Outcome.Status;

/** Whole trials over a base that is stored as bf16 or quantised, beside the same over fp32. */
class StorageInTrialsTest {
  private static final Library LIBRARY = new Library(new Configuration());
  private static final double MOST_OFF = 1e-3;

  @TempDir Path folder;

  /** The trials of a block over fp32 and over bf16. */
  private static List<Trial> trials(String block) {
    return trials("[fp32, bf16]", block);
  }

  private static List<Trial> trials(String weights, String block) {
    String file =
        "name: x\nmodel: builtin:mini\ntasks: [mini-rte]\ntrain-limit: 640\ngrid: [{weights: "
            + weights
            + ", "
            + block
            + "}]\ntraining: {max-steps: 20, max-tokens: 48, batch: 16}\n"
            + "rates: {learning-rate: 1e-3}\n";
    Sweep sweep =
        SweepFile.read(
            "x.yaml",
            Map.of(),
            location -> Optional.ofNullable(location.equals("x.yaml") ? file : null));
    return sweep.expand(LIBRARY::modelHash, LIBRARY::taskHash);
  }

  /** What each step lost, and how the trial ended. */
  private static final class Run implements Progress {
    private final List<Double> losses = new ArrayList<>();
    private final Outcome outcome;

    Run(Trial trial, String backendName, TensorSink sink) {
      try (Backend backend = Backends.open(backendName, 1)) {
        outcome = new TrialRun(LIBRARY, backend).run(trial, RunLimits.FREE.with(sink), this);
      }
      assertThat(outcome.status()).isEqualTo(Status.FINISHED);
    }

    @Override
    public void step(int step, int steps, double loss) {
      losses.add(loss);
    }

    @Override
    public void evaluated(Outcome.CurvePoint point) {}
  }

  private static Run run(Trial trial) {
    return new Run(trial, "cpu", TensorSink.NOTHING);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "method: lora",
        "method: dora, targets: qkvo",
        "method: pissa",
        "method: ia3",
        "method: bitfit",
        "method: full",
        "method: lora, init: random"
      })
  void twentyStepsLoseTheSameToOneInAThousand(String block) {
    List<Trial> both = trials(block);
    Run wide = run(both.get(0));
    Run half = run(both.get(1));
    assertThat(half.losses).hasSize(20).isNotEqualTo(wide.losses);
    for (int i = 0; i < 20; i++) {
      double wanted = wide.losses.get(i);
      assertThat(half.losses.get(i))
          .as("loss of step %d", i + 1)
          .isCloseTo(wanted, within(MOST_OFF * wanted));
    }
  }

  /** The more bits are left out, the further losses are off, but none is far. */
  @ParameterizedTest
  @ValueSource(strings = {"method: lora", "method: dora, targets: qkvo", "method: pissa"})
  void quantisedBasesLoseNearlyTheSame(String block) {
    List<Trial> all = trials("[fp32, int8, nf4]", block);
    List<List<Double>> losses = all.stream().map(trial -> run(trial).losses).toList();
    double[] off = new double[all.size()];
    for (int i = 0; i < off.length; i++) {
      for (int step = 0; step < 20; step++) {
        double wanted = losses.get(0).get(step);
        off[i] = Math.max(off[i], Math.abs(losses.get(i).get(step) - wanted) / wanted);
      }
    }
    assertThat(off[1]).isBetween(1e-9, 0.05);
    assertThat(off[2]).isBetween(1e-6, 0.3);
  }

  @ParameterizedTest
  @CsvSource({"bf16, nd4j", "int8, nd4j", "nf4, nd4j", "nf4, samediff"})
  void backendsAgree(String weights, String backend) {
    Trial trial = trials(weights, "method: dora").get(0);
    List<Double> cpu = run(trial).losses;
    List<Double> reference = new Run(trial, backend, TensorSink.NOTHING).losses;
    for (int i = 0; i < cpu.size(); i++) {
      assertThat(cpu.get(i)).isCloseTo(reference.get(i), within(1e-4 * reference.get(i)));
    }
  }

  @ParameterizedTest
  @CsvSource({
    "bf16, method: lora",
    "bf16, 'method: lora, init: random'",
    "bf16, 'method: full, init: random'",
    "int8, method: dora",
    "nf4, method: lora",
    "nf4, 'method: lora, init: random'"
  })
  void memoryIsForetold(String weights, String block) {
    Trial trial = trials(weights, block).get(0);
    Outcome outcome = run(trial).outcome;
    double measured = outcome.peakBytes();
    assertThat(outcome.predictedPeakBytes() / measured).isCloseTo(1, within(0.1));
  }

  @Test
  void theBaseTakesHalfTheMemory() {
    List<Trial> both = trials("method: lora");
    long wide = footprint(both.get(0)).sharedBytes();
    long half = footprint(both.get(1)).sharedBytes();
    // Vectors, a hundredth of the model, stay as they are.
    assertThat((double) half / wide).isBetween(0.5, 0.52);
    assertThat(footprint(both.get(1)).peakBytes()).isEqualTo(footprint(both.get(0)).peakBytes());
  }

  /** What is told of the shared base is what reading it allocates, and products keep nothing. */
  @ParameterizedTest
  @CsvSource({"int8, 1.03", "nf4, 0.53"})
  void aQuantisedBaseTakesItsBytes(String weights, double bytesOfAnElement) {
    Trial trial = trials(weights, "method: lora").get(0);
    Base base = LIBRARY.base(trial.model(), "cpu");
    long held = 0;
    long quantised = 0;
    long elements = 0;
    try (Backend backend = Backends.open("cpu", 1);
        Model model = Models.build(base.config(), 2, backend, base.weights(trial, backend))) {
      for (Parameter parameter : model.parameters()) {
        boolean isOfBase = parameter.role() != Role.HEAD;
        long bytes = isOfBase ? parameter.asWeight().bytes() : 0;
        held += bytes;
        if (isOfBase && parameter.asWeight().type().isQuantised()) {
          quantised += bytes;
          elements += parameter.size();
        }
      }
    }
    assertThat(footprint(trial).sharedBytes()).isEqualTo(held);
    assertThat(footprint(trial).packedBytes()).isZero();
    assertThat(elements).isEqualTo(2 * 12 * 128 * 128);
    assertThat(quantised / (double) elements).isBetween(bytesOfAnElement - 0.03, bytesOfAnElement);
  }

  private static Footprint footprint(Trial trial) {
    Base base = LIBRARY.base(trial.model(), "cpu");
    TokenisedTask data = LIBRARY.tokenised(trial);
    return MemoryModel.predict(
        trial, base.config(), base::lacks, base.padId(), data, AdapterLayout.NONE);
  }

  @ParameterizedTest
  @CsvSource({
    "bf16, method: dora",
    "bf16, method: pissa",
    "bf16, method: full",
    "int8, method: lora",
    "nf4, method: dora",
    "nf4, method: pissa"
  })
  void anExportedTrialAnswersAsItDid(String weights, String block) {
    Trial trial = trials(weights, block).get(0);
    Path kept = folder.resolve("kept.safetensors");
    Outcome outcome = new Run(trial, "cpu", tensors -> tensors.write(kept)).outcome;
    Path merged = folder.resolve("merged");
    try (SafeTensors tensors = SafeTensors.open(kept);
        Backend backend = Backends.open("cpu", 1);
        TrialExport export = TrialExport.open(trial.id(), tensors, LIBRARY, backend)) {
      export.writeMerged(merged);
    }
    Trial plain = untrained(merged);
    List<Outcome.Prediction> answers = run(plain).outcome.predictions();
    assertThat(answers).hasSameSizeAs(outcome.predictions());
    for (int i = 0; i < answers.size(); i++) {
      assertThat(answers.get(i).score())
          .isCloseTo(outcome.predictions().get(i).score(), within(1e-4));
    }
  }

  private static Trial untrained(Path model) {
    String file =
        "name: x\nmodel: "
            + model
            + "\ntasks: [mini-rte]\ntrain-limit: 640\ngrid: [{method: untrained}]\n"
            + "training: {max-tokens: 48}\n";
    return SweepFile.read(
            "x.yaml",
            Map.of(),
            location -> Optional.ofNullable(location.equals("x.yaml") ? file : null))
        .expand(LIBRARY::modelHash, LIBRARY::taskHash)
        .get(0);
  }
}
