package org.peftsweep.compute;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.peftsweep.compute.nd4j.Nd4jBackend;

class ArenaTest {
  private static final int BIG = 1 << 18;

  private final Backend backend = new Nd4jBackend(1);
  private final Arena arena = new Arena(backend);

  @AfterEach
  void close() {
    arena.close();
    backend.close();
  }

  @Test
  void releasedMemoryIsHandedOutAgain() {
    Tensor first = arena.take(100);
    long offset = first.offset();
    first.release();
    assertThat(arena.take(100).offset()).isEqualTo(offset);
  }

  @Test
  void memoryWithAnotherHolderIsNotHandedOut() {
    Tensor first = arena.take(100);
    first.retain();
    assertThat(first.isSolelyHeld()).isFalse();
    first.release();
    assertThat(first.isSolelyHeld()).isTrue();
    assertThat(arena.take(100).offset()).isNotEqualTo(first.offset());
  }

  @Test
  void neighboursJoinWhicheverIsReleasedFirst() {
    int third = BIG / 4;
    for (int[] order : new int[][] {{0, 1, 2}, {2, 1, 0}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}}) {
      List<Tensor> parts = List.of(arena.take(third), arena.take(third), arena.take(third));
      for (int i : order) {
        parts.get(i).release();
      }
      Tensor whole = arena.take(4 * third);
      assertThat(arena.bytes()).isEqualTo(4L * BIG);
      whole.release();
    }
  }

  @Test
  void tensorsStartOnCacheLinesAndNeverOverlap() {
    Random random = new Random(3);
    List<Tensor> live = new ArrayList<>();
    for (int i = 0; i < 3000; i++) {
      if (random.nextInt(5) < 3 || live.isEmpty()) {
        Tensor taken = arena.take(1 + random.nextInt(3), 1 + random.nextInt(9000));
        assertThat(taken.offset() % 16).isZero();
        for (Tensor other : live) {
          boolean apart =
              other.memory() != taken.memory()
                  || other.offset() + other.size() <= taken.offset()
                  || taken.offset() + taken.size() <= other.offset();
          assertThat(apart).isTrue();
        }
        live.add(taken);
      } else {
        live.remove(random.nextInt(live.size())).release();
      }
    }
  }

  @Test
  void stepsAfterTheFirstDoNotGrow() {
    List<Long> bytes = new ArrayList<>();
    for (int step = 0; step < 5; step++) {
      arena.reset();
      for (int i = 1; i < 8; i++) {
        Tensor scratch = arena.take(i * BIG / 3);
        arena.take(i * BIG / 2);
        scratch.release();
      }
      bytes.add(arena.bytes());
    }
    assertThat(bytes.subList(1, 5)).containsOnly(bytes.get(1));
    assertThat(bytes.get(1)).isLessThanOrEqualTo(arena.peakBytes() * 3 / 2);
  }

  @Test
  void aFinelyCutArenaSettlesToo() {
    List<Long> bytes = new ArrayList<>();
    for (int step = 0; step < 6; step++) {
      arena.reset();
      // Every second block goes; the holes are each too small for what is asked next.
      List<Tensor> small = new ArrayList<>();
      for (int i = 0; i < 64; i++) {
        small.add(arena.take(BIG / 16));
      }
      for (int i = 0; i < 64; i += 2) {
        small.get(i).release();
      }
      for (int i = 0; i < 15; i++) {
        arena.take(BIG / 8);
      }
      bytes.add(arena.bytes());
    }
    assertThat(bytes.subList(3, 6)).containsOnly(bytes.get(3));
  }

  @Test
  void tensorsOfAnEarlierStepCannotBeUsed() {
    Tensor old = arena.take(2, 3);
    arena.reset();
    assertThatIllegalStateException()
        .isThrownBy(() -> backend.fill(old, 1))
        .withMessage("Cannot use [2, 3]: its memory was given back to the arena");
    Tensor taken = arena.take(2, 3);
    old.release();
    assertThat(taken.isSolelyHeld()).isTrue();
  }

  @Test
  void aTensorCannotBeReleasedTwice() {
    Tensor tensor = arena.take(4);
    tensor.release();
    assertThatIllegalStateException().isThrownBy(tensor::release);
    assertThatIllegalStateException().isThrownBy(() -> backend.fill(tensor, 1));
  }
}
