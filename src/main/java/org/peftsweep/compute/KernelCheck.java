package org.peftsweep.compute;

import static org.peftsweep.compute.ElementType.BF16;
import static org.peftsweep.compute.ElementType.F32;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import java.util.function.Consumer;

/**
 * Runs every kernel on two backends with the same inputs, of sizes that fill several blocks of a
 * device and end in the midst of one, and tells how far results are apart.
 */
public final class KernelCheck {
  private static final int ROWS = 67;
  private static final int COLUMNS = 260;
  private static final float P = 0.3f;

  /**
   * How far results of a kernel are apart.
   *
   * @param kernel its name, and in which precision behind a comma where that is not in 32 bits
   * @param worst largest difference, as a part of the value where that is above 1
   * @param bound that it may not exceed
   */
  public record Result(String kernel, double worst, double bound) {
    public boolean isFine() {
      return worst <= bound;
    }
  }

  /** Uses a kernel; what {@link KernelBench#result} is given is compared. */
  private interface Use {
    void of(KernelBench bench, Backend backend);
  }

  private record Case(double bound, Use use) {}

  private static final double EXACT = 4e-6;
  private static final double SUMMED = 2e-4;

  /** Of products of numbers with 8 bits of fraction, beside those of numbers with 24. */
  private static final double ROUNDED = 2e-2;

  /** Of such products of what such products gave. */
  private static final double ROUNDED_TWICE = 6e-2;

  /** A last bit of a half, which may fall to either side. */
  private static final double HALF = 0x1p-7;

  private static final Map<String, Case> CASES = new LinkedHashMap<>();

  private KernelCheck() {}

  private static void add(String kernel, double bound, Use use) {
    CASES.put(kernel, new Case(bound, use));
  }

  static {
    addElementwise();
    addRows();
    addProducts();
    addNorms();
    addAttention();
    addLossesAndOptimiser();
  }

  private static void addElementwise() {
    add("fill", 0, (bench, on) -> inPlace(bench, x -> on.fill(x, 1.5f)));
    add(
        "copy",
        0,
        (bench, on) -> {
          Tensor half = bench.half(ROWS, COLUMNS);
          Tensor wide = bench.normal(ROWS, COLUMNS);
          on.copy(half, wide);
          bench.result(half, wide);
        });
    add("addScaled", EXACT, (bench, on) -> two(bench, (x, y) -> on.addScaled(0.7f, x, y)));
    add("scale", EXACT, (bench, on) -> two(bench, (x, y) -> on.scale(0.7f, x, y)));
    add("multiply", EXACT, (bench, on) -> two(bench, (x, y) -> on.multiply(x, y, y)));
    add(
        "reciprocal",
        EXACT,
        (bench, on) -> {
          Tensor x = bench.positive(ROWS, COLUMNS);
          on.reciprocal(x, x);
          bench.result(x);
        });
    add("tanh", EXACT, (bench, on) -> two(bench, on::tanh));
    add("tanhBackward", EXACT, (bench, on) -> two(bench, (x, y) -> on.tanhBackward(x, y, y)));
    add(
        "gelu",
        EXACT,
        (bench, on) -> {
          Tensor bias = bench.normal(COLUMNS);
          two(bench, (x, y) -> on.gelu(x, bias, y));
        });
    add(
        "geluBackward",
        EXACT,
        (bench, on) -> {
          Tensor bias = bench.normal(COLUMNS);
          two(bench, (x, y) -> on.geluBackward(x, bias, y, y));
        });
    add("swiglu", EXACT, (bench, on) -> two(bench, (x, y) -> on.swiglu(x, y, y)));
    add(
        "swigluBackward",
        EXACT,
        (bench, on) -> {
          Tensor dy = bench.normal(ROWS, COLUMNS);
          Tensor dGate = bench.normal(ROWS, COLUMNS);
          two(bench, (x, y) -> on.swigluBackward(x, y, dy, dGate, y));
          bench.result(dGate);
        });
    add(
        "dropout",
        EXACT,
        (bench, on) -> {
          Tensor seed = bench.seed();
          two(bench, (x, y) -> on.dropout(x, P, seed, y));
        });
  }

