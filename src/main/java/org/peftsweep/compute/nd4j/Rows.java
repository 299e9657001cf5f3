package org.peftsweep.compute.nd4j;

import java.util.stream.IntStream;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.DynamicCustomOp;
import org.nd4j.linalg.factory.Nd4j;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Sizes;
import org.peftsweep.compute.Tensor;

/** Kernels with integer inputs, and losses. */
final class Rows {
  private final Backend backend;
  private final Views views;
  private final Halves halves;

  Rows(Backend backend, Views views, Halves halves) {
    this.backend = backend;
    this.views = views;
    this.halves = halves;
  }

  void gather(Tensor table, int[] ids, boolean adds, Tensor out) {
    requireRows(table, ids);
    for (int id : ids) {
      if (id < 0) {
        throw new IllegalArgumentException(
            "Cannot take row " + id + " of " + table + ": give ids of at least 0");
      }
    }
    INDArray rows = adds ? views.scratch(0, out.rows(), out.columns()) : views.matrix(out);
    if (Halves.isHalf(table)) {
      rows.assign(views.matrix(halves.rows(table, ids)));
    } else {
      try (Integers indices = new Integers(ids)) {
        gather(views.matrix(table), indices, rows);
      }
    }
    if (adds) {
      Ops.axpy(1, views.scratch(0, out.size()), views.flat(out));
    }
  }

  private static void gather(INDArray table, Integers indices, INDArray out) {
    Nd4j.exec(
        DynamicCustomOp.builder("gather")
            .addInputs(table, indices.array())
            .addOutputs(out)
            .addIntegerArguments(0)
            .build());
  }

  private static void scatterAdd(INDArray rows, Integers indices, INDArray table) {
    Nd4j.exec(
        DynamicCustomOp.builder("scatter_add")
            .addInputs(table, indices.array(), rows)
            .addOutputs(table)
            .callInplace(true)
            // Locks, so that repeated ids add up, in order.
            .addBooleanArguments(true)
            .build());
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
      try (Integers indices = new Integers(taken)) {
        gather(views.matrix(rows), indices, updates);
      }
    }
    try (Integers indices = new Integers(IntStream.of(taken).map(i -> ids[i]).toArray())) {
      scatterAdd(updates, indices, views.matrix(table));
    }
  }

  /** By the host: ND4J has no such operation whose gradients add up in one order. */
  void sumColumns(Tensor x, int[] starts, int[] columns, Tensor out) {
    Sizes.columns(x, starts, columns, out);
    float[] in = new float[Math.toIntExact(x.size())];
    backend.read(x, 0, in, 0, in.length);
    float[] sums = new float[Math.toIntExact(out.size())];
    for (int at = 0; at < sums.length; at++) {
      int row = at / out.columns() * x.columns();
      int j = at % out.columns();
      for (int e = starts[j]; e < starts[j + 1]; e++) {
        sums[at] += in[row + columns[e]];
      }
    }
    backend.write(sums, 0, out, 0, sums.length);
  }

  /** Returns the mean loss. */
  double crossEntropy(Tensor logits, int[] labels, Tensor dLogits) {
    int count = (int) IntStream.of(labels).filter(label -> label >= 0).count();
    if (count == 0) {
      if (dLogits != null) {
        backend.fill(dLogits, 0);
      }
      return 0;
    }
    int rows = labels.length;
    int classes = logits.columns();
    int[] places = new int[rows];
    for (int i = 0; i < rows; i++) {
      requireClass(labels[i], classes);
      places[i] = Math.toIntExact((long) i * classes + Math.max(0, labels[i]));
    }
    INDArray shifted = views.scratch(0, rows, classes);
    INDArray column = views.scratch(1, rows, 1);
    Ops.rowMaxima(views.matrix(logits), column);
    Ops.subtract(views.matrix(logits), column, shifted);
    float[] scores;
    try (Integers indices = new Integers(places)) {
      gather(views.scratch(0, shifted.length(), 1), indices, column);
      scores = views.readScratch(1, 0, rows);
    }
    Ops.exp(shifted, shifted);
    Ops.matmul(false, false, 1, shifted, views.ones(classes, 1), 0, column);
    float[] denominators = views.readScratch(1, 0, rows);
    double sum = 0;
    float[] factors = new float[rows];
    for (int i = 0; i < rows; i++) {
      if (labels[i] >= 0) {
        sum += Math.log(denominators[i]) - scores[i];
        factors[i] = 1 / (denominators[i] * count);
      }
    }
    if (dLogits != null) {
      views.scratch(1, factors, rows);
      Ops.multiply(shifted, column, views.matrix(dLogits));
      for (int i = 0; i < rows; i++) {
        factors[i] = labels[i] < 0 ? 0 : -1f / count;
      }
      views.scratch(1, factors, rows);
      try (Integers indices = new Integers(places)) {
        scatterAdd(column, indices, views.column(dLogits));
      }
    }
    return sum / count;
  }

  /** Returns the mean loss. */
  double meanSquaredError(Tensor x, Tensor target, Tensor dx) {
    int n = Math.toIntExact(target.size());
    INDArray difference = views.scratch(0, n);
    Ops.subtract(views.flat(x), views.flat(target), difference);
    double sum = 0;
    for (float value : views.readScratch(0, 0, n)) {
      sum += (double) value * value;
    }
    if (dx != null) {
      difference.muli(2.0 / n, views.flat(dx));
    }
    return sum / n;
  }

  private static void requireClass(int label, int classes) {
    if (label >= classes) {
      throw new IllegalArgumentException(
          "Cannot score label " + label + ": there are " + classes + " classes");
    }
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
