package org.peftsweep.compute.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.ElementType;
import org.peftsweep.compute.Products;
import org.peftsweep.compute.Tensor;

/** Small products of several lanes in a graph, beside the same ones by themselves. */
class SmallProductsTest {
  private final EmulatedDevice device = new EmulatedDevice(11);
  private final Backend backend = EmulatedBackends.on(device);
  private final Random random = new Random(4);
  private final List<Tensor> all = new ArrayList<>();
  private final List<float[]> starts = new ArrayList<>();

  @AfterEach
  void close() {
    backend.close();
  }

  private Tensor normal(int... shape) {
    Tensor tensor = new Tensor(backend.allocate((long) shape[0] * shape[1]), 0, shape);
    float[] values = new float[(int) tensor.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    all.add(tensor);
    starts.add(values);
    return tensor;
  }

  /** Returns the bits of all tensors once something ran on what they held at first. */
  private List<float[]> after(Runnable work) {
    for (int i = 0; i < all.size(); i++) {
      backend.write(starts.get(i), 0, all.get(i), 0, starts.get(i).length);
    }
    work.run();
    List<float[]> values = new ArrayList<>();
    for (Tensor tensor : all) {
      float[] read = new float[(int) tensor.size()];
      backend.read(tensor, 0, read, 0, read.length);
      values.add(read);
    }
    return values;
  }

  private void assertSameAsAGraph(Runnable kernels) {
    List<float[]> expected = after(kernels);
    List<float[]> found = after(backend.plan(kernels));
    for (int i = 0; i < all.size(); i++) {
      assertThat(Arrays.equals(found.get(i), expected.get(i))).as("tensor %d", i).isTrue();
    }
  }

  /** What LoRA does to a matrix of each lane, forwards and back, with ranks of their own. */
  @ParameterizedTest
  @CsvSource({"20, 4", "250, 6"})
  void lanesOfAPackTakeAsManyLaunchesAsOne(int least, int ofOne) {
    List<Runnable> forward = new ArrayList<>();
    List<Runnable> back = new ArrayList<>();
    int lanes = 6;
    for (int lane = 0; lane < lanes; lane++) {
      int rows = least + 9 * lane;
      int rank = 1 + 5 * lane;
      Tensor x = normal(rows, 40);
      Tensor a = normal(rank, 40);
      Tensor b = normal(36, rank);
      Tensor bias = normal(1, 36).reshape(36);
      Tensor inner = normal(rows, rank);
      Tensor y = normal(rows, 36);
      Tensor dInner = normal(rows, rank);
      Tensor da = normal(rank, 40);
      Tensor db = normal(36, rank);
      Tensor dx = normal(rows, 40);
      forward.add(() -> backend.gemm(false, true, 1, x, a, 0, inner));
      forward.add(() -> backend.gemm(false, true, 2, inner, b, 1, y));
      forward.add(() -> backend.addRow(y, bias, y));
      back.add(() -> backend.gemm(true, false, 2, y, inner, 0, db));
      back.add(() -> backend.gemm(false, false, 2, y, b, 0, dInner));
      back.add(() -> backend.gemm(true, false, 1, dInner, x, 0, da));
      back.add(() -> backend.gemm(false, false, 1, dInner, a, 1, dx));
    }
    Runnable kernels =
        () -> {
          forward.forEach(Runnable::run);
          back.forEach(Runnable::run);
        };
    assertSameAsAGraph(kernels);
    Runnable plan = backend.plan(kernels);
    long before = device.launches();
    plan.run();
    // Those of one lane, which add up parts of many rows by two more, and a bias for each.
    assertThat(device.launches() - before).isEqualTo(ofOne + lanes);
  }

  /** Adapters of matrices of one input, forwards and back, with the products of these. */
  @Test
  void adaptersOfMatricesBesideEachOtherShareLaunches() {
    Tensor x = normal(50, 40);
    Tensor dx = normal(50, 40);
    List<Runnable> kernels = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      Tensor w = normal(36, 40);
      Tensor a = normal(8, 40);
      Tensor b = normal(36, 8);
      Tensor y = normal(50, 36);
      Tensor inner = normal(50, 8);
      kernels.add(() -> backend.linear(x, w, null, y));
      kernels.add(() -> backend.gemm(false, true, 1, x, a, 0, inner));
      kernels.add(() -> backend.gemm(false, true, 2, inner, b, 1, y));
      Tensor dInner = normal(50, 8);
      Tensor da = normal(8, 40);
      Tensor db = normal(36, 8);
      kernels.add(() -> backend.gemm(true, false, 2, y, inner, 0, db));
      kernels.add(() -> backend.gemm(false, false, 2, y, b, 0, dInner));
      kernels.add(() -> backend.gemm(true, false, 1, dInner, x, 0, da));
      kernels.add(() -> backend.gemm(false, false, 1, dInner, a, 1, dx));
      kernels.add(() -> backend.gemm(false, false, 1, y, w, 1, dx));
    }
    Runnable all = () -> kernels.forEach(Runnable::run);
    assertSameAsAGraph(all);
    Runnable plan = backend.plan(all);
    long before = device.launches();
    plan.run();
    // Down and up, back to the factors and to what lies between, and three that add to dx in turn.
    assertThat(device.launches() - before).isEqualTo(2 + 2 + 2);
  }

  /**
   * Products of drawn tensors, of parts of them and into each other, in a drawn order: small ones,
   * large ones, and those that round their factors to memory that they share.
   */
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5})
  void comeInAnOrderThatGivesTheSameNumbers(long seed) {
    Random draw = new Random(seed);
    int[] sizes = {3, 8, 33, 40};
    List<Tensor> tensors = new ArrayList<>();
    for (int i = 0; i < 14; i++) {
      tensors.add(normal(sizes[draw.nextInt(4)], sizes[draw.nextInt(4)]));
    }
    List<Runnable> kernels = new ArrayList<>();
    while (kernels.size() < 60) {
      Tensor a = tensors.get(draw.nextInt(tensors.size()));
      Tensor b = tensors.get(draw.nextInt(tensors.size()));
      Tensor c = tensors.get(draw.nextInt(tensors.size()));
      boolean ta = draw.nextBoolean();
      boolean tb = draw.nextBoolean();
      int inner = ta ? a.rows() : a.columns();
      boolean fits =
          inner == (tb ? b.columns() : b.rows())
              && (ta ? a.columns() : a.rows()) <= c.rows()
              && (tb ? b.rows() : b.columns()) == c.columns();
      if (fits && c != a && c != b) {
        int rows = ta ? a.columns() : a.rows();
        Tensor part = c.slice(draw.nextInt(c.rows() - rows + 1), rows);
        float beta = draw.nextInt(2);
        Products by = draw.nextBoolean() ? backend : backend.products(ElementType.BF16);
        kernels.add(() -> by.gemm(ta, tb, 0.1f, a, b, beta, part));
      }
      if (draw.nextInt(400) == 0) {
        kernels.add(() -> backend.scale(0.5f, c, c));
      }
    }
    assertSameAsAGraph(() -> kernels.forEach(Runnable::run));
  }
}
