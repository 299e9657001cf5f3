package org.peftsweep.method.adapter;

import java.util.ArrayList;
import java.util.List;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Var;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Sublayer;

/**
 * A parameterised hypercomplex layer whose parts have rank 1: {@code y = x·H + b} with {@code H =
 * Σᵢ Cᵢ ⊗ (Sᵢ·Tᵢ)}, {@code Cᵢ [n, n]}, {@code Sᵢ [in/n, 1]} and {@code Tᵢ [1, out/n]} (Mahabadi et
 * al., arXiv:2106.04647, §4).
 *
 * @param rule C {@code [n, n, n]}, which all layers of a model share
 * @param left S {@code [n, in/n, 1]}
 * @param right T {@code [n, 1, out/n]}
 * @param bias {@code [out]}
 * @param shape places that the parts' elements are read from
 * @param held what it holds for others too
 */
public record Hypercomplex(
    Parameter rule,
    Parameter left,
    Parameter right,
    Parameter bias,
    Shape shape,
    List<Parameter> held)
    implements Affine {
  /** Where the elements of S, T and of H's Kronecker products are. */
  record Shape(Places ofLeft, Places ofRight, Places order) {}

  /**
   * Makes a layer.
   *
   * @param name of the layer within its adapter
   * @param n parts, which must divide both sides
   * @param held parameters that others use too, which this layer is to hold
   */
  public static Hypercomplex of(
      AttachContext to,
      Sublayer at,
      String name,
      Parameter rule,
      int n,
      int in,
      int out,
      List<Parameter> held) {
    Backend backend = to.backend();
    int rows = in / n;
    int columns = out / n;
    Parameter left = Bottlenecks.zeros(to, at, name + ".W_left", n, rows, 1).train(backend);
    Parameter right = Bottlenecks.zeros(to, at, name + ".W_right", n, 1, columns).train(backend);
    // Glorot's bound with a gain of √2, as in the authors' code.
    to.uniform(left, Math.sqrt(12.0 / (rows + 1)));
    to.uniform(right, Math.sqrt(12.0 / (columns + 1)));
    Parameter bias = Bottlenecks.zeros(to, at, name + ".b", out).train(backend);
    int[] ofLeft = new int[n * rows * columns];
    int[] ofRight = new int[ofLeft.length];
    for (int i = 0; i < ofLeft.length; i++) {
      ofLeft[i] = i / columns;
      ofRight[i] = i / (rows * columns) * columns + i % columns;
    }
    Shape shape =
        new Shape(
            places(to, at, name + ".left", ofLeft),
            places(to, at, name + ".right", ofRight),
            places(to, at, name + ".order", Kronecker.order(n, n, rows, columns)));
    return new Hypercomplex(rule, left, right, bias, shape, held);
  }

  private static Places places(AttachContext to, Sublayer at, String name, int[] numbers) {
    Places places = Places.of(Bottlenecks.zeros(to, at, name, numbers.length));
    to.backend().write(numbers, places.numbers());
    return places;
  }

  @Override
  public Var of(Tape tape, Var x) {
    int n = left.shape()[0];
    int rows = left.shape()[1];
    int columns = right.shape()[2];
    Var s = Matrices.gather(tape, left.var(), shape.ofLeft.numbers(), n, rows * columns);
    Var t = Matrices.gather(tape, right.var(), shape.ofRight.numbers(), n, rows * columns);
    Var parts = tape.multiply(s, t);
    tape.done(s);
    tape.done(t);
    Var c = tape.reshape(rule.var(), n, n * n);
    Var products = Matrices.product(tape, c, true, parts, false, 1);
    tape.done(c);
    tape.done(parts);
    Var whole = Matrices.gather(tape, products, shape.order.numbers(), n * rows, n * columns);
    tape.done(products);
    Var y = Matrices.product(tape, x, whole);
    tape.done(whole);
    return tape.addRow(y, bias.var());
  }

  @Override
  public List<Parameter> kept() {
    List<Parameter> kept = new ArrayList<>(held);
    kept.addAll(List.of(left, right, bias));
    return kept;
  }

  @Override
  public List<Parameter> parameters() {
    List<Parameter> all = new ArrayList<>(kept());
    all.addAll(
        List.of(shape.ofLeft.parameter(), shape.ofRight.parameter(), shape.order.parameter()));
    return all;
  }
}
