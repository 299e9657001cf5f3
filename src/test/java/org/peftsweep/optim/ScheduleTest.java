package org.peftsweep.optim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.peftsweep.GoldenCase;
import org.peftsweep.GoldenCoverage;
import org.peftsweep.TestFolders;

class ScheduleTest {
  private static final Map<String, Schedule> NAMES =
      Map.of(
          "linear", Schedule.LINEAR,
          "cosine", Schedule.COSINE,
          "constant", Schedule.CONSTANT,
          "constant_with_warmup", Schedule.CONSTANT);

  @Test
  @Tag("golden")
  void followsTheReferenceStepByStep() {
    JsonNode golden =
        GoldenCase.json(TestFolders.golden().resolve("schedules").resolve("schedules.json"));
    Set<String> names = new TreeSet<>();
    for (JsonNode entry : golden.path("cases")) {
      String name = entry.path("name").asText();
      names.add(name);
      if (NAMES.containsKey(name)) {
        check(NAMES.get(name), entry);
      }
    }
    GoldenCoverage.require("schedules", names, NAMES.keySet());
  }

  private static void check(Schedule schedule, JsonNode entry) {
    JsonNode config = entry.path("config");
    int warmup = config.path("num_warmup_steps").asInt();
    int steps = entry.path("steps").asInt();
    int total = config.path("num_training_steps").asInt(steps);
    // The reference's cosine rises again behind the end; no trial goes there.
    for (int step = 0; step < Math.min(steps, total); step++) {
      double wanted = entry.path("lr").get(step).asDouble();
      double rate = entry.path("base_lr").asDouble() * schedule.factor(step, total, warmup);
      assertThat(rate)
          .as("%s step %d", entry, step)
          .isCloseTo(wanted, within(1e-9 * Math.abs(wanted) + 1e-18));
    }
  }

  @Test
  @Tag("golden")
  void roundsWarmupStepsUpAsTheReferenceDoes() {
    JsonNode golden =
        GoldenCase.json(TestFolders.golden().resolve("schedules").resolve("schedules.json"));
    for (JsonNode entry : golden.path("warmup_from_ratio")) {
      assertThat(Schedule.warmupSteps(entry.path("total").asInt(), entry.path("ratio").asDouble()))
          .isEqualTo(entry.path("warmup_steps").asInt());
    }
  }

  @Test
  void startsAtZeroOnlyWithWarmup() {
    assertThat(Schedule.LINEAR.factor(0, 10, 2)).isZero();
    assertThat(Schedule.LINEAR.factor(1, 10, 2)).isEqualTo(0.5);
    assertThat(Schedule.LINEAR.factor(0, 10, 0)).isEqualTo(1);
    assertThat(Schedule.LINEAR.factor(9, 10, 0)).isCloseTo(0.1, within(1e-12));
  }
}
