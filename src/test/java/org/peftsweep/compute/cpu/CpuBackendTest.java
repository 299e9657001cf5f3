package org.peftsweep.compute.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.peftsweep.compute.AdamStep;
import org.peftsweep.compute.AttentionShape;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.ElementType;
import org.peftsweep.compute.HostKernels;
import org.peftsweep.compute.Memory;
import org.peftsweep.compute.Tensor;

/** What the {@code cpu} backend promises beyond every backend's contract. */
class CpuBackendTest {
  /** Rows, heads, widths of a layer large enough for every kernel to be cut into parts. */
  private static final AttentionShape SHAPE = new AttentionShape(8, 40, 4, 2, 33, true, 0.1f);

  private static final int ROWS = SHAPE.batch() * SHAPE.tokens();
  private static final int WIDTH = SHAPE.heads() * SHAPE.headWidth();
  private static final int KEYS = SHAPE.keyHeads() * SHAPE.headWidth();
  private static final int INNER = 1003;

  private final List<CpuBackend> opened = new ArrayList<>();

  private CpuBackend open(int threads) {
    CpuBackend backend = new CpuBackend(threads);
    opened.add(backend);
    return backend;
  }

  @AfterEach
  void closeBackends() {
    opened.forEach(CpuBackend::close);
  }

  /** A layer forwards and back with a seed of its own; every kernel's result reaches the end. */
  private static final class Layer {
    private final CpuBackend backend;
    private final Random random;
    private final List<Tensor> results = new ArrayList<>();

    Layer(CpuBackend backend, long seed) {
      this.backend = backend;
      this.random = new Random(seed);
    }

    private Tensor zeros(int... shape) {
      long size = Arrays.stream(shape).asLongStream().reduce(1, (a, b) -> a * b);
      return new Tensor(backend.allocate(size + 5), 5, shape);
    }

    private Tensor normal(int... shape) {
      Tensor x = zeros(shape);
      float[] values = new float[(int) x.size()];
      for (int i = 0; i < values.length; i++) {
        values[i] = (float) random.nextGaussian() / 4;
      }
      backend.write(values, 0, x, 0, values.length);
      return x;
    }

    private Tensor keep(Tensor x) {
      results.add(x);
      return x;
    }

    float[][] run() {
      Tensor x = normal(ROWS, WIDTH);
      Tensor q = zeros(ROWS, WIDTH);
      Tensor k = zeros(ROWS, KEYS);
      Tensor v = zeros(ROWS, KEYS);
      backend.linear(x, normal(WIDTH, WIDTH), normal(WIDTH), q);
      backend.linear(x, normal(KEYS, WIDTH), normal(KEYS), k);
      backend.linear(x, normal(KEYS, WIDTH), null, v);
      int[] mask = new int[ROWS];
      for (int i = 0; i < ROWS; i++) {
        mask[i] = random.nextInt(6) == 0 ? 0 : 1;
      }
      Tensor out = keep(zeros(ROWS, WIDTH));
      Tensor logSum = zeros(SHAPE.batch() * SHAPE.heads(), SHAPE.tokens());
      Tensor places = HostKernels.ints(backend, mask);
      Tensor seed = HostKernels.seed(backend, 99);
      backend.attention(SHAPE, q, k, v, places, seed, out, logSum);
      Tensor y = keep(zeros(ROWS, WIDTH));
      Tensor mean = zeros(ROWS);
      Tensor rstd = zeros(ROWS);
      Tensor gamma = normal(WIDTH);
      backend.layerNorm(out, x, gamma, normal(WIDTH), 1e-5f, y, mean, rstd);
      Tensor inner = zeros(ROWS, INNER);
      Tensor up = normal(INNER, WIDTH);
      Tensor bias = normal(INNER);
      backend.linear(y, up, null, inner);
      Tensor active = keep(zeros(ROWS, INNER));
      backend.gelu(inner, bias, active);
      backend.dropout(active, 0.2f, HostKernels.seed(backend, 7), active);
      Tensor logits = zeros(ROWS, INNER);
      backend.swiglu(inner, active, logits);
      int[] labels = random.ints(ROWS, -1, INNER).toArray();
      Tensor dLogits = keep(zeros(ROWS, INNER));
      Tensor classes = HostKernels.ints(backend, labels);
      double loss =
          HostKernels.number(backend, to -> backend.crossEntropy(logits, classes, dLogits, to));
      Tensor dGate = zeros(ROWS, INNER);
      Tensor dUp = zeros(ROWS, INNER);
      backend.scale(1000, dLogits, dLogits);
      backend.swigluBackward(inner, active, dLogits, dGate, dUp);
      backend.geluBackward(inner, bias, dUp, dUp);
      backend.addScaled(1, dGate, dUp);
      Tensor dBias = keep(zeros(INNER));
      backend.sumRows(dUp, 0, dBias);
      Tensor dW = keep(zeros(INNER, WIDTH));
      backend.gemm(true, false, 1, dUp, y, 0, dW);
      Tensor dy = keep(zeros(ROWS, WIDTH));
      backend.gemm(false, false, 1, dUp, up, 0, dy);
      Tensor dGamma = keep(zeros(WIDTH));
      Tensor dSum = keep(zeros(ROWS, WIDTH));
      backend.layerNormBackward(out, gamma, mean, rstd, dy, dSum, dGamma, keep(zeros(WIDTH)));
      Tensor dq = keep(zeros(ROWS, WIDTH));
      Tensor dk = keep(zeros(ROWS, KEYS));
      Tensor dv = keep(zeros(ROWS, KEYS));
      backend.attentionBackward(SHAPE, q, k, v, places, seed, y, logSum, dSum, dq, dk, dv);
      Tensor norms = keep(zeros(INNER));
      backend.rowNorms(dW, norms);
      double squares = HostKernels.sumOfSquares(backend, dW);
      HostKernels.adamW(
          backend,
          up,
          dW,
          keep(zeros(INNER, WIDTH)),
          keep(zeros(INNER, WIDTH)),
          new AdamStep(1e-3f, 0.9f, 0.999f, 1e-8f, 0.01f, 0.1, 0.001));
      keep(up);
      float[][] all = new float[results.size() + 1][];
      all[0] = new float[] {(float) loss, (float) squares};
      for (int i = 0; i < results.size(); i++) {
        Tensor result = results.get(i);
        all[i + 1] = new float[(int) result.size()];
        backend.read(result, 0, all[i + 1], 0, all[i + 1].length);
      }
      return all;
    }
  }

