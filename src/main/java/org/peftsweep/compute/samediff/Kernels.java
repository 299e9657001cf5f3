package org.peftsweep.compute.samediff;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.factory.Nd4j;
import org.peftsweep.compute.AttentionShape;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Dropout;
import org.peftsweep.compute.Lanes;
import org.peftsweep.compute.QuantisedMatrix;
import org.peftsweep.compute.QuantisedWeight;
import org.peftsweep.compute.Tensor;

/**
 * The kernels of {@link Backend} that steps run forward, by the same names, as operations of a
 * graph. What kernels keep for the way back, or compute for it, is left out: graphs derive
 * themselves.
 *
 * <p>Rows of activations are nowhere counted, so that a graph takes batches of any number of
 * examples.
 */
final class Kernels {
  /** Squares that are lost among those of any norm, for derivatives where it is 0. */
  private static final double LEAST = 1e-30;

  private final SameDiff graph;
  private final Values values;
  private final HostNumbers host;
  private final ChosenRows rows;
  private final List<SDVariable> losses = new ArrayList<>();

  /** What whole tensors are filled with, by variable: a number serves any number of rows. */
  private final Map<String, Float> fills = new HashMap<>();

  /**
   * @param learning whether a tensor that is there before the step learns
   */
  Kernels(SameDiff graph, Values values, HostNumbers host, Predicate<Tensor> learning) {
    this.graph = graph;
    this.values = values;
    this.host = host;
    this.rows = new ChosenRows(graph, host, learning);
  }

  /** Returns the losses of the step so far, each {@code [1, 1]}. */
  List<SDVariable> losses() {
    return List.copyOf(losses);
  }

  // ---- memory

  public void fill(Tensor x, float value) {
    SDVariable filled = constant(value, x.rows(), x.columns());
    fills.put(filled.name(), value);
    values.set(x, filled);
  }

  public void copy(Tensor from, Tensor to) {
    values.set(to, shaped(of(from), from, to));
  }

  // ---- products

  public void gemm(
      boolean transposeA,
      boolean transposeB,
      float alpha,
      Tensor a,
      Tensor b,
      float beta,
      Tensor c) {
    SDVariable y = scaled(graph.mmul(of(a), of(b), transposeA, transposeB, false), alpha);
    values.set(c, beta == 0 ? y : y.add(scaled(of(c), beta)));
  }

  public void gemm(boolean transposeW, Tensor a, QuantisedMatrix w, float beta, Tensor c) {
    SDVariable y = graph.mmul(of(a), of(w), false, transposeW, false);
    values.set(c, beta == 0 ? y : y.add(scaled(of(c), beta)));
  }

  public void linear(Tensor x, Tensor w, Tensor bias, Tensor y) {
    SDVariable product = graph.mmul(of(x), of(w), false, true, false);
    values.set(y, bias == null ? product : product.add(row(bias)));
  }

  public void linear(Tensor x, QuantisedMatrix w, Tensor[] biases, Lanes lanes, Tensor y) {
    gemm(true, x, w, 0, y);
    for (int i = 0; i < biases.length; i++) {
      if (biases[i] != null) {
        Tensor own = y.slice(lanes.from(i), lanes.rows(i));
        addRow(own, biases[i], own);
      }
    }
  }

  // ---- elementwise

  public void addScaled(float alpha, Tensor x, Tensor y) {
    values.set(y, of(y).add(scaled(shaped(of(x), x, y), alpha)));
  }

  public void scale(float alpha, Tensor x, Tensor y) {
    values.set(y, scaled(shaped(of(x), x, y), alpha));
  }

  public void multiply(Tensor a, Tensor b, Tensor y) {
    values.set(y, shaped(of(a), a, y).mul(shaped(of(b), b, y)));
  }

  public void reciprocal(Tensor x, Tensor y) {
    values.set(y, shaped(of(x), x, y).rdiv(1));
  }

  public void tanh(Tensor x, Tensor y) {
    values.set(y, graph.math().tanh(shaped(of(x), x, y)));
  }

  public void gelu(Tensor x, Tensor bias, Tensor y) {
    SDVariable in = bias == null ? of(x) : of(x).add(row(bias));
    SDVariable twice = graph.math().erf(in.mul(Math.sqrt(0.5))).add(1);
    values.set(y, in.mul(twice).mul(0.5));
  }

  public void swiglu(Tensor gate, Tensor up, Tensor y) {
    SDVariable in = of(gate);
    SDVariable factor = of(up);
    SDVariable active = in.mul(graph.nn().sigmoid(in));
    Float one = fills.get(factor.name());
    values.set(y, one == null ? active.mul(factor) : scaled(active, one));
  }

