package org.peftsweep.model;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.function.Function;
import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.compute.AttentionShape;
import org.peftsweep.compute.FeedForward;
import org.peftsweep.compute.Lanes;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Var;
import org.peftsweep.data.Batch;

/**
 * A forward pass of several models over the same frozen weights, each with rows of its own: what
 * they share is computed once over the rows of all.
 *
 * <p>Everywhere a list has the same part of each lane's model, in the order of lanes.
 *
 * @param turns of each lane by the positions of its tokens, where rows hold several texts; else
 *     null
 */
record Pass(Tape tape, List<RotaryTables.Turns> turns) {
  /** A pass of rows of one text each. */
  Pass(Tape tape) {
    this(tape, null);
  }

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

  /** Whether nothing adapts, trains or watches these projections, and one product serves all. */
  private boolean areFixed(List<Linear> parts, Lanes lanes) {
    Linear first = parts.get(0);
    boolean learns = first.bias() != null && first.bias().var().learns();
    return arePlain(parts) && !learns && (parts.size() == 1 || !areFew(parts, lanes));
  }

  /** Whether {@link FeedForward} serves projections of lanes, from the first to the last. */
  private boolean areFixed(Lanes lanes, List<List<Linear>> all) {
    Var[] weights = new Var[all.size()];
    Arrays.setAll(weights, i -> weight(all.get(i)));
    return FeedForward.isFor(tape, weights)
        && all.stream().allMatch(parts -> areFixed(parts, lanes));
  }

  private static Var weight(List<Linear> parts) {
    return parts.get(0).weight().var();
  }

  private static Var bias(List<Linear> parts) {
    Parameter bias = parts.get(0).bias();
    return bias == null ? null : bias.var();
  }

  /** {@code linear(GELU(linear(x)))}. */
  Var feedForward(List<Linear> up, List<Linear> down, Var x, Lanes lanes) {
    if (areFixed(lanes, List.of(up, down))) {
      return FeedForward.gelu(tape, x, weight(up), bias(up), weight(down), bias(down));
    }
    Var inner = linearGelu(up, x, lanes);
    Var y = linear(down, inner, lanes);
    tape.done(inner);
    return y;
  }

  /** {@code linear(SiLU(linear(x)) ⊙ linear(x))}; x is done where nobody else reads it. */
  Var feedForward(
      List<Linear> gate, List<Linear> up, List<Linear> down, Var x, boolean isDone, Lanes lanes) {
    boolean areFixed = bias(gate) == null && bias(up) == null;
    if (areFixed && areFixed(lanes, List.of(gate, up, down))) {
      Var y = FeedForward.swiglu(tape, x, weight(gate), weight(up), weight(down), bias(down));
      if (isDone) {
        tape.done(x);
      }
      return y;
    }
    Var open = linear(gate, x, lanes);
    Var wide = linear(up, x, lanes);
    if (isDone) {
      tape.done(x);
    }
    Var inner = tape.swiglu(open, wide);
    tape.done(open);
    tape.done(wide);
    Var y = linear(down, inner, lanes);
    tape.done(inner);
    return y;
  }

