package org.peftsweep.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.peftsweep.results.RunningSweep;
import org.peftsweep.results.RunningTrial;
import org.peftsweep.results.Scores.Score;

class LiveTextTest {
  private static final Instant START = Instant.parse("2026-05-04T03:02:00Z");

  // 4 of 16 forecast seconds are done after 8 s on 2 slots.
  private static final RunningSweep SWEEP =
      new RunningSweep(12, 2, 4, 2, START, 4, 12, START.plusSeconds(8));

  private static final List<Score> SCORES =
      List.of(
          new Score("a", "cola", "cola · lora", "finished", 0.4),
          new Score("b", "cola", "cola · dora", "finished", 0.5),
          new Score("c", "mnli", "mnli · lora", "finished", 0.8123),
          new Score("d", "mnli", "mnli · full", "diverged", null));

  @Test
  void tellsEveryRunningTrialAndTheBestOfEachTask() {
    List<RunningTrial> running =
        List.of(
            new RunningTrial("e", "cola · full", 30, 150, 0.41234, 0.251, START),
            RunningTrial.starts(
                "f", "a title that is much too long for a line · seed 0 · epochs 3"));
    assertThat(new LiveText(SWEEP, running, SCORES).lines())
        .containsExactly(
            "4 of 10 trials · 2 running · 1 not finished · 0:08 · about 0:24 left",
            "  cola · full                                               step 30 of 150  loss 0.412"
                + "  score 25.10",
            "  a title that is much too long for a line · seed 0 · epo…  starts",
            "  best  50.00  cola · dora",
            "  best  81.23  mnli · lora");
  }

  @Test
  void countsRunningTrialsThatItDoesNotShow() {
    List<RunningTrial> running = new ArrayList<>();
    for (int i = 0; i < 13; i++) {
      running.add(RunningTrial.starts("r" + i, "trial " + i));
    }
    List<String> lines = new LiveText(SWEEP, running, List.of()).lines();
    assertThat(lines).hasSize(12).last().isEqualTo("  and 3 more");
    assertThat(lines.get(0)).contains("13 running");
  }

  @Test
  void forecastsByWhatTrialsTookOnceSomeHaveEnded() {
    assertThat(SWEEP.left()).isEqualTo(24);
    RunningSweep fresh = new RunningSweep(12, 2, 1, 2, START, 1, 12, START.plusSeconds(8));
    // One twelfth and a bit of the work took 8 s.
    assertThat(fresh.left()).isEqualTo(96);
    RunningSweep unknown = new RunningSweep(12, 2, 0, 2, START, 0, 12, START.plusSeconds(8));
    assertThat(unknown.left()).isEqualTo(6);
  }

  @Test
  void saysNothingOfTimeLeftAtTheEnd() {
    RunningSweep over = new RunningSweep(12, 2, 10, 2, START, 16, 0, START.plusSeconds(80));
    assertThat(new LiveText(over, List.of(), List.of()).lines())
        .containsExactly("10 of 10 trials · 1:20");
  }

  @Test
  void drawsOverWhatItDrew() {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    Screen screen = new Screen(new PrintStream(bytes, true, StandardCharsets.UTF_8));
    screen.draw(List.of("one", "two", "three"));
    bytes.reset();
    screen.draw(List.of("four"));
    String text = bytes.toString(StandardCharsets.UTF_8);
    assertThat(text).startsWith("\r\u001b[2A\u001b[J").contains("four");
    bytes.reset();
    screen.erase();
    screen.erase();
    assertThat(bytes.toString(StandardCharsets.UTF_8)).isEqualTo("\r\u001b[J");
  }
}
