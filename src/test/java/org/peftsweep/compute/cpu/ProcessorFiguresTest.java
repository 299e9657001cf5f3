package org.peftsweep.compute.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class ProcessorFiguresTest {
  @Test
  void areMeasuredOrSaidToBeMissing() {
    ProcessorFigures figures = ProcessorFigures.measure(1);
    assertThat(figures.fmaGigaflops()).isBetween(1.0, 10_000.0);
    assertThat(figures.gigabytes()).isBetween(0.1, 1_000.0);
    assertThat(figures.bf16Gigaflops().isPresent()).isEqualTo(figures.bf16Refusal().isEmpty());
    figures.bf16Gigaflops().ifPresent(rate -> assertThat(rate).isBetween(1.0, 100_000.0));
    assertThat(figures.blas()).containsPattern("large (oneDNN|OpenBLAS): ");
  }
}