  /**
   * Returns each lane's rows of one product, with what adapts them.
   *
   * @param addsBias whether lanes that nothing adapts get their bias too
   */
  private Var[] adapted(List<Linear> parts, Var x, Lanes lanes, boolean addsBias) {
    Linear first = parts.get(0);
    Var[] biases = new Var[parts.size()];
    for (int lane = 0; lane < biases.length; lane++) {
      Linear part = parts.get(lane);
      boolean adds = addsBias && part.isPlain() && part.bias() != null || part.isInProduct(tape);
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
    return rmsNorm(parts, x, epsilon, lanes, false);
  }

  /**
   * RMS norm of x.
   *
   * @param fromOne whether parameters say how far the gain is from 1
   */
  Var rmsNorm(List<Parameter> parts, Var x, float epsilon, Lanes lanes, boolean fromOne) {
    Parameter first = parts.get(0);
    return parts.stream().allMatch(first::isSharedWith)
        ? rmsNorm(first, x, epsilon, fromOne)
        : each(x, lanes, false, (lane, rows) -> rmsNorm(parts.get(lane), rows, epsilon, fromOne));
  }

  private Var rmsNorm(Parameter part, Var x, float epsilon, boolean fromOne) {
    if (!fromOne) {
      return tape.rmsNorm(x, part.var(), epsilon);
    }
    Tensor ones = tape.arena().take(Math.toIntExact(part.size()));
    tape.backend().fill(ones, 1);
    Var gain = tape.addScaled(Var.constant(ones), 1, part.var());
    tape.done(ones);
    Var y = tape.rmsNorm(x, gain, epsilon);
    tape.done(gain);
    return y;
  }

  /** Turns heads by rotary positions, each lane's rows being of its own length; consumes x. */
  Var rotary(RotaryTables tables, Var x, Packed packed) {
    tables.reserve(packed.mostTokens());
    return each(
        x,
        packed.all(),
        true,
        (lane, rows) -> {
          Batch batch = packed.batches().get(lane);
          return turns == null
              ? tables.turn(tape, rows, batch.past(), batch.tokens())
              : tables.turn(tape, rows, turns.get(lane));
        });
  }

  /**
   * Lets methods change what a sub-layer adds to its residual; consumes output.
   *
   * @param input of the sub-layer's first matrices, null where nobody may ask for it
   */
  Var around(List<Sublayer> parts, Var residual, Var input, Var output, Lanes lanes) {
    if (parts.stream().allMatch(part -> part.adapter() == null)) {
      return output;
    }
    Var[] residuals = tape.split(residual, lanes);
    Var[] inputs = input == null ? new Var[residuals.length] : tape.split(input, lanes);
    Var y =
        each(
            output,
            lanes,
            true,
            (lane, rows) -> {
              Sublayer part = parts.get(lane);
              return part.adapter() == null
                  ? rows
                  : part.adapter().apply(tape, part.norm(), residuals[lane], inputs[lane], rows);
            });
    for (int lane = 0; lane < residuals.length; lane++) {
      tape.done(residuals[lane]);
      if (inputs[lane] != null) {
        tape.done(inputs[lane]);
      }
    }
    return y;
  }

  /** Puts what methods have at the start of rows in its place; consumes x. */
  Var prompted(List<Embeddings> parts, Var x, Packed packed) {
    if (parts.stream().allMatch(part -> part.prompt() == null)) {
      return x;
    }
    return each(
        x,
        packed.all(),
        true,
        (lane, rows) -> {
          Prompt prompt = parts.get(lane).prompt();
          Batch batch = packed.batches().get(lane);
          return prompt == null
              ? rows
              : Rows.started(
                  tape, prompt, rows, batch, i -> PositionIds.place(packed.batches().get(lane), i));
        });
  }

  /**
   * Adds what a method adds to the tokens' embeddings where one position of each row is gone on
   * with; consumes x.
   */
  Var changed(Embeddings part, Var x, Packed packed) {
    Prompt prompt = part.prompt();
    int tokens = packed.batches().get(0).tokens();
    int[] places = packed.rows(0);
    return prompt == null ? x : prompt.changed(tape, x, row -> places[row] % tokens);
  }

  /**
   * Attention of a layer, over what methods put before keys and values too.
   *
   * @param masks of the tokens
   */
  Var attention(
      List<Sublayer> parts,
      Packed packed,
      ModelConfig config,
      boolean causal,
      boolean oneAsks,
      Var q,
      Var k,
      Var v,
      List<Tensor> masks) {
    return attention(parts, packed, config, causal, oneAsks, q, k, v, masks, Scores.PLAIN);
  }

  /** The same of scores that something becomes of. */
  Var attention(
      List<Sublayer> parts,
      Packed packed,
      ModelConfig config,
      boolean causal,
      boolean oneAsks,
      Var q,
      Var k,
      Var v,
      List<Tensor> masks,
      Scores scores) {
    int[] more =
        parts.stream()
            .mapToInt(part -> part.prefix() == null ? 0 : part.prefix().tokens())
            .toArray();
    if (Arrays.stream(more).sum() == 0) {
      List<AttentionShape> shapes = capped(packed.attention(config, causal, oneAsks), scores);
      return attended(shapes, scores, q, k, v, masks, more, new int[more.length]);
    }
    List<Var> keyPrefixes = new ArrayList<>();
    List<Var> valuePrefixes = new ArrayList<>();
    for (Sublayer part : parts) {
      keyPrefixes.add(part.prefix() == null ? null : part.prefix().keys(tape));
      valuePrefixes.add(part.prefix() == null ? null : part.prefix().values(tape));
    }
    Var keys = longer(k, packed, more, keyPrefixes);
    Var values = longer(v, packed, more, valuePrefixes);
    boolean pads = causal && !oneAsks;
    Var asking = pads ? longer(q, packed, more, Collections.nCopies(more.length, null)) : q;
    Var context =
        attended(
            capped(packed.attention(config, causal, oneAsks, more), scores),
            scores,
            asking,
            keys,
            values,
            packed.masks(tape, more, causal && oneAsks),
            more,
            pads ? more : new int[more.length]);
    tape.done(keys);
    tape.done(values);
    for (int lane = 0; lane < more.length; lane++) {
      if (more[lane] > 0) {
        tape.done(keyPrefixes.get(lane));
        tape.done(valuePrefixes.get(lane));
      }
    }
    if (!pads) {
      return context;
    }
    tape.done(asking);
    Var own = tape.gather(context, packed.placesAfter(tape, more));
    tape.done(context);
    return own;
  }

  private static List<AttentionShape> capped(List<AttentionShape> shapes, Scores scores) {
    return scores.cap() == 0
        ? shapes
        : shapes.stream().map(shape -> shape.withCap(scores.cap())).toList();
  }

  private Var attended(
      List<AttentionShape> shapes,
      Scores scores,
      Var q,
      Var k,
      Var v,
      List<Tensor> masks,
      int[] more,
      int[] askingMore) {
    Var[] biases = new Var[more.length];
    for (int lane = 0; scores.bias() != null && lane < biases.length; lane++) {
      tape.lane(lane);
      biases[lane] = scores.bias().of(lane, more[lane], askingMore[lane]);
    }
    tape.lane(0);
    Var context = tape.attention(shapes, q, k, v, masks, biases);
    for (Var bias : biases) {
      if (bias != null && !scores.isShared()) {
        tape.done(bias);
      }
    }
    return context;
  }

  /** Puts rows before those of each example; x keeps its values. */
  private Var longer(Var x, Packed packed, int[] more, List<Var> prefixes) {
    Var[] parts = tape.split(x, packed.all());
    Var[] made = new Var[parts.length];
    int[] rows = new int[parts.length];
    for (int lane = 0; lane < parts.length; lane++) {
      Batch batch = packed.batches().get(lane);
      made[lane] = Rows.longer(tape, parts[lane], prefixes.get(lane), more[lane], batch.rows());
      rows[lane] = batch.rows() * (more[lane] + batch.tokens());
      tape.done(parts[lane]);
    }
    return tape.join(made, Lanes.of(rows));
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
    // One lane is by far the commonest, and this is asked some twenty times a layer.
    return lanes.size() == 1
        ? Collections.singletonList(part.apply(lanes.get(0)))
        : lanes.stream().map(part).toList();
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
