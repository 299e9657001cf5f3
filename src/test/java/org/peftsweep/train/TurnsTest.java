package org.peftsweep.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class TurnsTest {
  /** Threads that rest, wait outside and end in any order. */
  @RepeatedTest(20)
  void oneWorksAtATimeAndAllComeToAnEnd(RepetitionInfo repetition) throws Exception {
    SplittableRandom random = new SplittableRandom(repetition.getCurrentRepetition());
    AtomicInteger atWork = new AtomicInteger();
    AtomicInteger asked = new AtomicInteger();
    AtomicInteger done = new AtomicInteger();
    AtomicInteger most = new AtomicInteger();
    Turns turns = new Turns(() -> done.addAndGet(asked.getAndSet(0)));
    int threads = 1 + random.nextInt(8);
    int rests = 0;
    List<Callable<Void>> parts = new ArrayList<>();
    for (int i = 0; i < threads; i++) {
      SplittableRandom own = random.split();
      int times = own.nextInt(40);
      List<Boolean> kinds = new ArrayList<>();
      for (int time = 0; time < times; time++) {
        kinds.add(own.nextInt(4) > 0);
      }
      rests += (int) kinds.stream().filter(rest -> rest).count();
      Turns.Seat seat = turns.seat();
      parts.add(
          () -> {
            turns.work(
                seat,
                () -> {
                  most.accumulateAndGet(atWork.incrementAndGet(), Math::max);
                  for (boolean rest : kinds) {
                    atWork.decrementAndGet();
                    if (rest) {
                      asked.incrementAndGet();
                      turns.rest(seat);
                    } else {
                      outside(turns, seat);
                    }
                    most.accumulateAndGet(atWork.incrementAndGet(), Math::max);
                  }
                  atWork.decrementAndGet();
                });
            return null;
          });
    }
    ExecutorService pool = Executors.newFixedThreadPool(threads);
    for (Future<Void> part : pool.invokeAll(parts)) {
      part.get(30, TimeUnit.SECONDS);
    }
    pool.shutdown();
    assertThat(most).hasValue(1);
    assertThat(done).hasValue(rests);
  }

  private static void outside(Turns turns, Turns.Seat seat) {
    try {
      turns.outside(
          seat,
          () -> {
            Thread.sleep(0, 200_000);
            return null;
          });
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void whoIsInterruptedBeforeItBeganLeavesTheOthersTheirTurns() throws Exception {
    Turns turns = new Turns(() -> {});
    CountDownLatch isAtWork = new CountDownLatch(1);
    CountDownLatch ends = new CountDownLatch(1);
    List<String> worked = new ArrayList<>();
    Thread first =
        new Thread(
            () ->
                work(
                    turns,
                    () -> {
                      isAtWork.countDown();
                      awaitUninterrupted(ends);
                      worked.add("first");
                    }));
    first.start();
    isAtWork.await();
    Thread second = new Thread(() -> work(turns, () -> worked.add("second")));
    second.start();
    while (second.getState() != Thread.State.WAITING) {
      Thread.sleep(2);
    }
    Thread third = new Thread(() -> work(turns, () -> worked.add("third")));
    third.start();
    second.interrupt();
    second.join();
    ends.countDown();
    first.join();
    third.join();
    assertThat(worked).containsExactly("first", "third");
  }

  private static void work(Turns turns, Runnable part) {
    try {
      turns.work(turns.seat(), part);
    } catch (InterruptedException e) {
      // It never worked.
    }
  }

  private static void awaitUninterrupted(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