  public void dropout(Tensor x, float p, Tensor seed, Tensor y) {
    float[] kept = kept(Math.toIntExact(x.size()), p, seed);
    SDVariable mask = graph.constant(Nd4j.createFromArray(kept).reshape(x.rows(), x.columns()));
    values.set(y, of(x).mul(mask));
  }

  private float[] kept(int count, float p, Tensor seed) {
    long drawn = host.seed(seed);
    float[] kept = new float[count];
    for (int i = 0; i < count; i++) {
      kept[i] = Dropout.keeps(drawn, i, p) ? 1 / (1 - p) : 0;
    }
    return kept;
  }

  // ---- rows and columns

  public void addRow(Tensor x, Tensor v, Tensor y) {
    values.set(y, of(x).add(row(v)));
  }

  public void multiplyRow(Tensor x, Tensor v, Tensor y) {
    values.set(y, of(x).mul(row(v)));
  }

  public void multiplyColumn(Tensor x, Tensor v, Tensor y) {
    values.set(y, of(x).mul(graph.reshape(of(v), -1, 1)));
  }

  public void sumRows(Tensor x, float beta, Tensor out) {
    sum(of(x), 0, beta, out);
  }

  public void dotRows(Tensor x, Tensor y, float beta, Tensor out) {
    sum(of(x).mul(of(y)), 0, beta, out);
  }

  public void dotColumns(Tensor x, Tensor y, float beta, Tensor out) {
    sum(of(x).mul(of(y)), 1, beta, out);
  }

  private void sum(SDVariable x, int axis, float beta, Tensor out) {
    SDVariable sum = graph.reshape(x.sum(true, axis), -1, out.columns());
    values.set(out, beta == 0 ? sum : sum.add(scaled(of(out), beta)));
  }

  public void rowNorms(Tensor x, Tensor out) {
    SDVariable in = of(x);
    SDVariable norms = graph.math().sqrt(in.mul(in).sum(true, 1));
    values.set(out, graph.reshape(norms, -1, out.columns()));
  }

  // ---- normalisation

  public void layerNorm(
      Tensor x,
      Tensor residual,
      Tensor gamma,
      Tensor beta,
      float epsilon,
      Tensor y,
      Tensor mean,
      Tensor rstd) {
    SDVariable sum = residual == null ? of(x) : of(x).add(of(residual));
    if (residual != null) {
      values.set(x, sum);
    }
    SDVariable centred = sum.sub(sum.mean(true, 1));
    SDVariable variance = centred.mul(centred).mean(true, 1);
    SDVariable normed = centred.div(graph.math().sqrt(variance.add(epsilon)));
    values.set(y, normed.mul(row(gamma)).add(row(beta)));
  }

  public void rmsNorm(Tensor x, Tensor gamma, float epsilon, Tensor y, Tensor rstd) {
    SDVariable in = of(x);
    SDVariable squares = in.mul(in).mean(true, 1);
    SDVariable normed = in.div(graph.math().sqrt(squares.add(epsilon)));
    values.set(y, normed.mul(row(gamma)));
  }

  // ---- attention

  public void attention(
      AttentionShape shape,
      Tensor q,
      Tensor k,
      Tensor v,
      Tensor mask,
      Tensor seed,
      Tensor bias,
      Tensor out,
      Tensor logSum) {
    float[] kept =
        shape.dropout() > 0 ? kept(Math.toIntExact(shape.scores()), shape.dropout(), seed) : null;
    SDVariable added = bias == null ? null : of(bias);
    int groups = bias == null ? 0 : shape.biasGroups(bias);
    Attention attention = new Attention(graph, shape);
    values.set(out, attention.of(of(q), of(k), of(v), of(mask), kept, added, groups));
  }

  /** {@code x·cos + half(x)·sin}, half being a turn of each pair by a right angle. */
  public void rotary(Tensor x, Tensor cos, Tensor sin, int headWidth, boolean inverse, Tensor y) {
    int half = headWidth / 2;
    float[] turn = new float[headWidth * headWidth];
    for (int i = 0; i < half; i++) {
      turn[(i + half) * headWidth + i] = inverse ? 1 : -1;
      turn[i * headWidth + i + half] = inverse ? -1 : 1;
    }
    SDVariable turned =
        graph.mmul(
            graph.reshape(of(x), -1, headWidth),
            graph.constant(Nd4j.createFromArray(turn).reshape(headWidth, headWidth)));
    int heads = x.columns() / headWidth;
    // Angles of each row, or of each token of all examples.
    int tokens = cos.rows() == x.rows() ? 1 : cos.rows();
    SDVariable sum =
        angles(x, cos, tokens, headWidth, heads, of(x))
            .add(angles(x, sin, tokens, headWidth, heads, turned));
    values.set(y, graph.reshape(sum, -1, x.columns()));
  }

