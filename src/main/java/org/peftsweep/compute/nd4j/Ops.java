package org.peftsweep.compute.nd4j;

import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.DynamicCustomOp;
import org.nd4j.linalg.api.ops.impl.reduce.same.Max;
import org.nd4j.linalg.api.ops.impl.transforms.same.Reciprocal;
import org.nd4j.linalg.api.ops.impl.transforms.strict.Erf;
import org.nd4j.linalg.api.ops.impl.transforms.strict.Exp;
import org.nd4j.linalg.api.ops.impl.transforms.strict.Sigmoid;
import org.nd4j.linalg.api.ops.impl.transforms.strict.Tanh;
import org.nd4j.linalg.factory.Nd4j;

/** ND4J operations into preallocated outputs, each in one line where it is used. */
final class Ops {
  private Ops() {}

  /** {@code c ← alpha·op(a)·op(b) + beta·c} over the last two axes. */
  static void matmul(
      boolean transposeA,
      boolean transposeB,
      double alpha,
      INDArray a,
      INDArray b,
      double beta,
      INDArray c) {
    Nd4j.exec(
        DynamicCustomOp.builder("matmul")
            .addInputs(a, b)
            .addOutputs(c)
            .addIntegerArguments(transposeA ? 1 : 0, transposeB ? 1 : 0, 0)
            .addFloatingPointArguments(alpha, beta)
            .build());
  }

  static void add(INDArray a, INDArray b, INDArray y) {
    broadcast("add", a, b, y);
  }

  static void subtract(INDArray a, INDArray b, INDArray y) {
    broadcast("subtract", a, b, y);
  }

  static void multiply(INDArray a, INDArray b, INDArray y) {
    broadcast("multiply", a, b, y);
  }

  static void divide(INDArray a, INDArray b, INDArray y) {
    broadcast("divide", a, b, y);
  }

  private static void broadcast(String name, INDArray a, INDArray b, INDArray y) {
    Nd4j.exec(DynamicCustomOp.builder(name).addInputs(a, b).addOutputs(y).build());
  }

  /** Writes the largest element of each row of a matrix to {@code y [rows, 1]}. */
  static void rowMaxima(INDArray x, INDArray y) {
    Nd4j.exec(new Max(x, y, true, 1));
  }

  /** {@code y ← y + alpha·x}, both flat. */
  static void axpy(double alpha, INDArray x, INDArray y) {
    Nd4j.getBlasWrapper().level1().axpy(y.length(), alpha, x, y);
  }

  static void tanh(INDArray x, INDArray y) {
    Nd4j.exec(new Tanh(x, y));
  }

  static void erf(INDArray x, INDArray y) {
    Nd4j.exec(new Erf(x, y));
  }

  static void exp(INDArray x, INDArray y) {
    Nd4j.exec(new Exp(x, y));
  }

  static void sigmoid(INDArray x, INDArray y) {
    Nd4j.exec(new Sigmoid(x, y));
  }

  static void reciprocal(INDArray x, INDArray y) {
    Nd4j.exec(new Reciprocal(x, y));
  }
}
