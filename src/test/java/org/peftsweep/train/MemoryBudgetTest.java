package org.peftsweep.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Timeout(300)
class MemoryBudgetTest {
  private static final long MB = 1 << 20;

  @Test
  void refusesWhatCanNeverFitWithTheFigures() {
    MemoryBudget budget = new MemoryBudget(100 * MB);
    assertThatThrownBy(() -> budget.admit(needs(80, 30), "base", alone()))
        .isInstanceOf(MemoryBudget.TooLargeException.class)
        .hasMessageContaining(Long.toString(100 * MB))
        .hasMessageContaining(Long.toString(80 * MB))
        .hasMessageContaining(Long.toString(30 * MB));
    // Nothing of it is held, neither its own nor its base.
    assertThat(budget.freeBytes()).isGreaterThanOrEqualTo(100 * MB);
  }

  @Test
  void countsABaseOnceAndKeepsIt() throws Exception {
    MemoryBudget budget = new MemoryBudget(100 * MB);
    budget.admit(needs(50, 30), "base", alone()).close();
    assertThat(budget.freeBytes()).isBetween(69 * MB, 70 * MB);
    budget.admit(needs(69, 30), "base", alone()).close();
    assertThatThrownBy(() -> budget.admit(needs(50, 30), "another base", alone()))
        .isInstanceOf(MemoryBudget.TooLargeException.class);
  }

  @Test
  void neverMoreAtOnceThanThereIs() throws Exception {
    MemoryBudget budget = new MemoryBudget(100 * MB);
    AtomicLong held = new AtomicLong();
    AtomicLong most = new AtomicLong();
    ExecutorService trials = Executors.newFixedThreadPool(8);
    List<Future<?>> ends = new ArrayList<>();
    for (int i = 0; i < 40; i++) {
      int size = 5 + 11 * (i % 6);
      ends.add(
          trials.submit(
              () -> {
                try (MemoryBudget.Share share = budget.admit(needs(size, 10), "base", alone())) {
                  most.accumulateAndGet(held.addAndGet(size), Math::max);
                  Thread.sleep(2);
                  held.addAndGet(-size);
                }
                return null;
              }));
    }
    for (Future<?> end : ends) {
      end.get(200, TimeUnit.SECONDS);
    }
    trials.shutdown();
    assertThat(most.get()).isBetween(60L, 90L);
    assertThat(budget.freeBytes()).isBetween(89 * MB, 90 * MB);
  }

  @Test
  void servesInTheOrderOfAsking() throws Exception {
    MemoryBudget budget = new MemoryBudget(100 * MB);
    MemoryBudget.Share first = budget.admit(needs(60, 0), "base", alone());
    List<String> order = Collections.synchronizedList(new ArrayList<>());
    Thread large = asking(budget, 90, "large", order);
    Thread small = asking(budget, 30, "small", order);
    // There would be room for the small one, but it came later.
    assertThat(order).isEmpty();
    first.close();
    large.join();
    small.join();
    assertThat(order).containsExactly("large", "small");
  }

  @Test
  void whoWaitsCanBeInterrupted() throws Exception {
    MemoryBudget budget = new MemoryBudget(100 * MB);
    MemoryBudget.Share first = budget.admit(needs(60, 0), "base", alone());
    Thread waiting = asking(budget, 90, "large", new ArrayList<>());
    waiting.interrupt();
    waiting.join();
    first.close();
    budget.admit(needs(99, 0), "base", alone()).close();
  }

  @Test
  void whoIsInterruptedLeavesNothingHeldOfItsBaseEither() throws Exception {
    MemoryBudget budget = new MemoryBudget(100 * MB);
    MemoryBudget.Share first = budget.admit(needs(60, 0), "one", alone());
    List<String> ends = Collections.synchronizedList(new ArrayList<>());
    Thread waiting = asking(budget, 10, 80, "another", ends);
    waiting.interrupt();
    waiting.join();
    assertThat(ends).containsExactly("interrupted");
    assertThat(budget.freeBytes()).isEqualTo(40 * MB);
    first.close();
    // The base that nobody got has to be counted for the next.
    MemoryBudget.Share next = budget.admit(needs(10, 80), "another", alone());
    assertThat(budget.freeBytes()).isEqualTo(10 * MB);
    next.close();
    assertThat(budget.freeBytes()).isEqualTo(20 * MB);
  }