  private SDVariable angles(
      Tensor x, Tensor angles, int tokens, int headWidth, int heads, SDVariable factor) {
    SDVariable both = graph.concat(1, of(angles), of(angles));
    SDVariable each =
        tokens == 1
            ? graph.reshape(both, -1, 1, 1, headWidth)
            : graph.reshape(both, 1, tokens, 1, headWidth);
    return graph.reshape(factor, -1, tokens, heads, headWidth).mul(each);
  }

  // ---- rows by index

  public void gather(Tensor table, Tensor ids, boolean adds, Tensor out) {
    SDVariable chosen = rows.of(of(table), table, of(ids), ids);
    values.set(out, adds ? of(out).add(chosen) : chosen);
  }

  public void gather(QuantisedMatrix table, Tensor ids, boolean adds, Tensor out) {
    SDVariable all = of(table);
    SDVariable chosen = ids == null ? all : graph.gather(all, graph.reshape(of(ids), -1), 0);
    values.set(out, adds ? of(out).add(chosen) : chosen);
  }

  public void scatterAdd(Tensor rows, Tensor ids, Tensor table) {
    int[] places = host.ints(ids);
    List<Integer> kept = new ArrayList<>();
    for (int i = 0; i < places.length; i++) {
      if (places[i] >= 0) {
        kept.add(i);
      }
    }
    int[] which = kept.stream().mapToInt(Integer::intValue).toArray();
    int[] to = kept.stream().mapToInt(i -> places[i]).toArray();
    SDVariable some =
        which.length == places.length ? of(rows) : graph.gather(of(rows), ints(which), 0);
    values.set(table, graph.scatterAdd(of(table), ints(to), some));
  }

  public void sumColumns(Tensor x, Tensor starts, Tensor columns, Tensor out) {
    int[] from = host.ints(starts);
    int[] taken = host.ints(columns);
    float[] sums = new float[Math.multiplyExact(x.columns(), out.columns())];
    for (int j = 0; j < out.columns(); j++) {
      for (int e = from[j]; e < from[j + 1]; e++) {
        sums[taken[e] * out.columns() + j]++;
      }
    }
    values.set(
        out,
        graph.mmul(
            of(x), graph.constant(Nd4j.createFromArray(sums).reshape(x.columns(), out.columns()))));
  }

  // ---- losses

  public void crossEntropy(Tensor logits, Tensor labels, Tensor dLogits, Tensor loss) {
    SDVariable right = graph.reshape(of(labels), -1);
    addLoss(Losses.crossEntropy(graph, of(logits), right, logits.columns()), loss);
  }

  public void meanSquaredError(Tensor x, Tensor target, Tensor dx, Tensor loss) {
    SDVariable difference = of(x).sub(shaped(of(target), target, x));
    addLoss(difference.mul(difference).mean(), loss);
  }

  public void normalise(Tensor x, double weight, Tensor norm) {
    SDVariable in = of(x);
    SDVariable length = graph.math().sqrt(in.mul(in).sum().add(LEAST));
    addLoss(length.mul(weight), norm);
    values.set(x, in.div(length).mul(weight));
  }

  private void addLoss(SDVariable value, Tensor to) {
    SDVariable loss = graph.reshape(value, 1, 1);
    losses.add(loss);
    values.set(to, loss);
  }

  // ---- variables

  private SDVariable of(Tensor tensor) {
    return values.of(tensor);
  }

  private SDVariable row(Tensor vector) {
    SDVariable own = values.of(vector);
    return vector.columns() == vector.size() ? own : graph.reshape(own, 1, -1);
  }

  private SDVariable shaped(SDVariable value, Tensor from, Tensor to) {
    return from.columns() == to.columns() ? value : graph.reshape(value, -1, to.columns());
  }

  private SDVariable scaled(SDVariable value, double factor) {
    return factor == 1 ? value : value.mul(factor);
  }

  private SDVariable constant(float value, long... shape) {
    return graph.constant(Nd4j.valueArrayOf(shape, value, DataType.FLOAT));
  }

  private SDVariable of(QuantisedMatrix weight) {
    return graph.constant(
        Nd4j.createFromArray(host.values(new QuantisedWeight(weight)))
            .reshape(weight.rows(), weight.columns()));
  }

  private SDVariable ints(int... numbers) {
    return graph.constant(Nd4j.createFromArray(numbers));
  }
}
