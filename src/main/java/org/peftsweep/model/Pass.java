package org.peftsweep.model;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.peftsweep.compute.Lanes;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Var;
import org.peftsweep.data.Batch;

/**
 * A forward pass of several models over the same frozen weights, each with rows of its own: what
 * they share is computed once over the rows of all.
 *
 * <p>Everywhere a list has the same part of each lane's model, in the order of lanes.
 */
record Pass(Tape tape) {
  /** Makes what comes out of one lane's rows. */
  private interface Step {
    Var of(int lane, Var rows);
  }

  /** {@code x [n, in]} to {@code [n, out]}, adapted or trained as each lane has it. */
  Var linear(List<Linear> parts, Var x, Lanes lanes) {
    Linear first = parts.get(0);
    if (parts.size() == 1) {
      return first.forward(tape, x);
    }
    if (!parts.stream().allMatch(part -> part.sharesWeight(first))) {
      return each(x, lanes, false, (lane, rows) -> parts.get(lane).forward(tape, rows));
    }
    if (arePlain(parts)) {
      return first.forward(tape, x);
    }
    Var product = parts.stream().anyMatch(Linear::usesProduct) ? first.product(tape, x) : null;
    Var[] inputs = tape.split(x, lanes);
    Var[] products = new Var[inputs.length];
    if (product != null) {
      products = tape.split(product, lanes);
      tape.done(product);
    }
    for (int lane = 0; lane < inputs.length; lane++) {
      tape.lane(lane);
      Linear part = parts.get(lane);
      Var own = products[lane];
      if (own != null && !part.usesProduct()) {
        tape.done(own);
        own = null;
      }
      products[lane] = part.adapted(tape, inputs[lane], own);
    }
    for (Var input : inputs) {
      tape.done(input);
    }
    tape.lane(0);
    return tape.join(products, lanes);
  }

  /** Returns each lane's {@code linear(x)} for itself: lanes may differ in what comes out. */
  List<Var> heads(List<Linear> parts, Var x, Lanes lanes) {
    Var[] rows = tape.split(x, lanes);
    List<Var> outputs = new ArrayList<>();
    for (int lane = 0; lane < rows.length; lane++) {
      tape.lane(lane);
      outputs.add(parts.get(lane).forward(tape, rows[lane]));
      tape.done(rows[lane]);
    }
    tape.lane(0);
    return outputs;
  }

  /** {@code GELU(linear(x))}. */
  Var linearGelu(List<Linear> parts, Var x, Lanes lanes) {
    if (parts.size() == 1 || arePlain(parts)) {
      return parts.get(0).forwardGelu(tape, x);
    }
    Var inner = linear(parts, x, lanes);
    Var y = tape.gelu(inner, null);
    tape.done(inner);
    return y;
  }

  private static boolean arePlain(List<Linear> parts) {
    Linear first = parts.get(0);
    return parts.stream()
        .allMatch(part -> part.isPlain() && part.sharesWeight(first) && part.sharesBias(first));
  }

  /** Layer norm of {@code x + residual}; consumes x. */
  Var normOfSum(List<Norm> parts, Var x, Var residual, Lanes lanes) {
    Norm first = parts.get(0);
    if (parts.stream().allMatch(first::isSharedWith)) {
      return first.ofSum(tape, x, residual);
    }
    Var[] residuals = tape.split(residual, lanes);
    Var y =
        each(x, lanes, true, (lane, rows) -> parts.get(lane).ofSum(tape, rows, residuals[lane]));
    for (Var rows : residuals) {
      tape.done(rows);
    }
    return y;
  }

  /** Layer norm of x. */
  Var norm(List<Norm> parts, Var x, Lanes lanes) {
    Norm first = parts.get(0);
    return parts.stream().allMatch(first::isSharedWith)
        ? first.of(tape, x)
        : each(x, lanes, false, (lane, rows) -> parts.get(lane).of(tape, rows));
  }

  /** RMS norm of x. */
  Var rmsNorm(List<Parameter> parts, Var x, float epsilon, Lanes lanes) {
    Parameter first = parts.get(0);
    return parts.stream().allMatch(first::isSharedWith)
        ? tape.rmsNorm(x, first.var(), epsilon)
        : each(x, lanes, false, (lane, rows) -> tape.rmsNorm(rows, parts.get(lane).var(), epsilon));
  }

  /** Turns heads by rotary positions, each lane's rows being of its own length; consumes x. */
  Var rotary(RotaryTables tables, Var x, Packed packed) {
    tables.reserve(packed.batches().stream().mapToInt(Batch::tokens).max().orElse(0));
    return each(
        x,
        packed.all(),
        true,
        (lane, rows) -> tables.turn(tape, rows, packed.batches().get(lane).tokens()));
  }

  /** Refuses lanes whose tables are not the same frozen memory. */
  static void requireShared(List<List<Parameter>> tables) {
    for (List<Parameter> own : tables) {
      for (int i = 0; i < own.size(); i++) {
        if (!own.get(i).isSharedWith(tables.get(0).get(i))) {
          throw new IllegalStateException(
              "Cannot run lanes of different " + own.get(i).name() + " in one pass");
        }
      }
    }
  }

  /** Returns the same part of every lane. */
  static <M, P> List<P> parts(List<M> lanes, Function<M, P> part) {
    return lanes.stream().map(part).toList();
  }

  private Var each(Var x, Lanes lanes, boolean consumes, Step step) {
    Var[] parts = tape.split(x, lanes);
    if (consumes) {
      tape.done(x);
    }
    Var[] made = new Var[parts.length];
    for (int lane = 0; lane < parts.length; lane++) {
      tape.lane(lane);
      made[lane] = step.of(lane, parts[lane]);
      if (!consumes) {
        tape.done(parts[lane]);
      }
    }
    tape.lane(0);
    return tape.join(made, lanes);
  }
}
