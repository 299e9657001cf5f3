package org.peftsweep.compute;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Every kernel of the cpu backend against the same kernel through ND4J, on even and odd shapes. */
class CpuAgainstNd4jTest {
  /** Rows, columns and another width of a kernel's arguments. */
  private record Sizes(int rows, int columns, int other) {}

  private static final List<Sizes> SIZES =
      List.of(
          new Sizes(1, 1, 1),
          new Sizes(1, 17, 3),
          new Sizes(7, 31, 5),
          new Sizes(16, 64, 32),
          new Sizes(33, 129, 67));

  /** Runs a kernel and returns all that it wrote. */
  private interface Kernel {
    List<float[]> run(Desk desk, Sizes sizes);
  }

  private static final Map<String, Kernel> KERNELS = new TreeMap<>();

  static {
    KERNELS.put(
        "fill and copy",
        (d, s) -> {
          Tensor x = d.random(s.rows, s.columns);
          Tensor y = d.filled(2, s.rows, s.columns);
          d.backend.copy(x, y);
          d.backend.fill(x, 3);
          return d.values(x, y);
        });
    for (boolean a : new boolean[] {false, true}) {
      for (boolean b : new boolean[] {false, true}) {
        KERNELS.put(
            "gemm " + a + " " + b,
            (d, s) -> {
              Tensor left = a ? d.random(s.columns, s.rows) : d.random(s.rows, s.columns);
              Tensor right = b ? d.random(s.other, s.columns) : d.random(s.columns, s.other);
              Tensor c = d.random(s.rows, s.other);
              d.backend.gemm(a, b, 0.7f, left, right, 0.3f, c);
              return d.values(c);
            });
      }
    }
    KERNELS.put(
        "linear",
        (d, s) -> {
          Tensor y = d.random(s.rows, s.other);
          d.backend.linear(
              d.random(s.rows, s.columns), d.random(s.other, s.columns), d.random(s.other), y);
          return d.values(y);
        });
    for (boolean a : new boolean[] {false, true}) {
      for (boolean b : new boolean[] {false, true}) {
        KERNELS.put(
            "gemm by bf16 " + a + " " + b,
            (d, s) -> {
              Tensor left = a ? d.random(s.columns, s.rows) : d.random(s.rows, s.columns);
              Tensor right = b ? d.half(s.other, s.columns) : d.half(s.columns, s.other);
              Tensor c = d.random(s.rows, s.other);
              d.backend.gemm(a, b, 0.7f, left, right, 0.3f, c);
              return d.values(c);
            });
      }
    }
    KERNELS.put(
        "linear, rows, norms and copies of bf16",
        (d, s) -> {
          Tensor w = d.half(s.other, s.columns);
          Tensor y = d.random(s.rows, s.other);
          d.backend.linear(d.random(s.rows, s.columns), w, d.random(s.other), y);
          Tensor out = d.random(s.rows, s.columns);
          d.backend.gather(w, d.ints(d.below(s.other, s.rows)), true, out);
          Tensor norms = d.random(s.other);
          d.backend.rowNorms(w, norms);
          Tensor wide = d.random(s.other, s.columns);
          d.backend.copy(w, wide);
          d.backend.copy(d.random(s.other, s.columns), w);
          return d.values(y, out, norms, wide, w);
        });
    onOne("addScaled", (b, x, y) -> b.addScaled(0.4f, x, y));
    onOne("scale", (b, x, y) -> b.scale(0.4f, x, y));
    onOne("multiply", (b, x, y) -> b.multiply(x, y, y));
    onOne("tanh", Backend::tanh);
    onOne("gelu", (b, x, y) -> b.gelu(x, null, y));
    onOne("dropout", (b, x, y) -> b.dropout(x, 0.3f, HostKernels.seed(b, 5), y));
    onOne("tanhBackward", (b, x, y) -> b.tanhBackward(x, y, y));
    onOne("geluBackward", (b, x, y) -> b.geluBackward(x, null, y, y));
    KERNELS.put(
        "reciprocal",
        (d, s) -> {
          Tensor x = d.filled(1.7f, s.rows, s.columns);
          d.backend.reciprocal(x, x);
          return d.values(x);
        });
    KERNELS.put(
        "gelu with bias and back",
        (d, s) -> {
          Tensor x = d.random(s.rows, s.columns);
          Tensor bias = d.random(s.columns);
          Tensor y = d.random(s.rows, s.columns);
          Tensor dx = d.random(s.rows, s.columns);
          d.backend.gelu(x, bias, y);
          d.backend.geluBackward(x, bias, y, dx);
          return d.values(y, dx);
        });
    KERNELS.put(
        "swiglu and back",
        (d, s) -> {
          Tensor gate = d.random(s.rows, s.columns);
          Tensor up = d.random(s.rows, s.columns);
          Tensor y = d.random(s.rows, s.columns);
          Tensor dGate = d.random(s.rows, s.columns);
          Tensor dUp = d.random(s.rows, s.columns);
          d.backend.swiglu(gate, up, y);
          d.backend.swigluBackward(gate, up, y, dGate, dUp);
          return d.values(y, dGate, dUp);
        });
    KERNELS.put(
        "rows and columns",
        (d, s) -> {
          Tensor x = d.random(s.rows, s.columns);
          Tensor y = d.random(s.rows, s.columns);
          Tensor row = d.random(s.columns);
          Tensor column = d.random(s.rows);
          Tensor a = d.random(s.rows, s.columns);
          Tensor b = d.random(s.rows, s.columns);
          Tensor c = d.random(s.rows, s.columns);
          d.backend.addRow(x, row, a);
          d.backend.multiplyRow(x, row, b);
          d.backend.multiplyColumn(x, column, c);
          Tensor sum = d.random(s.columns);
          Tensor dot = d.random(s.columns);
          Tensor inner = d.random(s.rows);
          Tensor norms = d.random(s.rows);
          d.backend.sumRows(x, 0.5f, sum);
          d.backend.dotRows(x, y, 0.5f, dot);
          d.backend.dotColumns(x, y, 0.5f, inner);
          d.backend.rowNorms(x, norms);
          return d.values(a, b, c, sum, dot, inner, norms);
        });
    KERNELS.put(
        "layerNorm and back",
        (d, s) -> {
          Tensor x = d.random(s.rows, s.columns);
          Tensor gamma = d.random(s.columns);
          Tensor beta = d.random(s.columns);
          Tensor y = d.random(s.rows, s.columns);
          Tensor mean = d.random(s.rows);
          Tensor rstd = d.random(s.rows);
          d.backend.layerNorm(x, d.random(s.rows, s.columns), gamma, beta, 1e-1f, y, mean, rstd);
          Tensor dx = d.random(s.rows, s.columns);
          Tensor dGamma = d.random(s.columns);
          Tensor dBeta = d.random(s.columns);
          d.backend.layerNormBackward(x, gamma, mean, rstd, y, dx, dGamma, dBeta);
          return d.values(x, y, mean, rstd, dx, dGamma, dBeta);
        });
    KERNELS.put(
        "rmsNorm and back",
        (d, s) -> {
          Tensor x = d.random(s.rows, s.columns);
          Tensor gamma = d.random(s.columns);
          Tensor y = d.random(s.rows, s.columns);
          Tensor rstd = d.random(s.rows);
          d.backend.rmsNorm(x, gamma, 1e-1f, y, rstd);
          Tensor dx = d.random(s.rows, s.columns);
          Tensor dGamma = d.random(s.columns);
          d.backend.rmsNormBackward(x, gamma, rstd, y, dx, dGamma);
          return d.values(y, rstd, dx, dGamma);
        });
    for (boolean causal : new boolean[] {false, true}) {
      for (float dropout : new float[] {0, 0.2f}) {
        KERNELS.put("attention " + causal + " " + dropout, attention(causal, dropout));
      }
      KERNELS.put("attention of one query", attention(false, 0.2f, 1));
    }
    KERNELS.put(
        "rotary",
        (d, s) -> {
          int tokens = s.rows;
          Tensor x = d.random(2 * tokens, 3 * 2 * s.other);
          Tensor cos = d.random(tokens, s.other);
          Tensor sin = d.random(tokens, s.other);
          Tensor y = d.random(2 * tokens, 3 * 2 * s.other);
          d.backend.rotary(x, cos, sin, 2 * s.other, false, y);
          d.backend.rotary(x, cos, sin, 2 * s.other, true, x);
          return d.values(y, x);
        });
    KERNELS.put(
        "gather and scatterAdd",
        (d, s) -> {
          Tensor table = d.random(s.other, s.columns);
          Tensor out = d.random(s.rows, s.columns);
          int[] ids = d.below(s.other, s.rows);
          d.backend.gather(table, d.ints(ids), true, out);
          ids[0] = -1;
          d.backend.scatterAdd(out, d.ints(ids), table);
          return d.values(out, table);
        });
    KERNELS.put(
        "losses",
        (d, s) -> {
          Tensor logits = d.random(s.rows, s.columns);
          Tensor gradient = d.random(s.rows, s.columns);
          int[] labels = d.below(s.columns, s.rows);
          float loss = (float) HostKernels.crossEntropy(d.backend, logits, labels, gradient);
          Tensor x = d.random(s.rows, 1);
          Tensor dx = d.random(s.rows, 1);
          float error = (float) HostKernels.meanSquaredError(d.backend, x, new float[s.rows], dx);
          float squares = (float) HostKernels.sumOfSquares(d.backend, x);
          List<float[]> all = new ArrayList<>(d.values(gradient, dx));
          all.add(new float[] {loss, error, squares});
          return all;
        });
    KERNELS.put(
        "adamW",
        (d, s) -> {
          Tensor p = d.random(s.rows, s.columns);
          Tensor m = d.random(s.rows, s.columns);
          Tensor v = d.filled(0.5f, s.rows, s.columns);
          AdamStep step = new AdamStep(1e-2f, 0.9f, 0.99f, 1e-8f, 0.1f, 0.3, 0.2);
          HostKernels.adamW(d.backend, p, d.random(s.rows, s.columns), m, v, step);
          return d.values(p, m, v);
        });
  }

