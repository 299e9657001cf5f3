package org.peftsweep.compute.samediff;

import java.util.Arrays;
import java.util.function.Predicate;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.autodiff.samediff.VariableType;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.factory.Nd4j;
import org.peftsweep.compute.Tensor;

/**
 * Rows of a table by index. SameDiff's own operation has no derivative that works, so it serves for
 * tables that do not learn alone; others are scattered, or multiplied by ones in the places chosen.
 *
 * @param learning whether a tensor that is there before the step learns
 */
record ChosenRows(SameDiff graph, HostNumbers host, Predicate<Tensor> learning) {
  /** Copies of a table's rows for each row chosen, up to which scattering them is worth it. */
  private static final int MOST_COPIES = 8;

  /**
   * Returns {@code [ids, columns]}.
   *
   * @param rows what the table is
   * @param places what the ids are
   */
  SDVariable of(SDVariable rows, Tensor table, SDVariable places, Tensor ids) {
    boolean isLeaf = rows.getVariableType() != VariableType.ARRAY;
    if (isLeaf && !learning.test(table)) {
      return graph.gather(rows, graph.reshape(places, -1), 0);
    }
    if (places.getVariableType() == VariableType.CONSTANT) {
      int[] chosen = host.ints(ids);
      int copies = most(chosen, table.rows());
      if ((long) copies * table.rows() <= (long) MOST_COPIES * (chosen.length + 1)) {
        return scattered(rows, table, copies, chosen);
      }
    }
    return graph.mmul(isChosen(rows, table, isLeaf, places), rows);
  }

  /** Returns how often the row is chosen that is chosen most. */
  private static int most(int[] chosen, int rows) {
    int[] times = new int[rows];
    for (int row : chosen) {
      times[row]++;
    }
    return Arrays.stream(times).max().orElse(0);
  }

  /** Puts copies of all rows where they are chosen, or beyond the end. */
  private SDVariable scattered(SDVariable rows, Tensor table, int copies, int... chosen) {
    int[] to = new int[copies * table.rows()];
    Arrays.fill(to, chosen.length);
    int[] times = new int[table.rows()];
    for (int i = 0; i < chosen.length; i++) {
      to[times[chosen[i]]++ * table.rows() + chosen[i]] = i;
    }
    SDVariable[] all = new SDVariable[copies];
    Arrays.fill(all, rows);
    SDVariable whole = copies == 1 ? rows : graph.concat(0, all);
    SDVariable zeros =
        graph.constant(Nd4j.zeros(DataType.FLOAT, chosen.length + 1L, table.columns()));
    SDVariable placed = graph.scatterAdd(zeros, graph.constant(Nd4j.createFromArray(to)), whole);
    return graph.slice(placed, new int[] {0, 0}, chosen.length, table.columns());
  }

  /** Ones {@code [ids, rows]} where a row is chosen. */
  private SDVariable isChosen(SDVariable rows, Tensor table, boolean isLeaf, SDVariable places) {
    SDVariable all;
    if (isLeaf) {
      all = graph.constant(Nd4j.arange(table.rows()).castTo(DataType.INT).reshape(1, table.rows()));
    } else {
      // Whole numbers have no gradient.
      SDVariable ones = graph.castTo(rows.sum(true, 1).mul(0).add(1), DataType.INT);
      SDVariable counted = graph.cumsum(graph.castTo(ones, DataType.FLOAT), true, false, 0);
      all = graph.reshape(graph.castTo(counted, DataType.INT), 1, -1);
    }
    return graph.castTo(graph.eq(graph.reshape(places, -1, 1), all), DataType.FLOAT);
  }
}