  @Test
  void sameInputsGiveTheSameBits() {
    assertThat(new Layer(open(2), 1).run()).isDeepEqualTo(new Layer(open(2), 1).run());
  }

  @Test
  void threadsChangeNothingButRounding() {
    float[][] one = new Layer(open(1), 1).run();
    for (int threads = 2; threads <= 3; threads++) {
      float[][] more = new Layer(open(threads), 1).run();
      for (int i = 0; i < one.length; i++) {
        double size = 0;
        double distance = 0;
        for (int j = 0; j < one[i].length; j++) {
          size += (double) one[i][j] * one[i][j];
          distance += Math.pow((double) one[i][j] - more[i][j], 2);
        }
        assertThat(Math.sqrt(distance)).as("result %d", i).isLessThan(1e-5 * Math.sqrt(size));
        assertThat(size).as("result %d", i).isPositive();
      }
    }
  }

  @Test
  void backendsSideBySideGiveTheBitsThatEachGivesAlone() throws Exception {
    float[][][] alone = {new Layer(open(1), 1).run(), new Layer(open(1), 2).run()};
    CyclicBarrier start = new CyclicBarrier(2);
    ExecutorService pool = Executors.newFixedThreadPool(2);
    try {
      for (int round = 0; round < 5; round++) {
        List<Future<float[][]>> both = new ArrayList<>();
        for (int seed = 1; seed <= 2; seed++) {
          Layer layer = new Layer(open(1), seed);
          Callable<float[][]> task =
              () -> {
                start.await();
                return layer.run();
              };
          both.add(pool.submit(task));
        }
        assertThat(both.get(0).get()).isDeepEqualTo(alone[0]);
        assertThat(both.get(1).get()).isDeepEqualTo(alone[1]);
      }
    } finally {
      pool.shutdown();
    }
  }

  @Test
  void worksPastTwoGigabytesOfOneMemory() {
    CpuBackend backend = open(1);
    long floats = (5L << 27) + 100;
    Memory memory = backend.allocate(floats);
    long[] places = {(1L << 28) - 50, (1L << 29) - 37, floats - 101};
    for (long place : places) {
      Tensor x = new Tensor(memory, place, 101);
      backend.fill(x, 3);
      backend.scale(2, x, x);
      assertThat(HostKernels.sumOfSquares(backend, x)).isCloseTo(101 * 36.0, within(1e-9));
      Tensor product = new Tensor(memory, 0, 1, 1);
      backend.gemm(false, true, 1, x, x, 0, product);
      float[] found = new float[1];
      backend.read(product, 0, found, 0, 1);
      assertThat(found[0]).isEqualTo(101 * 36f);
    }
    backend.free(memory);
  }

