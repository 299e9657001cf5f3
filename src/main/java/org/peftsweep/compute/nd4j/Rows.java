package org.peftsweep.compute.nd4j;

import java.util.stream.IntStream;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.DynamicCustomOp;
import org.nd4j.linalg.factory.Nd4j;
import org.peftsweep.compute.Tensor;

/** Kernels with integer inputs, and losses. */
final class Rows {
  private final Nd4jBackend backend;
  private final Views views;

  Rows(Nd4jBackend backend, Views views) {
    this.backend = backend;
    this.views = views;
  }

  void gather(Tensor table, int[] ids, boolean adds, Tensor out) {
    requireRows(table, ids);
    INDArray rows = adds ? views.scratch(0, out.rows(), out.columns()) : views.matrix(out);
    gather(views.matrix(table), ids, rows);
    if (adds) {
      Ops.axpy(1, views.scratch(0, out.size()), views.flat(out));
    }
  }

  private static void gather(INDArray table, int[] ids, INDArray out) {
    try (Integers indices = new Integers(ids)) {
      Nd4j.exec(
          DynamicCustomOp.builder("gather")
              .addInputs(table, indices.array())
              .addOutputs(out)
              .addIntegerArguments(0)
              .build());
    }
  }

  void scatterAdd(Tensor rows, int[] ids, Tensor table) {
    requireRows(table, ids);
    int[] taken = IntStream.range(0, ids.length).filter(i -> ids[i] >= 0).toArray();
    if (taken.length == 0) {
      return;
    }
    INDArray updates = views.matrix(rows);
    if (taken.length < ids.length) {
      updates = views.scratch(0, taken.length, rows.columns());
      gather(views.matrix(rows), taken, updates);
    }
    INDArray target = views.matrix(table);
    try (Integers indices = new Integers(IntStream.of(taken).map(i -> ids[i]).toArray())) {
      Nd4j.exec(
          DynamicCustomOp.builder("scatter_add")
              .addInputs(target, indices.array(), updates)
              .addOutputs(target)
              .callInplace(true)
              // Locks, so that repeated ids add up, in order.
              .addBooleanArguments(true)
              .build());
    }
  }

  double crossEntropy(Tensor logits, int[] labels, Tensor dLogits) {
    int count = (int) IntStream.of(labels).filter(label -> label >= 0).count();
    if (count == 0) {
      if (dLogits != null) {
        backend.fill(dLogits, 0);
      }
      return 0;
    }
    int[] classes = new int[labels.length];
    float[] weights = new float[labels.length];
    for (int i = 0; i < labels.length; i++) {
      classes[i] = Math.max(0, labels[i]);
      weights[i] = labels[i] < 0 ? 0 : 1f / count;
    }
    int rows = labels.length;
    INDArray losses = views.scratch(0, rows);
    try (Integers indices = new Integers(classes)) {
      Nd4j.exec(
          DynamicCustomOp.builder("sparse_softmax_cross_entropy_loss_with_logits")
              .addInputs(indices.array(), views.matrix(logits))
              .addOutputs(losses)
              .build());
      double sum = 0;
      float[] values = views.readScratch(0, 0, rows);
      for (int i = 0; i < rows; i++) {
        sum += labels[i] < 0 ? 0 : values[i];
      }
      if (dLogits != null) {
        INDArray gradient = views.scratch(0, rows, logits.columns());
        Nd4j.exec(
            DynamicCustomOp.builder("sparse_softmax_cross_entropy_loss_with_logits_grad")
                .addInputs(indices.array(), views.matrix(logits))
                .addOutputs(gradient)
                .build());
        views.scratch(1, weights, rows);
        Ops.multiply(gradient, views.scratch(1, rows, 1), views.matrix(dLogits));
      }
      return sum / count;
    }
  }

  double meanSquaredError(Tensor x, float[] target, Tensor dx) {
    int n = target.length;
    INDArray difference = views.scratch(0, target, n);
    Ops.subtract(views.flat(x), difference, difference);
    double sum = 0;
    for (float value : views.readScratch(0, 0, n)) {
      sum += (double) value * value;
    }
    if (dx != null) {
      difference.muli(2.0 / n, views.flat(dx));
    }
    return sum / n;
  }

  private static void requireRows(Tensor table, int[] ids) {
    int rows = table.rows();
    for (int id : ids) {
      if (id >= rows) {
        throw new IllegalArgumentException(
            "Cannot take row " + id + " of " + table + ": it has " + rows + " rows");
      }
    }
  }

  /** Integers on the device for the time of one call. */
  private record Integers(INDArray array) implements AutoCloseable {
    Integers(int[] values) {
      this(Nd4j.createFromArray(values));
    }

    @Override
    public void close() {
      Nd4j.getExecutioner().commit();
      array.close();
    }
  }
}