  @Test
  void whoWaitsForMoreThanIsLeftBesideANewBaseIsRefused() throws Exception {
    MemoryBudget budget = new MemoryBudget(100 * MB);
    MemoryBudget.Share first = budget.admit(needs(50, 0), "one", alone());
    List<String> ends = Collections.synchronizedList(new ArrayList<>());
    Thread large = asking(budget, 20, 60, "another", ends);
    Thread last = asking(budget, 60, 0, "one", ends);
    first.close();
    large.join();
    last.join();
    assertThat(ends).containsExactlyInAnyOrder("another", "refused");
  }

  private static Thread asking(MemoryBudget budget, int size, String name, List<String> order)
      throws InterruptedException {
    return asking(budget, size, 0, name, order);
  }

  private static Thread asking(
      MemoryBudget budget, int size, int shared, String name, List<String> order)
      throws InterruptedException {
    Thread thread =
        new Thread(
            () -> {
              try (MemoryBudget.Share share =
                  budget.admit(needs(size, shared), shared > 0 ? name : "base", alone())) {
                order.add(name);
              } catch (InterruptedException e) {
                order.add("interrupted");
              } catch (MemoryBudget.TooLargeException e) {
                order.add("refused");
              }
            });
    thread.start();
    while (thread.getState() != Thread.State.WAITING) {
      Thread.sleep(5);
    }
    return thread;
  }

  /** Lanes of 6 MB of their own and 10 MB of passes of 100 rows. */
  @ParameterizedTest
  @CsvSource({"100, 3, 28", "250, 1, 16", "250, 2, 32", "250, 3, 43", "1, 3, 28"})
  void lanesOfAPackHoldTheirPassesTogether(int passRows, int lanes, int held) throws Exception {
    MemoryBudget budget = new MemoryBudget(100 * MB);
    MemoryBudget.Passes passes = new MemoryBudget.Passes(passRows, passRows);
    List<MemoryBudget.Share> shares = new ArrayList<>();
    for (int i = 0; i < lanes; i++) {
      shares.add(budget.admitNow(lane(6, 10), "base", passes).orElseThrow());
    }
    assertThat(budget.freeBytes()).isEqualTo((100 - held) * MB);
    shares.remove(0).close();
    // What is allocated for passes stays as long as anybody takes part.
    assertThat(budget.freeBytes()).isEqualTo((100 - (lanes == 1 ? 0 : held - 6)) * MB);
    for (MemoryBudget.Share share : shares) {
      share.close();
    }
    assertThat(budget.freeBytes()).isEqualTo(100 * MB);
  }

