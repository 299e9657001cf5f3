package org.peftsweep.method.adapter;

import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.ElementType;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Var;
import org.peftsweep.model.Parameter;

/**
 * Learnt vectors of which others are mixed: each the sum of those few of the bank whose logits are
 * largest, weighted by the softmax of these.
 *
 * @param vectors {@code [count, length]}
 * @param chosen vectors of a mixture
 */
public record VectorBank(Parameter vectors, int chosen) {
  /**
   * Returns mixtures {@code [n, length]} in the order of their logits.
   *
   * @param logits {@code [n, count]} in any shape; none but the largest get a gradient
   */
  public Var mix(Tape tape, Backend backend, Parameter logits) {
    int count = vectors.value().rows();
    int mixtures = Math.toIntExact(logits.size() / count);
    // Chosen anew by each pass, also of a plan.
    Tensor both = tape.ints(() -> largest(backend, logits.value(), count, mixtures));
    int most = chosen * mixtures;
    Tensor places = new Tensor(ElementType.I32, both.memory(), both.offset(), most);
    Tensor ids = new Tensor(ElementType.I32, both.memory(), both.offset() + most, most);
    Var scores = Matrices.gather(tape, logits.var(), places, chosen, mixtures);
    Var weights = softmaxOfColumns(tape, scores);
    tape.done(scores);
    Var column = tape.reshape(weights, chosen * mixtures, 1);
    tape.done(weights);
    Var rows = tape.gather(vectors.var(), ids);
    Var weighted = tape.multiplyColumn(rows, column);
    tape.done(rows);
    tape.done(column);
    Var sums = sumOfBlocks(tape, weighted, mixtures);
    tape.done(weighted);
    return sums;
  }

  /**
   * Places of the largest logits of each mixture, all largest ones before all second ones; behind
   * them the vectors that they are of.
   */
  private int[] largest(Backend backend, Tensor logits, int count, int mixtures) {
    float[] values = new float[mixtures * count];
    backend.read(logits, 0, values, 0, values.length);
    int[] places = new int[2 * chosen * mixtures];
    for (int i = 0; i < mixtures; i++) {
      int from = i * count;
      int[] order =
          IntStream.range(from, from + count)
              .boxed()
              .sorted(Comparator.comparingDouble(place -> -values[place]))
              .limit(chosen)
              .mapToInt(Integer::intValue)
              .toArray();
      for (int j = 0; j < chosen; j++) {
        places[j * mixtures + i] = order[j];
        places[(chosen + j) * mixtures + i] = order[j] - from;
      }
    }
    return places;
  }

  /**
   * The softmax of each column of x, whose first row has the largest values; {@code eˣ = (1 + t)/(1
   * − t)} with {@code t = tanh(x/2)}, to 1e-7.
   */
  private static Var softmaxOfColumns(Tape tape, Var x) {
    Backend backend = tape.backend();
    Tensor in = x.value();
    Tensor y = tape.arena().take(in.shape());
    Tensor below = tape.arena().take(in.shape());
    Tensor row = tape.arena().take(in.columns());
    backend.scale(-1, in.slice(0, 1).reshape(in.columns()), row);
    backend.addRow(in, row, y);
    backend.scale(0.5f, y, y);
    backend.tanh(y, y);
    backend.fill(below, 1);
    backend.addScaled(-1, y, below);
    backend.reciprocal(below, below);
    Tensor ones = tape.arena().take(in.shape());
    backend.fill(ones, 1);
    backend.addScaled(1, ones, y);
    backend.multiply(y, below, y);
    backend.sumRows(y, 0, row);
    backend.reciprocal(row, row);
    backend.multiplyRow(y, row, y);
    for (Tensor scratch : List.of(below, row, ones)) {
      tape.done(scratch);
    }
    return tape.operation(
        y,
        dy ->
            tape.give(
                x,
                dx -> {
                  Tensor shared = tape.arena().take(in.columns());
                  backend.dotRows(dy, y, 0, shared);
                  backend.scale(-1, shared, shared);
                  backend.addRow(dy, shared, dx);
                  backend.multiply(dx, y, dx);
                  tape.done(shared);
                }),
        List.of(y),
        x);
  }

  /** Sums blocks of so many rows. */
  private static Var sumOfBlocks(Tape tape, Var x, int rows) {
    Backend backend = tape.backend();
    Tensor in = x.value();
    int blocks = in.rows() / rows;
    Tensor y = tape.arena().take(rows, in.columns());
    backend.copy(in.slice(0, rows), y);
    for (int i = 1; i < blocks; i++) {
      backend.addScaled(1, in.slice(i * rows, rows), y);
    }
    return tape.operation(
        y,
        dy ->
            tape.give(
                x,
                dx -> {
                  for (int i = 0; i < blocks; i++) {
                    backend.copy(dy, dx.slice(i * rows, rows));
                  }
                }),
        List.of(),
        x);
  }
}
