package org.peftsweep.compute.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.peftsweep.compute.AttentionShape;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.ElementType;
import org.peftsweep.compute.Memory;
import org.peftsweep.compute.Products;
import org.peftsweep.compute.Tensor;

/** Factors that the kernels that compute them round too: as if products did, by fewer launches. */
class RoundedFactorsTest {
  private static final int ROWS = 24;
  private static final int WIDTH = 64;
  private static final int HEADS = 2;

  private final EmulatedDevice device = new EmulatedDevice(3);
  private final Backend backend = EmulatedBackends.on(device);
  private final Products products = backend.products(ElementType.BF16);
  private final Random random = new Random(8);
  private final Tensor w = half(WIDTH, WIDTH);
  private final Tensor x = normal(ROWS, WIDTH);
  private final Tensor y = normal(ROWS, WIDTH);
  private final Tensor z = normal(ROWS, WIDTH);
  private final Tensor gamma = normal(1, WIDTH);
  private final Tensor mean = normal(1, ROWS);
  private final Tensor rstd = normal(1, ROWS);

  @BeforeEach
  void warmUp() {
    norm();
    product(y);
  }

  @AfterEach
  void close() {
    backend.close();
  }

  private Tensor normal(int... shape) {
    Tensor tensor = new Tensor(backend.allocate((long) shape[0] * shape[1]), 0, shape);
    draw(tensor);
    return tensor;
  }