  /**
   * Lanes of 1 MB of their own and 10 MB of passes of 100 rows, which may be 800 and at least 200:
   * where fewer lanes have room, passes get smaller before lanes wait, and larger again in the end.
   */
  @ParameterizedTest
  @CsvSource({
    "100, 8, 88, 800",
    "60, 8, 58, 400",
    "47, 7, 47, 400",
    "28, 8, 28, 200",
    "27, 7, 27, 200",
    "21, 1, 11, 800"
  })
  void passesHaveAsManyRowsAsThereIsMemoryFor(int megabytes, int admitted, int held, int rows) {
    MemoryBudget budget = new MemoryBudget(megabytes * MB);
    MemoryBudget.Passes passes = new MemoryBudget.Passes(200, 800);
    List<MemoryBudget.Share> shares = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      budget.admitNow(lane(1, 10), "base", passes).ifPresent(shares::add);
    }
    assertThat(shares).hasSize(admitted);
    assertThat(megabytes - budget.freeBytes() / MB).isEqualTo(held);
    assertThat(passes.rows()).isEqualTo(rows);
    shares.forEach(MemoryBudget.Share::close);
    assertThat(budget.freeBytes()).isEqualTo(megabytes * MB);
    assertThat(passes.rows()).isEqualTo(800);
  }

  /** Lanes that wait for memory hold none, so that those of all packs come to an end. */
  @RepeatedTest(20)
  void packsOfAnyLanesAllEndWithinTheBudget(RepetitionInfo repetition) throws Exception {
    SplittableRandom random = new SplittableRandom(repetition.getCurrentRepetition());
    MemoryBudget budget = new MemoryBudget((60 + random.nextInt(40)) * MB);
    long all = budget.freeBytes();
    AtomicLong least = new AtomicLong(all);
    ExecutorService lanes = Executors.newCachedThreadPool();
    List<Future<?>> ends = new ArrayList<>();
    for (int pack = 0; pack < 3; pack++) {
      MemoryBudget.Passes passes =
          new MemoryBudget.Passes(50 + random.nextInt(400), 50 + random.nextInt(800));
      for (int lane = 0; lane < 6; lane++) {
        Footprint needs = lane(1 + random.nextInt(20), 1 + random.nextInt(39));
        ends.add(
            lanes.submit(
                () -> {
                  try (MemoryBudget.Share share = budget.admit(needs, "base", passes)) {
                    least.accumulateAndGet(budget.freeBytes(), Math::min);
                    Thread.sleep(2);
                  }
                  return null;
                }));
      }
    }
    for (Future<?> end : ends) {
      end.get(60, TimeUnit.SECONDS);
    }
    lanes.shutdown();
    assertThat(least.get()).isBetween(0L, all - 1);
    assertThat(budget.freeBytes()).isEqualTo(all);
  }

  @Test
  void nobodyPassesThoseWhoWait() throws Exception {
    MemoryBudget budget = new MemoryBudget(100 * MB);
    MemoryBudget.Share first = budget.admit(needs(60, 0), "base", alone());
    Thread waiting = asking(budget, 90, "large", new ArrayList<>());
    assertThat(budget.admitNow(needs(10, 0), "base", alone())).isEmpty();
    first.close();
    waiting.join();
    assertThat(budget.admitNow(needs(10, 0), "base", alone())).isPresent();
  }

  /** The search of a trial comes before its passes, but beside those of other lanes. */
  @Test
  void aStartHasItsRoomAloneAndInAPack() {
    MemoryBudget budget = new MemoryBudget(100 * MB);
    MemoryBudget.Passes passes = new MemoryBudget.Passes(100, 100);
    Footprint searching = new Footprint(0, 10 * MB, 20 * MB, 100, 50 * MB, 0, 0);
    assertThat(searching.heldBytes()).isEqualTo(50 * MB);
    assertThat(searching.or(lane(1, 2)).startBytes()).isEqualTo(50 * MB);
    MemoryBudget.Share first = budget.admitNow(searching, "base", passes).orElseThrow();
    assertThat(budget.freeBytes()).isEqualTo(50 * MB);
    MemoryBudget.Share second = budget.admitNow(searching, "base", passes).orElseThrow();
    assertThat(budget.freeBytes()).isZero();
    assertThat(budget.admitNow(lane(1, 20), "base", passes)).isEmpty();
    first.close();
    assertThat(budget.freeBytes()).isEqualTo(30 * MB);
    second.close();
    assertThat(budget.freeBytes()).isEqualTo(100 * MB);
  }

  private static Footprint lane(long own, long pass) {
    return new Footprint(0, own * MB, pass * MB, 100, 0, 0, 0);
  }

  private static MemoryBudget.Passes alone() {
    return new MemoryBudget.Passes(1, 1);
  }

  private static Footprint needs(long own, long shared) {
    return new Footprint(own * MB, own * MB, 0, 0, 0, shared * MB, 0);
  }
}