  private static void addRows() {
    add("addRow", EXACT, (bench, on) -> byVector(bench, COLUMNS, on::addRow));
    add("multiplyRow", EXACT, (bench, on) -> byVector(bench, COLUMNS, on::multiplyRow));
    add("multiplyColumn", EXACT, (bench, on) -> byVector(bench, ROWS, on::multiplyColumn));
    add("sumRows", SUMMED, (bench, on) -> toVector(bench, COLUMNS, (x, v) -> on.sumRows(x, 1, v)));
    add(
        "dotRows",
        SUMMED,
        (bench, on) -> toVector(bench, COLUMNS, (x, v) -> on.dotRows(x, x, 0.5f, v)));
    add(
        "dotColumns",
        SUMMED,
        (bench, on) -> toVector(bench, ROWS, (x, v) -> on.dotColumns(x, x, 1, v)));
    add("rowNorms", SUMMED, (bench, on) -> toVector(bench, ROWS, on::rowNorms));
    add(
        "gather",
        EXACT,
        (bench, on) -> {
          Tensor table = bench.half(50, COLUMNS);
          Tensor ids = bench.ints(ROWS, 0, 50);
          inPlace(bench, x -> on.gather(table, ids, true, x));
          for (QuantisedMatrix weight : bench.quantised(50, COLUMNS)) {
            inPlace(bench, x -> on.gather(weight, ids, true, x));
          }
        });
    add(
        "scatterAdd",
        SUMMED,
        (bench, on) -> {
          Tensor table = bench.normal(50, COLUMNS);
          on.scatterAdd(bench.normal(ROWS, COLUMNS), bench.ints(ROWS, -1, 50), table);
          bench.result(table);
        });
    add(
        "sumColumns",
        EXACT,
        (bench, on) -> {
          Tensor x = bench.normal(ROWS, COLUMNS);
          Tensor starts = bench.ints(COLUMNS + 1, 0, 1);
          int[] each = new int[COLUMNS + 1];
          Arrays.setAll(each, j -> j * 3 / 2);
          on.write(each, starts);
          Tensor out = bench.normal(ROWS, COLUMNS);
          on.sumColumns(x, starts, bench.ints(COLUMNS * 3 / 2, 0, COLUMNS), out);
          bench.result(out);
        });
    add(
        "rotary",
        EXACT,
        (bench, on) -> {
          Tensor cos = bench.normal(29, 26);
          Tensor sin = bench.normal(29, 26);
          two(bench, (x, y) -> on.rotary(x, cos, sin, 52, true, y));
        });
  }

  private static void addProducts() {
    add("gemm", SUMMED, ProductUses::gemm);
    add("gemmOfDropped", SUMMED, ProductUses::gemmOfDropped);
    add("linear", SUMMED, ProductUses::linear);
  }

  private static void addNorms() {
    add(
        "layerNorm",
        SUMMED,
        (bench, on) -> {
          KernelBench.Norm n = bench.norm(ROWS, COLUMNS);
          Tensor residual = bench.normal(ROWS, COLUMNS);
          on.layerNorm(n.x(), residual, n.gamma(), n.beta(), 1e-5f, n.y(), n.mean(), n.rstd());
          bench.result(n.x(), n.y(), n.mean(), n.rstd());
        });
    add(
        "layerNormBackward",
        SUMMED,
        (bench, on) -> {
          KernelBench.Norm n = bench.norm(ROWS, COLUMNS);
          on.layerNorm(n.x(), null, n.gamma(), n.beta(), 1e-5f, n.y(), n.mean(), n.rstd());
          on.layerNormBackward(
              n.x(), n.gamma(), n.mean(), n.rstd(), n.dy(), n.dy(), n.beta(), n.other());
          bench.result(n.dy(), n.beta(), n.other());
        });
    add(
        "rmsNorm",
        SUMMED,
        (bench, on) -> {
          KernelBench.Norm n = bench.norm(ROWS, COLUMNS);
          on.rmsNorm(n.x(), n.gamma(), 1e-5f, n.y(), n.rstd());
          bench.result(n.y(), n.rstd());
        });
    add(
        "rmsNormBackward",
        SUMMED,
        (bench, on) -> {
          KernelBench.Norm n = bench.norm(ROWS, COLUMNS);
          on.rmsNorm(n.x(), n.gamma(), 1e-5f, n.y(), n.rstd());
          on.rmsNormBackward(n.x(), n.gamma(), n.rstd(), n.dy(), n.y(), n.beta());
          bench.result(n.y(), n.beta());
        });
  }

