package org.peftsweep.compute.nd4j;

import org.nd4j.linalg.api.ndarray.INDArray;
import org.peftsweep.compute.Dropout;
import org.peftsweep.compute.Tensor;

/** Elementwise kernels of several operations each, and rotary embeddings. */
final class Activations {
  private final Views views;
  private float[] kept = {};

  Activations(Views views) {
    this.views = views;
  }

  void tanhBackward(Tensor y, Tensor dy, Tensor dx) {
    INDArray slope = views.scratch(0, y.size());
    Ops.multiply(views.flat(y), views.flat(y), slope);
    slope.rsubi(1);
    Ops.multiply(views.flat(dy), slope, views.flat(dx));
  }

  void gelu(Tensor x, Tensor bias, Tensor y) {
    INDArray at = shifted(x, bias);
    INDArray phi = cumulative(at);
    Ops.multiply(at, phi, views.flat(y));
  }

  void geluBackward(Tensor x, Tensor bias, Tensor dy, Tensor dx) {
    INDArray at = shifted(x, bias);
    INDArray slope = cumulative(at);
    INDArray density = views.scratch(2, x.size());
    Ops.multiply(at, at, density);
    density.muli(-0.5);
    Ops.exp(density, density);
    Ops.multiply(at, density, density);
    Ops.axpy(1 / Math.sqrt(2 * Math.PI), density, slope);
    Ops.multiply(views.flat(dy), slope, views.flat(dx));
  }

  private INDArray shifted(Tensor x, Tensor bias) {
    if (bias == null) {
      return views.flat(x);
    }
    INDArray sum = views.scratch(0, x.rows(), x.columns());
    Ops.add(views.matrix(x), views.row(bias), sum);
    return views.scratch(0, x.size());
  }

  /** Returns the standard normal distribution function; ND4J's own GELU is an approximation. */
  private INDArray cumulative(INDArray x) {
    INDArray phi = views.scratch(1, x.length());
    x.muli(Math.sqrt(0.5), phi);
    Ops.erf(phi, phi);
    phi.addi(1);
    phi.muli(0.5);
    return phi;
  }

  void swiglu(Tensor gate, Tensor up, Tensor y) {
    INDArray sigmoid = views.scratch(0, gate.size());
    Ops.sigmoid(views.flat(gate), sigmoid);
    Ops.multiply(views.flat(gate), sigmoid, sigmoid);
    Ops.multiply(sigmoid, views.flat(up), views.flat(y));
  }

  void swigluBackward(Tensor gate, Tensor up, Tensor dy, Tensor dGate, Tensor dUp) {
    INDArray sigmoid = views.scratch(0, gate.size());
    INDArray silu = views.scratch(1, gate.size());
    INDArray slope = views.scratch(2, gate.size());
    Ops.sigmoid(views.flat(gate), sigmoid);
    Ops.multiply(views.flat(gate), sigmoid, silu);
    // silu′ = σ + silu·(1 − σ)
    Ops.multiply(silu, sigmoid, slope);
    slope.rsubi(silu);
    Ops.add(slope, sigmoid, slope);
    Ops.multiply(slope, views.flat(up), slope);
    Ops.multiply(silu, views.flat(dy), silu);
    Ops.multiply(slope, views.flat(dy), views.flat(dGate));
    views.flat(dUp).assign(silu);
  }

  void dropout(Tensor x, float p, long seed, Tensor y) {
    INDArray factors = keptFactors(0, x.size(), p, seed);
    Ops.multiply(views.flat(x), factors, views.flat(y));
  }

  /** Returns {@code 1 / (1 − p)} where dropout keeps an element and 0 elsewhere, in a slot. */
  INDArray keptFactors(int slot, long size, float p, long seed) {
    if (size > Integer.MAX_VALUE - 8) {
      throw new IllegalArgumentException(
          "Cannot drop out " + size + " elements at once: use a smaller batch");
    }
    if (kept.length < size) {
      kept = new float[(int) size];
    }
    int low = (int) seed;
    int high = (int) (seed >>> 32);
    int threshold = Dropout.threshold(p);
    float factor = 1 / (1 - p);
    for (int i = 0; i < size; i++) {
      kept[i] = Dropout.hash(i, low, high) >>> 8 >= threshold ? factor : 0;
    }
    return views.scratch(slot, kept, (int) size);
  }

  void rotary(Tensor x, Tensor cos, Tensor sin, int headWidth, boolean inverse, Tensor y) {
    long tokens = cos.rows();
    long heads = x.columns() / headWidth;
    long half = headWidth / 2;
    long[] shape = {x.rows() / tokens, tokens, heads, half};
    long[] strides = {tokens * x.columns(), x.columns(), headWidth, 1};
    long[] angles = {1, tokens, 1, half};
    long[] angleStrides = {tokens * half, half, half, 1};
    INDArray first = views.strided(x, 0, shape, strides);
    INDArray second = views.strided(x, half, shape, strides);
    INDArray cosines = views.strided(cos, 0, angles, angleStrides);
    INDArray sines = views.strided(sin, 0, angles, angleStrides);
    INDArray firstTurned = views.scratch(0, shape);
    INDArray secondTurned = views.scratch(1, shape);
    INDArray part = views.scratch(2, shape);
    Ops.multiply(first, cosines, firstTurned);
    Ops.multiply(second, sines, part);
    INDArray outFirst = views.strided(y, 0, shape, strides);
    INDArray outSecond = views.strided(y, half, shape, strides);
    Ops.multiply(second, cosines, secondTurned);
    if (inverse) {
      Ops.add(firstTurned, part, firstTurned);
      Ops.multiply(first, sines, part);
      Ops.subtract(secondTurned, part, outSecond);
    } else {
      Ops.subtract(firstTurned, part, firstTurned);
      Ops.multiply(first, sines, part);
      Ops.add(secondTurned, part, outSecond);
    }
    outFirst.assign(firstTurned);
  }
}
