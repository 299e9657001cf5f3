package org.peftsweep.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.peftsweep.data.Augmentation;
import org.peftsweep.data.Tasks;
import org.peftsweep.spec.TaskSource;
import org.peftsweep.spec.TrainSample;

@Timeout(60)
class LibraryTest {
  private final Library library = new Library(new Configuration());

  @Test
  void whoWaitsForAnothersLoadingCanBeInterrupted() throws Exception {
    CountDownLatch begun = new CountDownLatch(1);
    CountDownLatch mayEnd = new CountDownLatch(1);
    CompletableFuture<String> loaded =
        CompletableFuture.supplyAsync(
            () ->
                library.once(
                    "key",
                    () -> {
                      begun.countDown();
                      await(mayEnd);
                      return "value";
                    }));
    begun.await();
    AtomicReference<Throwable> end = new AtomicReference<>();
    AtomicReference<Boolean> flag = new AtomicReference<>();
    Thread waiting =
        new Thread(
            () -> {
              try {
                library.once("key", () -> "mine");
              } catch (CancellationException e) {
                end.set(e);
                flag.set(Thread.currentThread().isInterrupted());
              }
            });
    waiting.start();
    while (waiting.getState() != Thread.State.WAITING) {
      Thread.sleep(5);
    }
    waiting.interrupt();
    waiting.join();
    assertThat(end.get()).isNotNull();
    assertThat(flag.get()).isTrue();
    mayEnd.countDown();
    assertThat(loaded.get()).isEqualTo("value");
    assertThat(library.<String>once("key", () -> "another")).isEqualTo("value");
  }

  @Test
  void samplesLeaveTheHeldOutRowsAndTheHashAsTheyAre() {
    TaskSource whole =
        new TaskSource(Tasks.named("mini-rte"), TaskSource.BUILT_IN, "", 200, 0.1, 0, false);
    TaskSource half = whole.withSample(new TrainSample(0.5, Augmentation.NONE, 0, 0));
    TaskSource more = whole.withSample(new TrainSample(0.5, Augmentation.DELETION, 0.1, 2));

    assertThat(library.dataset(whole).train())
        .hasSize(180)
        .containsAll(library.dataset(half).train());
    assertThat(library.dataset(half).train()).hasSize(90);
    assertThat(library.dataset(more).train())
        .hasSize(270)
        .containsAll(library.dataset(half).train());
    for (TaskSource sampled : List.of(half, more)) {
      assertThat(library.dataset(sampled).validation())
          .isEqualTo(library.dataset(whole).validation());
      assertThat(library.dataset(sampled).dev()).isEqualTo(library.dataset(whole).dev());
      assertThat(library.taskHash(sampled)).isEqualTo(library.taskHash(whole));
    }
  }

  private static void await(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
