package org.peftsweep.method.adapter;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;

class InitCacheTest {
  private record Thing(long bytes) implements InitCache.Prepared {}

  private static final class Kept implements InitCache.Store {
    private final Map<Object, Object> things = new HashMap<>();

    @Override
    @SuppressWarnings("unchecked")
    public <T> T once(Object key, Supplier<T> make) {
      return (T) things.computeIfAbsent(key, missing -> make.get());
    }
  }

  private final Kept store = new Kept();
  private final List<String> made = new ArrayList<>();

  private InitCache of(String base, String task) {
    return new InitCache(store, base, task, List::of, InitCache.Loss.OF_CLASSES);
  }

  private Thing make(String name) {
    made.add(name);
    return new Thing(100);
  }

  private static Thing blank() {
    return new Thing(1);
  }

  @Test
  void nothingIsMadeWhereOnlyShapesMatter() {
    Thing thing =
        InitCache.blank().ofBase("svd", () -> make("first"), kept -> null, InitCacheTest::blank);
    assertThat(thing).isEqualTo(blank());
    assertThat(made).isEmpty();
    assertThat(InitCache.blank().seconds()).isNull();
  }

  private void rehearse() {
    made.add("rehearsed");
  }

  @Test
  void aRehearsalTakesTheMemoryAndMakesNothing() {
    InitCache rehearsal = InitCache.rehearsal(List::of, InitCache.Loss.OF_CLASSES);
    Thing thing =
        rehearsal.ofTask(
            "pca", () -> make("cola"), kept -> null, InitCacheTest::blank, this::rehearse);
    assertThat(thing).isEqualTo(blank());
    assertThat(made).containsExactly("rehearsed");
    InitCache.blank()
        .ofTask("pca", () -> make("cola"), kept -> null, InitCacheTest::blank, this::rehearse);
    assertThat(made).containsExactly("rehearsed");
  }

  @Test
  void whatDependsOnTheBaseIsMadeOnceForAllTasks() {
    of("base", "cola").ofBase("svd", () -> make("first"), kept -> null, InitCacheTest::blank);
    of("base", "rte").ofBase("svd", () -> make("again"), kept -> null, InitCacheTest::blank);
    of("other base", "rte").ofBase("svd", () -> make("other"), kept -> null, InitCacheTest::blank);
    assertThat(made).containsExactly("first", "other");
  }

  @Test
  void whatDependsOnTheTaskIsMadeOnceForEach() {
    of("base", "cola")
        .ofTask("pca", () -> make("cola"), kept -> null, InitCacheTest::blank, this::rehearse);
    of("base", "cola")
        .ofTask("pca", () -> make("again"), kept -> null, InitCacheTest::blank, this::rehearse);
    of("base", "rte")
        .ofTask("pca", () -> make("rte"), kept -> null, InitCacheTest::blank, this::rehearse);
    assertThat(made).containsExactly("cola", "rte");
  }

  @Test
  void aTrialThatFindsItMadeHasTheSameCostButDidNotWait() {
    InitCache maker = of("base", "cola");
    maker.ofBase(
        "svd",
        () -> {
          pause();
          return make("first");
        },
        kept -> null,
        InitCacheTest::blank);
    InitCache finder = of("base", "cola");
    finder.ofBase("svd", () -> make("again"), kept -> null, InitCacheTest::blank);
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