  private void draw(Tensor tensor) {
    float[] values = new float[(int) tensor.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    backend.write(values, 0, tensor, 0, values.length);
  }

  private Tensor half(int... shape) {
    Memory memory = backend.allocate(ElementType.BF16.floats((long) shape[0] * shape[1]));
    Tensor half = new Tensor(ElementType.BF16, memory, 0, shape);
    backend.copy(normal(shape), half);
    return half;
  }

  private float[] floats(Tensor tensor) {
    float[] values = new float[(int) tensor.size()];
    backend.read(tensor, 0, values, 0, values.length);
    return values;
  }

  private void norm() {
    backend.layerNorm(x, null, gamma, gamma, 1e-5f, y, mean, rstd);
  }

  private void product(Tensor factor) {
    products.linear(factor, w, null, z);
  }

  /** Returns how many kernels run, cuBLASLt's products aside. */
  private long launches(Runnable work) {
    long before = device.launches();
    work.run();
    return device.launches() - before;
  }

  /** Holds what lies in z to the product with a factor as it is now, which is rounded anew. */
  private void assertIsProductOf(Tensor factor) {
    float[] found = floats(z);
    Tensor copy = normal(factor.rows(), WIDTH);
    float[] values = floats(factor);
    backend.write(values, 0, copy, 0, values.length);
    assertThat(launches(() -> product(copy))).isOne();
    assertThat(floats(z)).containsExactly(found);
  }

  @Test
  void whatANormWritesIsNotRoundedAnew() {
    draw(x);
    long kernels =
        launches(
            () -> {
              norm();
              product(y);
              product(y);
            });
    assertThat(kernels).isOne();
    assertIsProductOf(y);
  }

  @Test
  void norIsWhatItsWayBackWrites() {
    Tensor dx = normal(ROWS, WIDTH);
    Runnable back =
        () -> {
          backend.layerNormBackward(x, gamma, mean, rstd, y, dx, null, null);
          product(dx);
        };
    assertThat(launches(back)).isOne();
    assertIsProductOf(dx);
    Runnable backOfRms =
        () -> {
          backend.rmsNorm(x, gamma, 1e-5f, y, rstd);
          product(y);
          backend.rmsNormBackward(x, gamma, rstd, z, dx, null);
          product(dx);
        };
    assertThat(launches(backOfRms)).isEqualTo(2);
    assertIsProductOf(dx);
  }

  /** Of two lanes, whose rows are one factor; rooms are large enough the second time. */
  @Test
  void norIsWhatAttentionOfLanesWrites() {
    AttentionShape shape = new AttentionShape(2, ROWS / 4, HEADS, HEADS, WIDTH / HEADS, false, 0);
    Tensor mask = new Tensor(ElementType.I32, backend.allocate(ROWS / 2), 0, 2, ROWS / 4);
    int[] all = new int[ROWS / 2];
    Arrays.fill(all, 1);
    backend.write(all, mask);
    Tensor logSum = normal(2 * HEADS, ROWS / 4);
    Tensor dq = normal(ROWS, WIDTH);
    // One behind the other, as an arena may have them.
    Tensor both = normal(2 * ROWS, WIDTH);
    Tensor dk = both.slice(0, ROWS);
    Tensor dv = both.slice(ROWS, ROWS);
    Runnable lanes =
        () -> {
          for (int from : new int[] {0, ROWS / 2}) {
            backend.attention(
                shape,
                part(x, from),
                part(x, from),
                part(x, from),
                mask,
                null,
                part(y, from),
                logSum);
          }
          product(y);
          for (int from : new int[] {0, ROWS / 2}) {
            backend.attentionBackward(
                shape,
                part(x, from),
                part(x, from),
                part(x, from),
                mask,
                null,
                part(y, from),
                logSum,
                part(x, from),
                part(dq, from),
                part(dk, from),
                part(dv, from));
          }
          product(dv);
          product(dk);
          product(dq);
        };
    lanes.run();
    // Attention, and for each lane three kernels back.
    assertThat(launches(lanes)).isEqualTo(2 + 6);
    assertIsProductOf(dq);
    Runnable graph = backend.plan(lanes);
    draw(x);
    graph.run();
    assertIsProductOf(dq);
  }

  private static Tensor part(Tensor whole, int from) {
    return whole.slice(from, ROWS / 2);
  }

  /** Three that lie one behind the other by chance, of which others change. */
  @Test
  void whatLiesBesideWhatIsWrittenSinceStays() {
    Tensor all = normal(3 * ROWS, WIDTH);
    Tensor[] parts = new Tensor[3];
    Arrays.setAll(parts, i -> all.slice(i * ROWS, ROWS));
    Runnable norms =
        () -> {
          for (Tensor part : parts) {
            backend.layerNorm(x, null, gamma, gamma, 1e-5f, part, mean, rstd);
          }
        };
    norms.run();
    norms.run();
    backend.scale(2, parts[0], parts[0]);
    assertThat(launches(() -> product(parts[2]))).isZero();
    assertIsProductOf(parts[2]);
    norms.run();
    backend.scale(2, parts[2], parts[2]);
    assertThat(launches(() -> product(parts[1]))).isZero();
    assertIsProductOf(parts[1]);
    norms.run();
    // Neither the middle nor what is cut off with it.
    backend.scale(2, parts[1], parts[1]);
    assertThat(launches(() -> product(parts[0]))).isZero();
    assertIsProductOf(parts[0]);
    product(parts[1]);
    assertIsProductOf(parts[1]);
    norms.run();
    backend.scale(2, parts[0].slice(3, 4), parts[0].slice(3, 4));
    product(parts[0]);
    assertIsProductOf(parts[0]);
  }

  @Test
  void whatIsWrittenSinceIsRoundedAnew() {
    norm();
    backend.scale(2, y, y);
    product(y);
    assertIsProductOf(y);
    norm();
    draw(y);
    product(y);
    assertIsProductOf(y);
    norm();
    products.linear(x.slice(0, 4), w, null, y.slice(3, 4));
    product(y);
    assertIsProductOf(y);
    norm();
    // One of rank 8, in 32 bits, into the first columns of half of the rows.
    Tensor narrow = normal(8, WIDTH);
    products.gemm(false, true, 1, x, narrow, 0, new Tensor(y.memory(), 0, ROWS, 8));
    product(y);
    assertIsProductOf(y);
    norm();
    // By products of the backend itself, in 32 bits.
    backend.gemm(false, true, 1, x, normal(WIDTH, WIDTH), 0, y);
    product(y);
    assertIsProductOf(y);
    // The residual sum, which a norm writes beside.
    product(x);
    backend.layerNorm(x, y, gamma, gamma, 1e-5f, y, mean, rstd);
    product(x);
    assertIsProductOf(x);
  }

  /** Where nobody multiplies halves, nothing is written twice, and there is no room for it. */
  @Test
  void nothingIsKeptWhereProductsTakeFloats() {
    EmulatedDevice other = new EmulatedDevice(3);
    try (Backend exact = EmulatedBackends.on(other)) {
      Tensor in = new Tensor(exact.allocate(ROWS * WIDTH), 0, ROWS, WIDTH);
      Tensor row = new Tensor(exact.allocate(WIDTH), 0, WIDTH);
      Tensor sums = new Tensor(exact.allocate(ROWS), 0, ROWS);
      int before = other.allocations();
      exact.layerNorm(in, null, row, row, 1e-5f, in, sums, sums);
      exact.rmsNorm(in, row, 1e-5f, in, sums);
      assertThat(other.allocations()).isEqualTo(before);
    }
  }
}
