package org.peftsweep.method.adapter;

import java.util.List;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Var;
import org.peftsweep.model.Parameter;

/**
 * Rotations {@code R = (I − Q)(I + Q)⁻¹} of skew-symmetric blocks Q (Cayley's transform), one after
 * the other as {@code [blocks·side, side]}.
 *
 * <p>The blocks are inverted on the host, in double precision, before a pass; the way back needs
 * none: with {@code M = I + R}, {@code dQ = −½·Mᵀ·dR·Mᵀ}.
 *
 * @param parameter upper triangles {@code [blocks, side·(side − 1)/2]}, of which Q is the matrix
 *     less its transpose; or whole blocks D {@code [blocks·side, side]} with {@code Q = ½(D − Dᵀ)}
 * @param side of a block
 * @param triangles places of the upper triangles in all blocks; null for whole blocks
 */
public record Cayley(Parameter parameter, int blocks, int side, Places triangles) {
  /**
   * Returns the places of the upper triangles of blocks, row by row, in {@code [blocks·side,
   * side]}.
   */
  public static int[] upper(int blocks, int side) {
    int[] places = new int[blocks * (side * (side - 1) / 2)];
    int at = 0;
    for (int block = 0; block < blocks; block++) {
      for (int i = 0; i < side; i++) {
        for (int j = i + 1; j < side; j++) {
          places[at++] = (block * side + i) * side + j;
        }
      }
    }
    return places;
  }

  /** Returns the rotations of this pass. */
  public Var rotations(Tape tape) {
    if (tape.isGraph()) {
      return ofKernels(tape);
    }
    int rows = blocks * side;
    Backend backend = tape.backend();
    Tensor turned = tape.input(to -> write(backend, to, false), rows, side).value();
    Tensor sum = tape.input(to -> write(backend, to, true), rows, side).value();
    Tensor mask = triangles == null ? tape.floats(this::offDiagonal) : null;
    Tensor y = tape.arena().take(rows, side);
    backend.copy(turned, y);
    return tape.operation(
        y,
        dy -> tape.give(parameter.var(), to -> back(tape, dy, sum, mask, to)),
        List.of(),
        parameter.var());
  }

  /** The same rotations, {@code 2(I + Q)⁻¹ − I}, of nothing but kernels. */
  private Var ofKernels(Tape tape) {
    Backend backend = tape.backend();
    int rows = blocks * side;
    int size = rows * side;
    Tensor q = tape.arena().take(size, 1);
    Tensor learnt = parameter.value().reshape(Math.toIntExact(parameter.size()), 1);
    if (triangles == null) {
      backend.scale(0.5f, learnt, q);
    } else {
      backend.fill(q, 0);
      backend.scatterAdd(learnt, triangles.numbers(), q);
    }
    Tensor transposed = tape.arena().take(size, 1);
    backend.gather(q, tape.ints(this::transposes), false, transposed);
    backend.addScaled(-1, transposed, q);
    tape.done(transposed);
    Tensor identity = tape.floats(this::identity).reshape(rows, side);
    Tensor sum = q.reshape(rows, side);
    backend.addScaled(1, identity, sum);
    Var inverse = tape.inverses(tape.operation(sum, dy -> {}, List.of(), parameter.var()));
    Tensor y = tape.arena().take(rows, side);
    backend.scale(2, inverse.value(), y);
    backend.addScaled(-1, identity, y);
    return tape.operation(y, dy -> {}, List.of(), inverse);
  }

  /** Returns where the transpose of each block has its elements. */
  private int[] transposes() {
    int[] places = new int[blocks * side * side];
    for (int i = 0; i < places.length; i++) {
      int row = i / side;
      places[i] = (row / side * side + i % side) * side + row % side;
    }
    return places;
  }

  private float[] identity() {
    float[] identity = new float[blocks * side * side];
    for (int i = 0; i < identity.length; i++) {
      identity[i] = i / side % side == i % side ? 1 : 0;
    }
    return identity;
  }

  private void back(Tape tape, Tensor dy, Tensor sum, Tensor mask, Tensor to) {
    Backend backend = tape.backend();
    Tensor half = tape.arena().take(side, side);
    Tensor all = tape.arena().take(blocks * side, side);
    // Q is a matrix less its transpose, and so is its gradient's effect.
    float factor = triangles == null ? 0.5f : 1;
    for (int block = 0; block < blocks; block++) {
      Tensor m = sum.slice(block * side, side);
      Tensor g = dy.slice(block * side, side);
      Tensor out = all.slice(block * side, side);
      backend.gemm(true, false, 1, m, g, 0, half);
      backend.gemm(false, true, -0.5f * factor, half, m, 0, out);
      backend.gemm(false, true, 1, m, g, 0, half);
      backend.gemm(false, false, 0.5f * factor, half, m, 1, out);
    }
    if (triangles == null) {
      // What is no part of Q has a gradient of zero, and not of rounding, which Adam would enlarge.
      backend.multiply(all, mask.reshape(blocks * side, side), to.reshape(blocks * side, side));
    } else {
      int size = Math.toIntExact(to.size());
      backend.gather(
          all.reshape(blocks * side * side, 1), triangles.numbers(), false, to.reshape(size, 1));
    }
    tape.done(half);
    tape.done(all);
  }

  private float[] offDiagonal() {
    float[] mask = new float[blocks * side * side];
    for (int i = 0; i < mask.length; i++) {
      mask[i] = i / side % side == i % side ? 0 : 1;
    }
    return mask;
  }

  /** Writes the rotations, or each plus the identity. */
  private void write(Backend backend, Tensor to, boolean addsIdentity) {
    float[] values = new float[Math.toIntExact(parameter.size())];
    backend.read(parameter.value(), 0, values, 0, values.length);
    float[] turned = new float[blocks * side * side];
    for (int block = 0; block < blocks; block++) {
      double[][] twice = inverse(skew(values, block));
      for (int i = 0; i < side; i++) {
        for (int j = 0; j < side; j++) {
          // R + I is twice the inverse of I + Q.
          double value = 2 * twice[i][j] - (i == j && !addsIdentity ? 1 : 0);
          turned[(block * side + i) * side + j] = (float) value;
        }
      }
    }
    backend.write(turned, 0, to, 0, turned.length);
  }

  private double[][] skew(float[] values, int block) {
    double[][] q = new double[side][side];
    int at = block * (side * (side - 1) / 2);
    for (int i = 0; i < side; i++) {
      for (int j = i + 1; j < side; j++) {
        int up = (block * side + i) * side + j;
        int down = (block * side + j) * side + i;
        q[i][j] = triangles != null ? values[at++] : (values[up] - values[down]) / 2.0;
        q[j][i] = -q[i][j];
      }
    }
    return q;
  }

  /** {@code (I + Q)⁻¹} by elimination; its pivots are at least 1, as Q is skew-symmetric. */
  private double[][] inverse(double[][] q) {
    double[][] inverse = new double[side][side];
    for (int i = 0; i < side; i++) {
      q[i][i] = 1;
      inverse[i][i] = 1;
    }
    for (int pivot = 0; pivot < side; pivot++) {
      double scale = 1 / q[pivot][pivot];
      for (int j = 0; j < side; j++) {
        q[pivot][j] *= scale;
        inverse[pivot][j] *= scale;
      }
      for (int i = 0; i < side; i++) {
        double factor = q[i][pivot];
        if (i != pivot && factor != 0) {
          for (int j = 0; j < side; j++) {
            q[i][j] -= factor * q[pivot][j];
            inverse[i][j] -= factor * inverse[pivot][j];
          }
        }
      }
    }
    return inverse;
  }
}