  @Test
  void refusesShapesThatDoNotFit() {
    CpuBackend backend = open(1);
    Tensor x = new Tensor(backend.allocate(12), 0, 3, 4);
    Tensor y = new Tensor(backend.allocate(12), 0, 4, 3);
    assertThatThrownBy(() -> backend.gelu(x, null, y))
        .hasMessage("Cannot run gelu on [3, 4] and [4, 3]: shapes differ");
    assertThatThrownBy(() -> backend.gather(x, HostKernels.ints(backend, 0, 3, 1), false, x))
        .hasMessage("Cannot run gather with id 3: the table has 3 rows");
    assertThatThrownBy(() -> new CpuBackend(0)).hasMessageContaining("give at least 1");
  }

  @Test
  void refusesMemoryThatWasFreed() {
    CpuBackend backend = open(1);
    Memory memory = backend.allocate(10);
    Tensor x = new Tensor(memory, 0, 10);
    backend.free(memory);
    backend.free(memory);
    assertThatThrownBy(() -> backend.fill(x, 1)).hasMessage("Cannot use memory that was freed");
  }

  /** A frozen matrix as bf16 that is widened in several parts, and a batch to multiply it by. */
  private static Tensor half(Backend backend, int rows, int columns) {
    ElementType type = ElementType.BF16;
    Memory memory = backend.allocate(type.floats((long) rows * columns));
    Tensor half = new Tensor(type, memory, 0, rows, columns);
    backend.copy(normal(backend, rows, columns), half);
    return half;
  }

  private static Tensor normal(Backend backend, int rows, int columns) {
    Random random = new Random(rows);
    float[] values = new float[rows * columns];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    Tensor x = new Tensor(backend.allocate(values.length), 0, rows, columns);
    backend.write(values, 0, x, 0, values.length);
    return x;
  }

  private static float[] values(Backend backend, Tensor x) {
    float[] values = new float[(int) x.size()];
    backend.read(x, 0, values, 0, values.length);
    return values;
  }

  /**
   * With a matrix of one part, and of three; OpenBLAS adds up tiny products in ways of their own.
   */
  @ParameterizedTest
  @CsvSource({"1,96,80,33", "2,96,80,33", "1,1900,1200,2", "2,1900,1200,2"})
  void aRowTimesHalvesIsTheSameInEveryBatch(int threads, int out, int in, int least) {
    Backend backend = open(threads);
    Tensor w = half(backend, out, in);
    int most = 70;
    Tensor x = normal(backend, most, in);
    Tensor dy = normal(backend, most, out);
    float[] y = projected(backend, x, w);
    float[] dx = projectedBack(backend, dy, w);
    for (int rows : new int[] {64, 50, 33, least}) {
      Offset<Float> error = within(Blas.areRowsAlike() ? 0f : 1e-3f);
      assertThat(projected(backend, x.slice(0, rows), w))
          .containsExactly(Arrays.copyOf(y, rows * out), error);
      assertThat(projectedBack(backend, dy.slice(0, rows), w))
          .containsExactly(Arrays.copyOf(dx, rows * in), error);
    }
  }

  /** What a batch of a few rows gives may be added up otherwise by OpenBLAS. */
  @Test
  void timesHalvesIsTimesTheirValues() {
    Backend backend = open(2);
    Tensor w = half(backend, 1900, 1200);
    Tensor wide = normal(backend, 1900, 1200);
    backend.copy(w, wide);
    Tensor x = normal(backend, 70, 1200);
    Tensor dy = normal(backend, 70, 1900);
    assertThat(projected(backend, x, w))
        .containsExactly(projected(backend, x, wide), within(1e-3f));
    assertThat(projectedBack(backend, dy, w))
        .containsExactly(projectedBack(backend, dy, wide), within(1e-3f));
  }

  private static float[] projected(Backend backend, Tensor x, Tensor w) {
    Tensor y = normal(backend, x.rows(), w.rows());
    backend.linear(x, w, null, y);
    return values(backend, y);
  }

  private static float[] projectedBack(Backend backend, Tensor dy, Tensor w) {
    Tensor dx = normal(backend, dy.rows(), w.columns());
    backend.gemm(false, false, 1, dy, w, 0, dx);
    return values(backend, dx);
  }
}
