package org.peftsweep.compute;

/** Normalisation of rows; what each does says {@link Tape}. */
final class NormOperations extends Operations {
  NormOperations(Recording step) {
    super(step);
  }

  Var layerNorm(Var x, Var residual, Var gamma, Var beta, float epsilon) {
    boolean learns = step.learns(x, residual, gamma, beta);
    Tensor sum = residual == null ? x.value().retain() : step.consume(x);
    Tensor y = arena.take(sum.shape());
    Tensor mean = arena.take(sum.rows());
    Tensor rstd = arena.take(sum.rows());
    Tensor other = residual == null ? null : residual.value();
    backend.layerNorm(sum, other, gamma.value(), beta.value(), epsilon, y, mean, rstd);
    Var out = step.output(y, learns);
    step.record(
        out,
        dy -> {
          Tensor dSum = dy.isSolelyHeld() ? dy.retain() : arena.take(sum.shape());
          backend.layerNormBackward(
              sum,
              gamma.value(),
              mean,
              rstd,
              dy,
              dSum,
              gradients.zeroed(gamma),
              gradients.zeroed(beta));
          gradients.share(x, dSum);
          if (residual != null) {
            gradients.share(residual, dSum);
          }
          dSum.release();
        },
        sum,
        mean,
        rstd,
        gamma.value());
    sum.release();
    mean.release();
    rstd.release();
    return out;
  }

  Var rmsNorm(Var x, Var gamma, float epsilon) {
    Tensor in = x.value();
    Tensor y = arena.take(in.shape());
    Tensor rstd = arena.take(in.rows());
    backend.rmsNorm(in, gamma.value(), epsilon, y, rstd);
    Var out = step.output(y, x, gamma);
    step.record(
        out,
        dy -> {
          Tensor dx = dy.isSolelyHeld() ? dy.retain() : arena.take(in.shape());
          backend.rmsNormBackward(in, gamma.value(), rstd, dy, dx, gradients.zeroed(gamma));
          gradients.share(x, dx);
          dx.release();
        },
        in,
        rstd,
        gamma.value());
    rstd.release();
    return out;
  }
}
