package org.peftsweep.method.adapter;

import java.util.List;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Var;

/** Operations on matrices that learn, of which methods make their updates; all have a way back. */
public final class Matrices {
  private Matrices() {}

  /** {@code alpha·op(a)·op(b)} with op the transpose where asked. */
  public static Var product(
      Tape tape, Var a, boolean transposeA, Var b, boolean transposeB, float alpha) {
    Backend backend = tape.backend();
    Tensor left = a.value();
    Tensor right = b.value();
    int rows = transposeA ? left.columns() : left.rows();
    int columns = transposeB ? right.rows() : right.columns();
    Tensor y = tape.arena().take(rows, columns);
    backend.gemm(transposeA, transposeB, alpha, left, right, 0, y);
    return tape.operation(
        y,
        dy -> {
          tape.give(
              a,
              da -> {
                if (transposeA) {
                  backend.gemm(transposeB, true, alpha, right, dy, 0, da);
                } else {
                  backend.gemm(false, !transposeB, alpha, dy, right, 0, da);
                }
              });
          tape.give(
              b,
              db -> {
                if (transposeB) {
                  backend.gemm(true, transposeA, alpha, dy, left, 0, db);
                } else {
                  backend.gemm(!transposeA, false, alpha, left, dy, 0, db);
                }
              });
        },
        List.of(left, right),
        a,
        b);
  }

  /** {@code a·b}. */
  public static Var product(Tape tape, Var a, Var b) {
    return product(tape, a, false, b, false, 1);
  }

  /**
   * Zeros but for the elements of x, which go to places of the row-major result; those that meet
   * are added.
   *
   * @param places {@code I32}, one an element of x
   */
  public static Var scatter(Tape tape, Var x, Tensor places, int rows, int columns) {
    Backend backend = tape.backend();
    Tensor y = tape.arena().take(rows, columns);
    backend.fill(y, 0);
    backend.scatterAdd(column(x.value()), places, column(y));
    return tape.operation(
        y,
        dy -> tape.give(x, dx -> backend.gather(column(dy), places, false, column(dx))),
        List.of(),
        x);
  }

  /**
   * The elements of x at places of its row-major order.
   *
   * @param places {@code I32}, one an element of the result
   */
  public static Var gather(Tape tape, Var x, Tensor places, int rows, int columns) {
    Backend backend = tape.backend();
    tape.learns(x);
    Tensor y = tape.arena().take(rows, columns);
    backend.gather(column(x.value()), places, false, column(y));
    return tape.operation(
        y,
        dy ->
            tape.give(
                x,
                dx -> {
                  backend.fill(dx, 0);
                  backend.scatterAdd(column(dy), places, column(dx));
                }),
        List.of(),
        x);
  }

  private static Tensor column(Tensor x) {
    return x.reshape(Math.toIntExact(x.size()), 1);
  }

  /** A frozen weight's values in 32-bit floats, in memory of the pass where they lie otherwise. */
  public static Var values(Tape tape, Var weight, int rows, int columns) {
    Tensor copy = tape.arena().take(rows, columns);
    weight.weight().copy(tape.backend(), copy);
    return tape.operation(
        copy, dy -> tape.give(weight, dw -> tape.backend().copy(dy, dw)), List.of(), weight);
  }

  /** {@code x·σ(x)}, which is called swish and SiLU; x is read again on the way back. */
  public static Var swish(Tape tape, Var x) {
    Tensor ones = tape.arena().take(x.value().shape());
    tape.backend().fill(ones, 1);
    Var y = tape.swiglu(x, Var.constant(ones));
    tape.done(ones);
    return y;
  }
}
