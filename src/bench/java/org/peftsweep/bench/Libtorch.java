package org.peftsweep.bench;

import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.core.Linear;
import ai.djl.training.GradientCollector;
import java.util.ArrayList;
import java.util.List;
import org.peftsweep.data.Batch;
import org.peftsweep.model.Weights.Fresh;

/**
 * libtorch through DJL, as a careful user would write it: fused operators where DJL reaches them,
 * additions in place, every intermediate closed as soon as only the gradient may need it, gradients
 * for trained tensors alone, no mask where no row has padding.
 */
abstract class Libtorch implements Contender {
  /** A projection with what its method adds; absent parts are null. */
  record Projection(NDArray weight, NDArray bias, NDArray a, NDArray b, NDArray magnitude) {}

  private record Trained(NDArray value, NDArray first, NDArray second, boolean decays) {}

  final Workload workload;
  final NDManager manager;
  private final NDArray ids;
  private final NDArray oneHot;

  /** Next tokens, or null. */
  private final NDArray next;
  private final List<Trained> trained = new ArrayList<>();
  private int steps;

  Libtorch(Workload workload) {
    this.workload = workload;
    this.manager = Engine.getEngine("PyTorch").newBaseManager();
    Batch batch = workload.batch();
    int[] classes = workload.classes();
    next =
        workload.shape().writes()
            ? manager.create(classes, new Shape(classes.length, 1)).toType(DataType.INT64, false)
            : null;
    ids = manager.create(batch.ids(), new Shape(batch.ids().length));
    float[] ones = new float[batch.rows() * Workload.CLASSES];
    for (int row = 0; row < batch.rows(); row++) {
      ones[row * Workload.CLASSES + (int) batch.labels()[row]] = -1f / batch.rows();
    }
    oneHot = manager.create(ones, new Shape(batch.rows(), Workload.CLASSES));
  }

  /**
   * @param pruned whether the last layer goes on with the rows that the head reads; no PyTorch
   *     model that is in use does that, but the engine does
   */
  static Contender open(Workload workload, boolean pruned) {
    return workload.shape().config().rope().isEmpty()
        ? new LibtorchEncoder(workload, pruned)
        : new LibtorchDecoder(workload, pruned);
  }

  /** Returns the logits {@code [rows, classes]} of ids {@code [rows·tokens]}, or those of next tokens. */
  abstract NDArray logits(NDArray ids);

  // ---- parameters

  NDArray frozen(String name, Fresh fresh, int... shape) {
    long[] extents = new long[shape.length];
    for (int i = 0; i < shape.length; i++) {
      extents[i] = shape[i];
    }
    return manager.create(Draws.values(name, fresh, shape), new Shape(extents));
  }

  NDArray trained(NDArray value, boolean decays) {
    value.setRequiresGradient(true);
    trained.add(new Trained(value, value.zerosLike(), value.zerosLike(), decays));
    return value;
  }

  Projection projection(String name, int out, int in, boolean hasBias, boolean isTarget) {
    NDArray weight = frozen(name + ".weight", Fresh.NORMAL, out, in);
    NDArray bias = hasBias ? frozen(name + ".bias", Fresh.ZEROS, out) : null;
    if (!isTarget) {
      return new Projection(weight, bias, null, null, null);
    }
    if (workload.method() == Workload.Tuning.FULL) {
      trained(weight, true);
      return new Projection(weight, hasBias ? trained(bias, false) : null, null, null, null);
    }
    NDArray a =
        trained(frozen(name + ".lora_A.weight", Fresh.NORMAL, Workload.RANK, in), true);
    NDArray b =
        trained(frozen(name + ".lora_B.weight", Fresh.NORMAL, out, Workload.RANK), true);
    NDArray magnitude = null;
    if (workload.method() == Workload.Tuning.DORA) {
      magnitude = trained(weight.norm(new int[] {1}), true);
    }
    return new Projection(weight, bias, a, b, magnitude);
  }

  /** A projection of the head: it learns. */
  Projection head(String name, int out, int in, boolean hasBias) {
    return new Projection(
        trained(frozen(name + ".weight", Fresh.NORMAL, out, in), true),
        hasBias ? trained(frozen(name + ".bias", Fresh.ZEROS, out), false) : null,
        null,
        null,
        null);
  }