  private static void addAttention() {
    add("attention", SUMMED, (bench, on) -> AttentionUses.attention(bench, on, F32));
    add("attention, bf16", ROUNDED, (bench, on) -> AttentionUses.attention(bench, on, BF16));
    add("attentionBackward", SUMMED, (bench, on) -> AttentionUses.backward(bench, on, F32));
    add(
        "attentionBackward, bf16",
        ROUNDED_TWICE,
        (bench, on) -> AttentionUses.backward(bench, on, BF16));
  }

  private static void addLossesAndOptimiser() {
    add("crossEntropy", EXACT, StepUses::crossEntropy);
    add(
        "meanSquaredError",
        EXACT,
        (bench, on) -> {
          Tensor loss = bench.number();
          two(bench, (x, y) -> on.meanSquaredError(x, y, y, loss));
          bench.result(loss);
        });
    add(
        "normalise",
        EXACT,
        (bench, on) -> {
          Tensor norm = bench.number();
          inPlace(bench, x -> on.normalise(x, 2, norm));
          bench.result(norm);
        });
    add("geluToHalves", HALF, HalfUses::geluToHalves);
    add("geluBackwardOfHalves", HALF, HalfUses::geluBackwardOfHalves);
    add("swigluToHalves", HALF, HalfUses::swigluToHalves);
    add("swigluBackwardOfHalves", HALF, HalfUses::swigluBackwardOfHalves);
    add("addNumber", EXACT, StepUses::addNumber);
    add("addNumbers", EXACT, StepUses::addNumbers);
    add("append", EXACT, StepUses::append);
    add("clip", EXACT, StepUses::clip);
    add("adamW", EXACT, StepUses::adamW);
  }

  // ---- uses that many kernels share

  private interface OfThree {
    void run(Tensor x, Tensor v, Tensor y);
  }

  private static void inPlace(KernelBench bench, Consumer<Tensor> kernel) {
    Tensor x = bench.normal(ROWS, COLUMNS);
    kernel.accept(x);
    bench.result(x);
  }

  private static void two(KernelBench bench, BiConsumer<Tensor, Tensor> kernel) {
    Tensor x = bench.normal(ROWS, COLUMNS);
    Tensor y = bench.normal(ROWS, COLUMNS);
    kernel.accept(x, y);
    bench.result(y);
  }

  private static void byVector(KernelBench bench, int length, OfThree kernel) {
    Tensor v = bench.normal(length);
    Tensor x = bench.normal(ROWS, COLUMNS);
    kernel.run(x, v, x);
    bench.result(x);
  }

  private static void toVector(KernelBench bench, int length, BiConsumer<Tensor, Tensor> kernel) {
    Tensor v = bench.normal(length);
    kernel.accept(bench.normal(ROWS, COLUMNS), v);
    bench.result(v);
  }

  // ---- comparison

  /** Returns the kernels that are compared. */
  static List<String> kernels() {
    return List.copyOf(CASES.keySet());
  }

  /** Compares all kernels. */
  public static List<Result> compare(Backend reference, Backend tested) {
    List<Result> results = new ArrayList<>();
    CASES.forEach(
        (kernel, of) -> {
          List<float[]> expected = results(of, reference);
          List<float[]> found = results(of, tested);
          double worst = 0;
          for (int i = 0; i < expected.size(); i++) {
            worst = Math.max(worst, worst(found.get(i), expected.get(i)));
          }
          results.add(new Result(kernel, worst, of.bound));
        });
    return results;
  }

  private static List<float[]> results(Case of, Backend backend) {
    try (KernelBench bench = new KernelBench(backend)) {
      of.use.of(bench, backend);
      return bench.results();
    }
  }

  /** A number that is none is as far off as can be. */
  private static double worst(float[] found, float[] expected) {
    if (Arrays.equals(found, expected)) {
      return 0;
    }
    double worst = 0;
    for (int i = 0; i < expected.length; i++) {
      double off = Math.abs((double) found[i] - expected[i]) / Math.max(1, Math.abs(expected[i]));
      worst = Double.isNaN(off) ? Double.POSITIVE_INFINITY : Math.max(worst, off);
    }
    return worst;
  }
}
