package org.peftsweep.bench;

import java.util.function.IntConsumer;
import java.util.stream.IntStream;

/** Threads that do the same side by side. */
final class Crew {
  private Crew() {}

  /** Lets every thread do its part, and waits for all. */
  static void run(int threads, IntConsumer part) {
    Thread[] crew =
        IntStream.range(0, threads)
            .mapToObj(i -> new Thread(() -> part.accept(i)))
            .toArray(Thread[]::new);
    for (Thread thread : crew) {
      thread.start();
    }
    for (Thread thread : crew) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        throw new IllegalStateException("Cannot measure: interrupted", e);
      }
    }
  }
}
