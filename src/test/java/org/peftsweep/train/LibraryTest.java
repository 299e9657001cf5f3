package org.peftsweep.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

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

  private static void await(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
