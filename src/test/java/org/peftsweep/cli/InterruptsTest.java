package org.peftsweep.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.peftsweep.sweep.Stop;

class InterruptsTest {
  private final Stop stop = new Stop();
  private final AtomicInteger ends = new AtomicInteger();
  private final AtomicLong now = new AtomicLong(-5);
  private final Interrupts interrupts = new Interrupts(stop, ends::incrementAndGet, now::get);

  /** The milliseconds after the first signal at which a second one comes. */
  @ParameterizedTest
  @CsvSource({"0, 0", "1, 0", "499, 0", "501, 1", "60000, 1"})
  void theSecondSignalEndsUnlessItCameWithTheFirst(long after, int expected) {
    interrupts.hear("told to end");
    assertThat(stop.reason()).hasValue("told to end");
    now.addAndGet(after * 1_000_000);
    interrupts.hear("Ctrl-C");
    assertThat(ends).hasValue(expected);
    assertThat(stop.reason()).hasValue("told to end");
  }

  /** As where another driver has taken the sweep long before somebody presses Ctrl-C. */
  @Test
  void aStopForAnotherReasonLeavesTheFirstSignalTheLast() {
    stop.ask("another driver has taken this sweep");
    now.addAndGet(10_000_000_000L);
    interrupts.hear("Ctrl-C");
    assertThat(ends).hasValue(1);
  }
}
