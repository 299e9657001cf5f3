package org.peftsweep.model;

import java.util.List;
import java.util.function.Function;
import org.peftsweep.compute.Lanes;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Var;

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
    if (parts.size() == 1 || arePlain(parts) && !areFew(parts, lanes)) {
      return parts.get(0).forward(tape, x);
    }
    if (areFew(parts, lanes) || !shareWeight(parts)) {
      return each(x, lanes, false, (lane, rows) -> parts.get(lane).forward(tape, rows));
    }
    return tape.join(adapted(parts, x, lanes, true), lanes);
  }

  /** {@code GELU(linear(x))}. */
  Var linearGelu(List<Linear> parts, Var x, Lanes lanes) {
    if (parts.size() == 1 || arePlain(parts) && !areFew(parts, lanes)) {
      return parts.get(0).forwardGelu(tape, x);
    }
    if (areFew(parts, lanes) || !shareWeight(parts)) {
      return each(x, lanes, false, (lane, rows) -> parts.get(lane).forwardGelu(tape, rows));
    }
    Var[] inner = adapted(parts, x, lanes, false);
    Var[] made = new Var[inner.length];
    for (int lane = 0; lane < inner.length; lane++) {
      made[lane] = parts.get(lane).gelu(tape, inner[lane]);
      tape.done(inner[lane]);
    }
    return tape.join(made, lanes);
  }

  /**
   * Returns each lane's rows of one product, with what adapts them.
   *
   * @param addsBias whether lanes that nothing adapts get their bias
   */
  private Var[] adapted(List<Linear> parts, Var x, Lanes lanes, boolean addsBias) {
    Linear first = parts.get(0);
    Var[] biases = new Var[parts.size()];
    for (int lane = 0; lane < biases.length; lane++) {
      Linear part = parts.get(lane);
      boolean adds = addsBias && part.isPlain() && part.bias() != null;
      biases[lane] = adds ? part.bias().var() : null;
    }
    Var[] outputs = new Var[parts.size()];
    if (parts.stream().anyMatch(Linear::usesProduct)) {
      Var product = tape.linear(x, first.weight().var(), biases, lanes);
      outputs = tape.split(product, lanes);
      tape.done(product);
    }
    Var[] inputs = tape.split(x, lanes);
    for (int lane = 0; lane < inputs.length; lane++) {
      tape.lane(lane);
      Linear part = parts.get(lane);
      if (outputs[lane] != null && !part.usesProduct()) {
        tape.done(outputs[lane]);
        outputs[lane] = null;
      }
      if (!part.isPlain()) {
        outputs[lane] = part.adapted(tape, inputs[lane], outputs[lane]);
      }
      tape.done(inputs[lane]);
    }
    tape.lane(0);
    return outputs;
  }

  private static boolean shareWeight(List<Linear> parts) {
    Linear first = parts.get(0);
    return parts.stream().allMatch(part -> part.sharesWeight(first));
  }

  /** Whether what a lane's product gives would depend on who is beside it. */
  private boolean areFew(List<Linear> parts, Lanes lanes) {
    Linear part = parts.get(0);
    for (int lane = 0; lane < lanes.count(); lane++) {
      int rows = lanes.rows(lane);
      if (!tape.products().sumsRowsAlike(rows, part.out(), part.in())
          || !tape.products().sumsRowsAlike(rows, part.in(), part.out())) {
        return true;
      }
    }
    return false;
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
    tables.reserve(packed.mostTokens());
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
