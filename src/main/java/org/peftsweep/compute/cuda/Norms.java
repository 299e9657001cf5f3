package org.peftsweep.compute.cuda;

import org.peftsweep.compute.Sizes;
import org.peftsweep.compute.Tensor;

/** Launches of {@code norms.cu}. */
final class Norms {
  private static final String FAMILY = "norms";

  private final Launcher launcher;
  private final Rows rows;

  Norms(Launcher launcher, Rows rows) {
    this.launcher = launcher;
    this.rows = rows;
  }

  void layerNorm(
      Tensor x,
      Tensor residual,
      Tensor gamma,
      Tensor beta,
      float epsilon,
      Tensor y,
      Tensor mean,
      Tensor rstd) {
    Sizes.same("layerNorm", x, residual, y);
    Sizes.count("layerNorm", x.columns(), gamma, beta);
    Sizes.count("layerNorm", x.rows(), mean, rstd);
    long halves = launcher.rounded().alsoTo(y);
    launcher
        .call(FAMILY, "layer_norm")
        .floats(x)
        .floats(residual)
        .floats(gamma)
        .floats(beta)
        .value(epsilon)
        .floats(y)
        .address(halves)
        .floats(mean)
        .floats(rstd)
        .value(x.rows())
        .value(x.columns())
        .runWriting(Grid.warps(x.rows()), x, mean, rstd);
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
    Sizes.same("layerNormBackward", x, dy, dx);
    Sizes.count("layerNormBackward", x.columns(), gamma, dGamma, dBeta);
    Sizes.count("layerNormBackward", x.rows(), mean, rstd);
    if (dBeta != null) {
      rows.sumRows(dy, 1, dBeta);
    }
    backward(x, gamma, mean, rstd, dy, dx, dGamma);
  }

  void rmsNorm(Tensor x, Tensor gamma, float epsilon, Tensor y, Tensor rstd) {
    Sizes.same("rmsNorm", x, y);
    Sizes.count("rmsNorm", x.columns(), gamma);
    Sizes.count("rmsNorm", x.rows(), rstd);
    long halves = launcher.rounded().alsoTo(y);
    launcher
        .call(FAMILY, "rms_norm")
        .floats(x)
        .floats(gamma)
        .value(epsilon)
        .floats(y)
        .address(halves)
        .floats(rstd)
        .value(x.rows())
        .value(x.columns())
        .runWriting(Grid.warps(x.rows()), rstd);
  }

  void rmsNormBackward(Tensor x, Tensor gamma, Tensor rstd, Tensor dy, Tensor dx, Tensor dGamma) {
    Sizes.same("rmsNormBackward", x, dy, dx);
    Sizes.count("rmsNormBackward", x.columns(), gamma, dGamma);
    Sizes.count("rmsNormBackward", x.rows(), rstd);
    backward(x, gamma, null, rstd, dy, dx, dGamma);
  }

  private void backward(
      Tensor x, Tensor gamma, Tensor mean, Tensor rstd, Tensor dy, Tensor dx, Tensor dGamma) {
    if (dGamma != null) {
      rows.addGammaGradient(x, mean, rstd, dy, dGamma);
    }
    long halves = launcher.rounded().alsoTo(dx);
    launcher
        .call(FAMILY, "norm_backward")
        .floats(x)
        .floats(gamma)
        .floats(mean)
        .floats(rstd)
        .floats(dy)
        .floats(dx)
        .address(halves)
        .value(x.rows())
        .value(x.columns())
        .runWriting(Grid.warps(x.rows()));
  }
}
