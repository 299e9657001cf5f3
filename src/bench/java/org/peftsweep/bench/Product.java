package org.peftsweep.bench;

import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import org.peftsweep.compute.AttentionShape;
import org.peftsweep.compute.DenseWeight;
import org.peftsweep.compute.QuantisedMatrix;
import org.peftsweep.compute.QuantisedWeight;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Weight;

/**
 * One matrix product {@code c [m, n] ← op(a)·op(b)} with inner size k.
 *
 * <p>Heads of attention count as one product of the same arithmetic: all heads' rows below each
 * other.
 */
record Product(boolean transposeA, boolean transposeB, int m, int n, int k) {
  /** Kernels that hold no products. */
  private static final Set<String> OTHERS =
      Set.of(
          "name",
          "device",
          "allocate",
          "allocateShared",
          "allocations",
          "products",
          "sumsRowsAlike",
          "free",
          "write",
          "read",
          "fill",
          "copy",
          "addScaled",
          "scale",
          "multiply",
          "reciprocal",
          "tanh",
          "tanhBackward",
          "gelu",
          "geluBackward",
          "swiglu",
          "swigluBackward",
          "geluToHalves",
          "geluBackwardOfHalves",
          "swigluToHalves",
          "swigluBackwardOfHalves",
          "dropout",
          "addRow",
          "multiplyRow",
          "multiplyColumn",
          "sumRows",
          "dotRows",
          "dotColumns",
          "rowNorms",
          "layerNorm",
          "layerNormBackward",
          "rmsNorm",
          "rmsNormBackward",
          "rotary",
          "gather",
          "scatterAdd",
          "sumColumns",
          "crossEntropy",
          "meanSquaredError",
          "normalise",
          "addNumber",
          "addNumbers",
          "append",
          "clip",
          "numbers",
          "plan",
          "stepsBetweenLooks",
          "takesHalves",
          "adamW",
          "close",
          "toString",
          "hashCode",
          "equals");

  double gigaflops() {
    return 2e-9 * m * n * k;
  }

  /**
   * Lists the products of a call of a backend.
   *
   * @throws IllegalStateException if the kernel is unknown: its products would go uncounted
   */
  static void of(String kernel, Object[] arguments, Consumer<Product> seen) {
    switch (kernel) {
      case "gemm" -> {
        if (arguments[2] instanceof QuantisedMatrix) {
          Tensor a = (Tensor) arguments[1];
          int columns = ((Tensor) arguments[4]).columns();
          seen.accept(new Product(false, (boolean) arguments[0], a.rows(), columns, a.columns()));
          return;
        }
        boolean transposeA = (boolean) arguments[0];
        Tensor a = (Tensor) arguments[3];
        Tensor c = (Tensor) arguments[6];
        int inner = transposeA ? a.rows() : a.columns();
        seen.accept(new Product(transposeA, (boolean) arguments[1], c.rows(), c.columns(), inner));
      }
      case "linear" -> {
        Tensor x = (Tensor) arguments[0];
        Weight w =
            arguments[1] instanceof QuantisedMatrix quantised
                ? new QuantisedWeight(quantised)
                : new DenseWeight((Tensor) arguments[1]);
        seen.accept(new Product(false, true, x.rows(), w.rows(), w.columns()));
      }
      case "attention" -> ofAttention((AttentionShape) arguments[0], 1, 1, seen);
      case "attentionBackward" -> {
        int learning = 0;
        for (Object gradient : List.of(9, 10, 11)) {
          learning += arguments[(int) gradient] == null ? 0 : 1;
        }
        // Besides dQ, dK and dV: the scores again, and the weights' gradients.
        ofAttention((AttentionShape) arguments[0], 2, learning, seen);
      }
      default -> {
        if (!OTHERS.contains(kernel)) {
          throw new IllegalStateException(
              "Cannot count the products of kernel " + kernel + ": add it to Product");
        }
      }
    }
  }

  private static void ofAttention(
      AttentionShape shape, int intoScores, int outOfScores, Consumer<Product> seen) {
    int all = shape.batch() * shape.heads() * shape.queries();
    for (int i = 0; i < intoScores; i++) {
      seen.accept(new Product(false, true, all, shape.tokens(), shape.headWidth()));
    }
    for (int i = 0; i < outOfScores; i++) {
      seen.accept(new Product(false, false, all, shape.headWidth(), shape.tokens()));
    }
  }
}