  /** A kernel from one tensor to another of its shape. */
  private interface OneToOne {
    void run(Backend backend, Tensor x, Tensor y);
  }

  private static void onOne(String name, OneToOne kernel) {
    KERNELS.put(
        name,
        (d, s) -> {
          Tensor x = d.random(s.rows, s.columns);
          Tensor y = d.random(s.rows, s.columns);
          kernel.run(d.backend, x, y);
          return d.values(y);
        });
  }

  private static Kernel attention(boolean causal, float dropout) {
    return attention(causal, dropout, Integer.MAX_VALUE);
  }

  private static Kernel attention(boolean causal, float dropout, int mostQueries) {
    return (d, s) -> {
      int batch = 2;
      int tokens = Math.min(s.rows, 19);
      int queries = Math.min(tokens, mostQueries);
      AttentionShape shape =
          new AttentionShape(batch, queries, tokens, 4, 2, s.other, causal, dropout);
      int[] mask = new int[batch * tokens];
      // The second row is padding altogether.
      Arrays.fill(mask, 0, Math.max(1, tokens - 2), 1);
      Tensor q = d.random(batch * queries, 4 * s.other);
      Tensor k = d.random(batch * tokens, 2 * s.other);
      Tensor v = d.random(batch * tokens, 2 * s.other);
      Tensor out = d.random(batch * queries, 4 * s.other);
      Tensor logSum = d.random(batch * 4, queries);
      Tensor dq = d.random(batch * queries, 4 * s.other);
      Tensor dk = d.random(batch * tokens, 2 * s.other);
      Tensor dv = d.random(batch * tokens, 2 * s.other);
      Tensor seed = HostKernels.seed(d.backend, 9);
      d.backend.attention(shape, q, k, v, d.ints(mask), seed, out, logSum);
      Tensor dOut = d.random(batch * queries, 4 * s.other);
      d.backend.attentionBackward(
          shape, q, k, v, d.ints(mask), seed, out, logSum, dOut, dq, dk, dv);
      return d.values(out, dq, dk, dv);
    };
  }

