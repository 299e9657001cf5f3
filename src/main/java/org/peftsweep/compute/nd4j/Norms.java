package org.peftsweep.compute.nd4j;

import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.ops.transforms.Transforms;
import org.peftsweep.compute.Tensor;

/** Layer norm and RMS norm; sums over a row are products with a vector of ones. */
final class Norms {
  private final Views views;

  Norms(Views views) {
    this.views = views;
  }

  void layerNorm(
      Tensor x, Tensor gamma, Tensor beta, float epsilon, Tensor y, Tensor mean, Tensor rstd) {
    INDArray out = views.matrix(y);
    rowMeans(views.matrix(x), views.column(mean));
    Ops.subtract(views.matrix(x), views.column(mean), out);
    inverseRoots(out, epsilon, rstd);
    Ops.multiply(out, views.column(rstd), out);
    Ops.multiply(out, views.row(gamma), out);
    Ops.add(out, views.row(beta), out);
  }

  void layerNormBackward(
      Tensor x,
      Tensor gamma,
      Tensor mean,
      Tensor rstd,
      Tensor dy,
      Tensor dx,
      Tensor dGamma,
      Tensor dBeta) {
    INDArray normal = views.scratch(1, x.rows(), x.columns());
    Ops.subtract(views.matrix(x), views.column(mean), normal);
    Ops.multiply(normal, views.column(rstd), normal);
    if (dBeta != null) {
      Ops.matmul(false, false, 1, views.ones(1, x.rows()), views.matrix(dy), 1, views.row(dBeta));
    }
    backward(normal, gamma, rstd, dy, dx, dGamma, true);
  }

  void rmsNorm(Tensor x, Tensor gamma, float epsilon, Tensor y, Tensor rstd) {
    inverseRoots(views.matrix(x), epsilon, rstd);
    Ops.multiply(views.matrix(x), views.column(rstd), views.matrix(y));
    Ops.multiply(views.matrix(y), views.row(gamma), views.matrix(y));
  }

  void rmsNormBackward(Tensor x, Tensor gamma, Tensor rstd, Tensor dy, Tensor dx, Tensor dGamma) {
    INDArray normal = views.scratch(1, x.rows(), x.columns());
    Ops.multiply(views.matrix(x), views.column(rstd), normal);
    backward(normal, gamma, rstd, dy, dx, dGamma, false);
  }

  /**
   * {@code dx ← ρ·(g − mean(g) − n·mean(g ⊙ n))} with {@code g = dy ⊙ gamma} and n the normalised
   * rows; without the first mean where rows are not centred.
   */
  private void backward(
      INDArray normal,
      Tensor gamma,
      Tensor rstd,
      Tensor dy,
      Tensor dx,
      Tensor dGamma,
      boolean centred) {
    long rows = dy.rows();
    INDArray product = views.scratch(0, rows, dy.columns());
    INDArray means = views.scratch(2, rows, 1);
    if (dGamma != null) {
      Ops.multiply(views.matrix(dy), normal, product);
      Ops.matmul(false, false, 1, views.ones(1, rows), product, 1, views.row(dGamma));
    }
    INDArray out = views.matrix(dx);
    Ops.multiply(views.matrix(dy), views.row(gamma), out);
    Ops.multiply(out, normal, product);
    rowMeans(product, means);
    Ops.multiply(normal, means, normal);
    if (centred) {
      rowMeans(out, means);
      Ops.subtract(out, means, out);
    }
    Ops.subtract(out, normal, out);
    Ops.multiply(out, views.column(rstd), out);
  }

  private void inverseRoots(INDArray x, float epsilon, Tensor rstd) {
    INDArray squares = views.scratch(0, x.size(0), x.size(1));
    Ops.multiply(x, x, squares);
    INDArray roots = views.flat(rstd);
    rowMeans(squares, views.column(rstd));
    roots.addi(epsilon);
    Transforms.sqrt(roots, false);
    Ops.reciprocal(roots, roots);
  }

  private void rowMeans(INDArray x, INDArray means) {
    Ops.matmul(false, false, 1.0 / x.size(1), x, views.ones(x.size(1), 1), 0, means);
  }
}
