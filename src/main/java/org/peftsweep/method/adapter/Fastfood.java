package org.peftsweep.method.adapter;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Var;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Parameter;

/**
 * A random linear map of few numbers to all entries of a matrix that is never written out (Le et
 * al., ICML 2013): {@code M·z = (H·G·Π·H·B·pad(z))[0, size) / √(size·ΣG²)}, with n the power of two
 * from the larger of size and the length of z on, H the Hadamard transform of n, signs B, a
 * permutation Π and normal G. It keeps lengths on average, holds 2n numbers besides the signs of z,
 * and takes O(n·log n).
 *
 * <p>H is a product of small ones along the axes of z as a table of many: a product with each in
 * turn, transposed, leaves the axes as they were.
 */
public final class Fastfood {
  /** The logarithm of the side of most factors of H. */
  private static final int BITS = 5;

  private final Parameter signs;
  private final Places order;
  private final Parameter gains;
  private final List<Parameter> hadamards;
  private final int length;
  private final int rows;
  private final int columns;

  private Fastfood(
      Parameter signs,
      Places order,
      Parameter gains,
      List<Parameter> hadamards,
      int rows,
      int columns) {
    this.signs = signs;
    this.order = order;
    this.gains = gains;
    this.hadamards = hadamards;
    this.length = Math.toIntExact(gains.size());
    this.rows = rows;
    this.columns = columns;
  }

  /** Makes maps for targets, which share the factors of H. */
  public static final class Maker {
    private final AttachContext to;
    private final int inputs;
    private final Map<Integer, Parameter> hadamards = new HashMap<>();

    /**
     * @param inputs numbers that are mapped
     */
    public Maker(AttachContext to, int inputs) {
      this.to = to;
      this.inputs = inputs;
    }

    /**
     * Makes a target's map.
     *
     * @param random draws B, Π and G
     * @param all takes the frozen tensors that the map brings
     */
    public Fastfood of(Linear linear, SplittableRandom random, List<Parameter> all) {
      int size = Math.multiplyExact(linear.out(), linear.in());
      int bits = Integer.SIZE - Integer.numberOfLeadingZeros(Math.max(size, inputs) - 1);
      int length = 1 << bits;
      Parameter signs = to.zeros(linear, "fastfood_signs", 1, inputs);
      float[] drawn = new float[inputs];
      for (int i = 0; i < inputs; i++) {
        drawn[i] = random.nextBoolean() ? 1 : -1;
      }
      to.backend().write(drawn, 0, signs.value(), 0, inputs);
      Places order = Places.of(to.backend(), linear, "fastfood_order", Draws.order(random, length));
      Parameter gains = to.zeros(linear, "fastfood_gains", 1, length);
      write(gains, random, size);
      all.addAll(List.of(signs, order.parameter(), gains));
      List<Parameter> factors = new ArrayList<>();
      for (int left = bits; left > 0; left -= BITS) {
        int side = 1 << Math.min(BITS, left);
        factors.add(
            hadamards.computeIfAbsent(
                side,
                key -> {
                  Parameter own = hadamard(linear, side);
                  all.add(own);
                  return own;
                }));
      }
      return new Fastfood(signs, order, gains, factors, linear.out(), linear.in());
    }

    /** G over what makes the map keep lengths. */
    private void write(Parameter gains, SplittableRandom random, int size) {
      double[] drawn = new double[Math.toIntExact(gains.size())];
      Arrays.setAll(drawn, i -> random.nextGaussian());
      double squares = Arrays.stream(drawn).map(g -> g * g).sum();
      float[] values = new float[drawn.length];
      for (int i = 0; i < values.length; i++) {
        values[i] = (float) (drawn[i] / Math.sqrt(size * squares));
      }
      to.backend().write(values, 0, gains.value(), 0, values.length);
    }

    private Parameter hadamard(Linear linear, int side) {
      Parameter matrix = to.zeros(linear, "fastfood_hadamard_" + side, side, side);
      float[] values = new float[side * side];
      for (int i = 0; i < values.length; i++) {
        values[i] = Integer.bitCount((i / side) & (i % side)) % 2 == 0 ? 1 : -1;
      }
      to.backend().write(values, 0, matrix.value(), 0, values.length);
      return matrix;
    }
  }

  /** Returns {@code M·z}, z {@code [1, inputs]}, in the shape of the target. */
  public Var of(Tape tape, Var z) {
    Var signed = tape.multiply(z, signs.var());
    Var padded = padded(tape, signed, length);
    tape.done(signed);
    Var mixed = transformed(tape, padded);
    tape.done(padded);
    Var ordered = Matrices.gather(tape, mixed, order.numbers(), 1, length);
    tape.done(mixed);
    Var scaled = tape.multiply(ordered, gains.var());
    tape.done(ordered);
    Var spread = transformed(tape, scaled);
    tape.done(scaled);
    Var first = first(tape, spread, rows * columns);
    tape.done(spread);
    Var matrix = tape.reshape(first, rows, columns);
    tape.done(first);
    return matrix;
  }

  private static Var padded(Tape tape, Var x, int length) {
    Backend backend = tape.backend();
    int own = Math.toIntExact(x.value().size());
    Tensor y = tape.arena().take(length, 1);
    backend.fill(y, 0);
    backend.copy(x.value().reshape(own, 1), y.slice(0, own));
    return tape.operation(
        y,
        dy -> tape.give(x, dx -> backend.copy(dy.slice(0, own), dx.reshape(own, 1))),
        List.of(),
        x);
  }

  private static Var first(Tape tape, Var x, int count) {
    Backend backend = tape.backend();
    int all = Math.toIntExact(x.value().size());
    Tensor y = tape.arena().take(count, 1);
    backend.copy(x.value().reshape(all, 1).slice(0, count), y);
    return tape.operation(
        y,
        dy ->
            tape.give(
                x,
                dx -> {
                  Tensor column = dx.reshape(all, 1);
                  backend.fill(column, 0);
                  backend.copy(dy, column.slice(0, count));
                }),
        List.of(),
        x);
  }

  /** {@code H·x}, which is its own transpose. */
  private Var transformed(Tape tape, Var x) {
    Backend backend = tape.backend();
    Tensor y = tape.arena().take(1, length);
    transform(tape, backend, x.value(), y);
    return tape.operation(
        y, dy -> tape.give(x, dx -> transform(tape, backend, dy, dx)), List.of(), x);
  }

  private void transform(Tape tape, Backend backend, Tensor x, Tensor y) {
    Tensor from = x;
    for (int i = 0; i < hadamards.size(); i++) {
      Tensor factor = hadamards.get(i).value();
      int side = factor.rows();
      boolean isLast = i == hadamards.size() - 1;
      Tensor to = isLast ? y : tape.arena().take(1, length);
      backend.gemm(
          true,
          false,
          1,
          from.reshape(side, length / side),
          factor,
          0,
          to.reshape(length / side, side));
      if (i > 0) {
        tape.done(from);
      }
      from = to;
    }
  }
}
