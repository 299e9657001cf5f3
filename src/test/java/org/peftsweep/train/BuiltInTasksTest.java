package org.peftsweep.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.EnumSet;
import java.util.Set;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.data.Padding;
import org.peftsweep.data.Tasks;
import org.peftsweep.method.HeadOnly;
import org.peftsweep.method.LoRA;
import org.peftsweep.method.Method;
import org.peftsweep.model.Role;
import org.peftsweep.optim.AdamW;
import org.peftsweep.optim.Rates;
import org.peftsweep.optim.Schedule;
import org.peftsweep.spec.ModelSource;
import org.peftsweep.spec.TaskSource;
import org.peftsweep.spec.Training;
import org.peftsweep.spec.Trial;

/**
 * The built-in tasks are worth comparing methods on: they need the pretrained base, and they need
 * more of it than a head can take.
 */
class BuiltInTasksTest {
  private static final String MINI = "builtin:mini";
  private static final Set<Role> QV = EnumSet.of(Role.QUERY, Role.VALUE);
  private static final Library LIBRARY = new Library(new Configuration());

  @ParameterizedTest(name = "{0}")
  @CsvSource({
    "mini-cola, 200, 2e-3, 4, 0.3, 0.3",
    "mini-stsb, 200, 2e-3, 1, 0.2, 0.3",
    "mini-mnli, 200, 2e-3, 4, 0.15, 0.3",
    "mini-rte, 200, 2e-3, 4, 0.15, 0.3"
  })
  void loraOnThePretrainedBaseLeadsHeadAndRandomBase(
      String task, int steps, double rate, double ratio, double overHead, double overRandom) {
    double lora = score(task, new LoRA(8, 8, 0), false, steps, rate, ratio);
    double head = score(task, new HeadOnly(), false, steps, rate, ratio);
    double random = score(task, new LoRA(8, 8, 0), true, steps, rate, ratio);
    String scores =
        "%s: LoRA %.3f, head %.3f, random base %.3f".formatted(task, lora, head, random);
    assertThat(lora - head).as(scores).isGreaterThan(overHead);
    assertThat(lora - random).as(scores).isGreaterThan(overRandom);
  }

  @Tag("long")
  @ParameterizedTest(name = "{0}")
  @CsvSource({
    "mini-sst2, 300, 8e-3, 1, 0.08, 0.08",
    "mini-mrpc, 200, 2e-3, 4, 0.04, 0.1",
    "mini-qqp, 200, 2e-3, 4, 0.08, 0.15",
    "mini-qnli, 200, 2e-3, 4, 0.08, 0.15",
  })
  void soItDoesOnTheOtherTasks(
      String task, int steps, double rate, double ratio, double overHead, double overRandom) {
    loraOnThePretrainedBaseLeadsHeadAndRandomBase(task, steps, rate, ratio, overHead, overRandom);
  }

  private static double score(
      String task, Method method, boolean randomInit, int steps, double rate, double ratio) {
    TaskSource source =
        new TaskSource(Tasks.named(task), TaskSource.BUILT_IN, "", 0, 0.1, 0, false);
    Trial trial =
        new Trial(
            new ModelSource(MINI, LIBRARY.modelHash(MINI), randomInit),
            source.withContentHash(LIBRARY.taskHash(source)),
            method,
            method.usesTargets() ? QV : EnumSet.noneOf(Role.class),
            new Rates(rate, ratio, 2e-3, Rates.Grouping.ROLES),
            training(steps),
            0);
    try (Backend backend = Backends.open("cpu", 1)) {
      return new TrialRun(LIBRARY, backend).run(trial, Progress.SILENT).last().devScore();
    }
  }

  private static Training training(int steps) {
    return new Training(
        0,
        steps,
        32,
        1,
        48,
        Padding.LONGEST,
        8,
        Schedule.LINEAR,
        0,
        1,
        0,
        new AdamW(0.9, 0.99, 1e-8),
        steps,
        Training.Precision.FP32);
  }
}