  static Stream<Arguments> kernelsOnSizes() {
    return KERNELS.keySet().stream()
        .flatMap(name -> SIZES.stream().map(sizes -> Arguments.of(name, sizes)));
  }

  @ParameterizedTest(name = "{0} on {1}")
  @MethodSource("kernelsOnSizes")
  void agrees(String name, Sizes sizes) {
    List<float[]> actual = results("cpu", name, sizes);
    List<float[]> wanted = results("nd4j", name, sizes);
    assertThat(actual).hasSameSizeAs(wanted);
    for (int i = 0; i < wanted.size(); i++) {
      float largest = 1;
      for (float value : wanted.get(i)) {
        largest = Math.max(largest, Math.abs(value));
      }
      assertThat(actual.get(i))
          .as("output %d", i)
          .containsExactly(wanted.get(i), within(2e-5f * largest));
    }
  }

  private static List<float[]> results(String backend, String name, Sizes sizes) {
    try (Desk desk = new Desk(Backends.open(backend, 1))) {
      return KERNELS.get(name).run(desk, sizes);
    }
  }

  /** Makes the same tensors on any backend. */
  private static final class Desk implements AutoCloseable {
    private final Backend backend;
    private final SplittableRandom random = new SplittableRandom(3);
    private final List<Memory> memories = new ArrayList<>();

    private Desk(Backend backend) {
      this.backend = backend;
    }

    Tensor random(int... shape) {
      Tensor tensor = filled(0, shape);
      float[] values = new float[(int) tensor.size()];
      for (int i = 0; i < values.length; i++) {
        values[i] = (float) random.nextGaussian();
      }
      backend.write(values, 0, tensor, 0, values.length);
      return tensor;
    }

    Tensor filled(float value, int... shape) {
      Memory memory = backend.allocate(Tensor.sizeOf(shape));
      memories.add(memory);
      Tensor tensor = new Tensor(memory, 0, shape);
      backend.fill(tensor, value);
      return tensor;
    }

    /** The same stored as bf16, from an odd element of its memory on. */
    Tensor half(int... shape) {
      Tensor values = random(shape);
      Memory memory = backend.allocate(ElementType.BF16.floats(values.size() + 3));
      memories.add(memory);
      Tensor half = new Tensor(ElementType.BF16, memory, 3, shape);
      backend.copy(values, half);
      return half;
    }

    Tensor ints(int... values) {
      return HostKernels.ints(backend, values);
    }

    int[] below(int bound, int count) {
      return random.ints(count, 0, bound).toArray();
    }

    List<float[]> values(Tensor... tensors) {
      List<float[]> all = new ArrayList<>();
      for (Tensor tensor : tensors) {
        float[] values = new float[(int) tensor.size()];
        backend.read(tensor, 0, values, 0, values.length);
        all.add(values);
      }
      return all;
    }

    @Override
    public void close() {
      memories.forEach(backend::free);
      backend.close();
    }
  }
}
