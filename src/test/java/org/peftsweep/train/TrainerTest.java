package org.peftsweep.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.data.Padding;
import org.peftsweep.data.Seeds;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.model.Model;
import org.peftsweep.model.TinyModels;
import org.peftsweep.optim.AdamW;
import org.peftsweep.optim.Rates;
import org.peftsweep.optim.Schedule;
import org.peftsweep.optim.Updates;
import org.peftsweep.spec.Training;

/** The one loop takes an objective that it never saw, and goes on with it after stops. */
class TrainerTest {
  @Test
  void theLoopTrainsAnObjectiveThatItNeverSawAndGoesOnWithIt(@TempDir Path folder) {
    List<Double> whole = train(null, Integer.MAX_VALUE);
    assertThat(whole.get(whole.size() - 1)).isLessThan(whole.get(0) / 2);
    CheckpointFolder states =
        new CheckpointFolder(
            new org.apache.hadoop.fs.Path(folder.toUri().toString(), "states"),
            new Configuration());
    List<Double> parts = new ArrayList<>();
    for (int stop : new int[] {7, 12, Integer.MAX_VALUE}) {
      parts.addAll(train(states, stop));
    }
    assertThat(parts).isEqualTo(whole);
  }

  /** Trains until the end, or until so many more steps are taken, and returns their losses. */
  private static List<Double> train(CheckpointFolder states, int stopAfter) {
    return train(states, stopAfter, backend -> backend, new ArrayList<>());
  }

  /**
   * The same.
   *
   * @param wrap changes the backend
   * @param meanLosses receives those between evaluations
   */
  static List<Double> train(
      CheckpointFolder states,
      int stopAfter,
      UnaryOperator<Backend> wrap,
      List<Double> meanLosses) {
    List<Double> losses = new ArrayList<>();
    Progress progress =
        new Progress() {
          @Override
          public void step(int step, int steps, double loss) {
            losses.add(loss);
          }

          @Override
          public void evaluated(Outcome.CurvePoint point) {
            meanLosses.add(point.trainLoss());
          }
        };
    RunLimits stopping =
        new RunLimits(
            Duration.ZERO,
            null,
            states,
            Duration.ZERO,
            () -> losses.size() >= stopAfter,
            TensorSink.NOTHING);
    Objective objective = new NextToken();
    Backend backend = wrap.apply(Backends.open("cpu", 1));
    TinyText text = TinyText.of(1);
    Training training =
        new Training(
            0,
            40,
            8,
            2,
            32,
            Padding.LONGEST,
            1,
            Schedule.LINEAR,
            0.1,
            1,
            0.01,
            new AdamW(0.9, 0.999, 1e-8),
            15,
            Training.Precision.FP32);
    Model model = text.model(objective, TinyModels.ROBERTA, backend);
    model.parameters().forEach(parameter -> parameter.train(backend));
    Updates updates =
        new Updates(
            backend,
            model.trainable(),
            new Rates(5e-3, 1, 5e-3, Rates.Grouping.ROLES),
            0.01,
            training.optimizer());
    TokenisedTask data =
        new TokenisedTask(
            objective,
            text.examples(),
            List.of(),
            List.of(new TokenisedTask.Named("x", text.examples())));
    try (backend;
        text;
        Pack pack = Pack.alone(backend);
        Assembly parts =
            new Assembly(
                training,
                data,
                Assembly.batches(training, text.tokenizer().padId()),
                new Seeds(5),
                backend,
                pack.lane(0).with(model, MethodHooks.PASSIVE, objective),
                model,
                MethodHooks.PASSIVE,
                updates);
        RunWatch watch = new RunWatch(stopping)) {
      new Trainer(parts, progress, watch).run();
    } catch (StoppedException e) {
      assertThat(losses).hasSize(stopAfter);
    }
    return losses;
  }
}
