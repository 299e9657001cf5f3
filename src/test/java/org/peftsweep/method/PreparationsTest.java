package org.peftsweep.method;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;

class PreparationsTest {
  private record Thing(long bytes) implements Preparations.Prepared {}

  private static final class Kept implements Preparations.Shelf {
    private final Map<Object, Object> things = new HashMap<>();

    @Override
    @SuppressWarnings("unchecked")
    public <T> T once(Object key, Supplier<T> make) {
      return (T) things.computeIfAbsent(key, missing -> make.get());
    }
  }

  private final Kept shelf = new Kept();
  private final List<String> made = new ArrayList<>();

  private Preparations of(String base, String task) {
    return new Preparations(shelf, base, task, List::of);
  }

  private Thing make(String name) {
    made.add(name);
    return new Thing(100);
  }

  @Test
  void whatDependsOnTheBaseIsMadeOnceForAllTasks() {
    of("base", "cola").ofBase("svd", () -> make("first"), kept -> null);
    of("base", "rte").ofBase("svd", () -> make("again"), kept -> null);
    of("other base", "rte").ofBase("svd", () -> make("other"), kept -> null);
    assertThat(made).containsExactly("first", "other");
  }

  @Test
  void whatDependsOnTheTaskIsMadeOnceForEach() {
    of("base", "cola").ofTask("pca", () -> make("cola"), kept -> null);
    of("base", "cola").ofTask("pca", () -> make("again"), kept -> null);
    of("base", "rte").ofTask("pca", () -> make("rte"), kept -> null);
    assertThat(made).containsExactly("cola", "rte");
  }

  @Test
  void aTrialThatFindsItMadeHasTheSameCostButDidNotWait() {
    Preparations maker = of("base", "cola");
    maker.ofBase(
        "svd",
        () -> {
          pause();
          return make("first");
        },
        kept -> null);
    Preparations finder = of("base", "cola");
    finder.ofBase("svd", () -> make("again"), kept -> null);
    assertThat(finder.seconds()).isEqualTo(maker.seconds()).isGreaterThan(0.02);
    assertThat(finder.bytes()).isEqualTo(100);
    assertThat(maker.waited()).isGreaterThan(0.02);
    assertThat(finder.waited()).isLessThan(0.02);
  }

  @Test
  void aTrialThatTakesNothingHasNoCost() {
    assertThat(of("base", "cola").seconds()).isNull();
    assertThat(of("base", "cola").bytes()).isNull();
  }

  private static void pause() {
    try {
      Thread.sleep(30);
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }
}
