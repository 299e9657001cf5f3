package org.peftsweep.compute;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.Arrays;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.peftsweep.compute.cpu.CpuBackend;

/** The cpu backend where oneDNN multiplies by shared weights. */
class CpuOneDnnTest {
  private static Backend oneDnn(int threads) {
    return new CpuBackend(threads, BlasLibrary.ONEDNN);
  }

  @Nested
  class Kernels extends KernelContract {
    @Override
    protected Backend open() {
      return oneDnn(2);
    }
  }

  @Nested
  class Shared extends BackendFixture {
    @Override
    protected Backend open() {
      return oneDnn(2);
    }

    private Tensor shared(Tensor x) {
      Memory memory = backend.allocateShared(x.size() + 7);
      Tensor shared = new Tensor(memory, 7, x.shape());
      backend.copy(x, shared);
      return shared;
    }

    @ParameterizedTest
    @CsvSource({"1,32,32", "33,65,64", "300,96,128", "520,768,96"})
    void weightsMultiplyAsOthersDo(int rows, int out, int in) {
      Tensor x = normal(rows, in);
      Tensor w = normal(out, in);
      Tensor bias = normal(out);
      Tensor kept = shared(w);
      double accuracy = 2e-5 * Math.sqrt(in);
      Tensor expected = output(rows, out);
      backend.linear(x, w, bias, expected);
      Tensor y = output(rows, out);
      backend.linear(x, kept, bias, y);
      assertClose("linear", y, host(expected), accuracy);
      Tensor lanes = output(rows, out);
      backend.linear(
          x, kept, new Tensor[] {bias, bias}, Lanes.of(rows / 2, rows - rows / 2), lanes);
      assertThat(floats(lanes)).containsExactly(floats(y));
      Tensor dy = normal(rows, out);
      Tensor dx = normal(rows, in);
      Tensor wanted = copyOf(dx);
      backend.gemm(false, false, 0.5f, dy, w, 1, wanted);
      backend.gemm(false, false, 0.5f, dy, kept, 1, dx);
      assertClose("gradient", dx, host(wanted), accuracy);
      backend.free(kept.memory());
    }

    @ParameterizedTest
    @CsvSource({"128,128", "512,128", "384,384"})
    void aRowIsTheSameAmongAnyOthersWhereSaidSo(int out, int in) {
      assumeTrue(backend.sumsRowsAlike(80, out, in), "this processor adds up rows otherwise");
      Tensor x = normal(700, in);
      Tensor w = shared(normal(out, in));
      Tensor all = output(700, out);
      backend.linear(x, w, null, all);
      float[] expected = floats(all);
      for (int i = 0; i < 8; i++) {
        int count = 80 + random.nextInt(300);
        int from = random.nextInt(700 - count + 1);
        Tensor some = output(count, out);
        backend.linear(x.slice(from, count), w, null, some);
        assertThat(floats(some))
            .containsExactly(Arrays.copyOfRange(expected, from * out, (from + count) * out));
      }
      backend.free(w.memory());
    }
  }

  @Test
  void theChoiceIsTheSameInEveryBackendOfAMachine() {
    try (Backend one = Backends.open("cpu", 1);
        Backend two = Backends.open("cpu", 1)) {
      assertThat(one.device()).isEqualTo(two.device());
      assertThat(one.reordersWeights(ElementType.F32))
          .isEqualTo(two.reordersWeights(ElementType.F32));
    }
    try (Backend plain = Backends.open("cpu", 1, BlasLibrary.OPENBLAS);
        Backend asked = oneDnn(1)) {
      assertThat(plain.reordersWeights(ElementType.F32)).isFalse();
      assertThat(asked.reordersWeights(ElementType.F32)).isTrue();
      assertThat(plain.device()).doesNotContain("oneDNN");
      assertThat(asked.device()).endsWith(", oneDNN");
    }
  }
}