  // ---- operations

  /** {@code x [n, in]} to {@code [n, out]}; x stays open. */
  NDArray apply(NDArray x, Projection p) {
    if (p.a == null) {
      return linear(x, p.weight, p.bias);
    }
    NDArray inner = linear(x, p.a, null);
    inner.muli(Workload.SCALE);
    NDArray update = linear(inner, p.b, null);
    inner.close();
    if (p.magnitude == null) {
      NDArray y = linear(x, p.weight, p.bias);
      y.addi(update);
      update.close();
      return y;
    }
    NDArray direction = linear(x, p.weight, null);
    direction.addi(update);
    update.close();
    NDArray ratio = p.magnitude.div(norms(p));
    ratio.attach(x.getManager());
    NDArray y = direction.mul(ratio);
    direction.close();
    ratio.close();
    if (p.bias != null) {
      y.addi(p.bias);
    }
    return y;
  }

  private static NDArray norms(Projection p) {
    // The gradient does not flow through the norm.
    NDArray a = p.a.stopGradient();
    NDArray b = p.b.stopGradient();
    NDArray weight = b.matMul(a);
    weight.muli(Workload.SCALE);
    weight.addi(p.weight);
    NDArray norms = weight.norm(new int[] {1});
    a.close();
    b.close();
    weight.close();
    return norms;
  }

  static NDArray linear(NDArray x, NDArray weight, NDArray bias) {
    return Linear.linear(x, weight, bias).singletonOrThrow();
  }

  /** {@code softmax(q·kᵀ/√width + bias)·v}; closes q, k and v. */
  static NDArray attention(NDArray q, NDArray k, NDArray v, double scale, NDArray bias) {
    NDArray scaled = q.mul(scale);
    q.close();
    NDArray turned = k.swapAxes(-1, -2);
    k.close();
    NDArray scores = scaled.matMul(turned);
    scaled.close();
    turned.close();
    if (bias != null) {
      scores.addi(bias);
    }
    NDArray weights = scores.softmax(-1);
    scores.close();
    NDArray y = weights.matMul(v);
    weights.close();
    v.close();
    return y;
  }

  // ---- steps

  @Override
  public void step() {
    try (NDManager scope = manager.newSubManager()) {
      try (GradientCollector collector = Engine.getEngine("PyTorch").newGradientCollector()) {
        NDArray loss = loss(scope);
        collector.backward(loss);
      }
      steps++;
      for (Trained each : trained) {
        update(each, scope);
      }
    }
  }

  @Override
  public double loss() {
    try (NDManager scope = manager.newSubManager()) {
      return loss(scope).toFloatArray()[0];
    }
  }

  private NDArray loss(NDManager scope) {
    NDArray input = ids.duplicate();
    input.attach(scope);
    NDArray logits = logits(input);
    NDArray scores = logits.logSoftmax(-1);
    return next == null ? scores.mul(oneHot).sum() : scores.gather(next, 1).mean().neg();
  }

  private void update(Trained each, NDManager scope) {
    try (NDManager inner = scope.newSubManager()) {
      NDArray gradient = each.value.getGradient();
      gradient.attach(inner);
      double rate = Workload.LEARNING_RATE;
      if (each.decays) {
        each.value.muli(1 - rate * Workload.WEIGHT_DECAY);
      }
      NDArray part = gradient.mul(1 - Workload.BETA1);
      part.attach(inner);
      each.first.muli(Workload.BETA1).addi(part);
      NDArray square = gradient.square();
      square.attach(inner);
      each.second.muli(Workload.BETA2).addi(square.muli(1 - Workload.BETA2));
      NDArray root = each.second.sqrt();
      root.attach(inner);
      root.divi(Math.sqrt(1 - Math.pow(Workload.BETA2, steps))).addi(Workload.ADAM_EPSILON);
      NDArray change = each.first.div(root);
      change.attach(inner);
      each.value.subi(change.muli(rate / (1 - Math.pow(Workload.BETA1, steps))));
      gradient.subi(gradient);
    }
  }

  @Override
  public void close() {
    manager.close();
  }
}
