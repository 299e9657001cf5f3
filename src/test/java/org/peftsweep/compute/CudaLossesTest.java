package org.peftsweep.compute;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.peftsweep.compute.cuda.EmulatedBackends;

/** Losses and sums of few rows on the {@code cuda} backend, which take one launch. */
class CudaLossesTest extends BackendFixture {
  private static final int FEW = 256;
  private static final int CLASSES = 5;

  @Override
  protected Backend open() {
    return EmulatedBackends.open(13);
  }

  /** A row more, which does not count, is one too many for one block. */
  @Test
  void ofFewRowsAreThoseOfMany() {
    Tensor logits = normal(FEW + 1, CLASSES);
    int[] labels = new int[FEW + 1];
    Arrays.setAll(labels, i -> i % 7 == 0 || i == FEW ? -1 : i * 3 % CLASSES);
    Tensor all = output(FEW + 1, CLASSES);
    double many = HostKernels.crossEntropy(backend, logits, labels, all);
    Tensor some = output(FEW, CLASSES);
    Tensor first = logits.slice(0, FEW);
    double few = HostKernels.crossEntropy(backend, first, Arrays.copyOf(labels, FEW), some);
    assertThat(few).isEqualTo(many).isPositive();
    assertThat(floats(some)).containsExactly(Arrays.copyOf(floats(all), FEW * CLASSES));
    // The gradient in place of the logits.
    assertThat(HostKernels.crossEntropy(backend, first, Arrays.copyOf(labels, FEW), first))
        .isEqualTo(few);
    assertThat(floats(first)).containsExactly(floats(some));
  }

  @Test
  void ofNoRowThatCountsAreZero() {
    Tensor logits = normal(9, CLASSES);
    int[] labels = new int[9];
    Arrays.fill(labels, -1);
    assertThat(HostKernels.crossEntropy(backend, logits, labels, logits)).isZero();
    assertThat(floats(logits)).containsOnly(0f);
  }
}
