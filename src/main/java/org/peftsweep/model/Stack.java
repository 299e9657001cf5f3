package org.peftsweep.model;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.compute.Lanes;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Var;
import org.peftsweep.data.Batch;

/**
 * Layers of one kind above embeddings: their order in a pass, and what of them is the base's.
 *
 * @param <B> the backbone
 * @param <L> a layer of it
 */
abstract class Stack<B extends Stack<B, L>, L extends Stack.Layer> implements Backbone {
  /** A layer: attention, and a feed-forward above it. */
  interface Layer {
    /** Returns its projections. */
    List<Linear> linears();

    Sublayer attention();

    Sublayer feedForward();

    /** Whether its norms are those of the base. */
    boolean areNormsOfBase();

    /** Whether it gives what the base's does and shows nobody what it sees. */
    default boolean isOfBase() {
      return linears().stream().allMatch(Linear::isOfBase)
          && areNormsOfBase()
          && attention().isOfBase()
          && feedForward().isOfBase();
    }
  }

  /** One pass through layers. */
  interface Run<L> extends AutoCloseable {
    /**
     * Runs a layer of every lane; consumes x.
     *
     * @param places of the positions that are asked for, {@code [n]}, where of what is above
     *     attention nobody reads others; else null
     */
    Var layer(int index, List<L> lanes, Var x, Tensor places);

    /** Frees what the layers shared. */
    @Override
    default void close() {}
  }

  final ModelConfig config;
  final List<L> layers = new ArrayList<>();
  private Trace trace;

  Stack(ModelConfig config) {
    this.config = config;
  }

  /**
   * Makes tokens vectors {@code [batch·tokens, width]}, or of a pass that goes on its last ones.
   */
  abstract Var embed(Pass pass, List<B> lanes, Packed packed);

  /** Begins a pass through layers. */
  abstract Run<L> begin(Pass pass, List<B> lanes, Packed packed);

  /** Runs what is above the last layer; consumes x. */
  abstract Var end(Pass pass, List<B> lanes, Var x, Lanes rows);

  /** Whether what is below the layers is the base's. */
  abstract boolean isStartOfBase();

  /** Whether what is above the layers is the base's. */
  abstract boolean isEndOfBase();

  /** Begins a pass over lanes of this backbone. */
  Pass pass(Tape tape, Packed packed) {
    return new Pass(tape);
  }

  @Override
  public final List<Sublayer> sublayers() {
    return layers.stream()
        .flatMap(layer -> Stream.of(layer.attention(), layer.feedForward()))
        .toList();
  }

  @Override
  public final List<Linear> linears(int count) {
    return layers.subList(0, count).stream().flatMap(layer -> layer.linears().stream()).toList();
  }

  @Override
  public final void trace(Trace trace) {
    this.trace = trace;
  }

  @Override
  public final int frozenLayers() {
    boolean isFrozen = trace == null && !isPrefixed() && isStartOfBase();
    // What is above the last layer goes with it.
    int most = isEndOfBase() ? layers.size() : layers.size() - 1;
    int frozen = 0;
    while (isFrozen && frozen < most && layers.get(frozen).isOfBase()) {
      frozen++;
    }
    return frozen;
  }

  @Override
  @SuppressWarnings("unchecked")
  public final Var run(
      Tape tape, List<? extends Backbone> backbones, Packed packed, Var below, int from, int to) {
    List<B> lanes = Pass.parts(backbones, backbone -> (B) getClass().cast(backbone));
    Pass pass = pass(tape, packed);
    KeyValues cache = packed.cache();
    if (cache != null && cache.isEmpty()) {
      Batch batch = packed.batches().get(0);
      cache.begin(config, batch.rows(), batch.tokens());
    }
    Var x = below;
    if (x == null) {
      x = embed(pass, lanes, packed);
      see(0, x);
    }
    int depth = layers.size();
    // Above the last attention positions are independent: what nobody reads is not computed.
    boolean chooses = packed.goesOn() || trace == null && !packed.asksForAll();
    Tensor places = to < depth || packed.asksForAll() ? null : packed.places(tape);
    try (Run<L> run = begin(pass, lanes, packed)) {
      for (int i = from; i < to; i++) {
        int index = i;
        boolean isLast = i == depth - 1;
        List<L> parts = Pass.parts(lanes, backbone -> backbone.layers.get(index));
        x = run.layer(i, parts, x, isLast && chooses ? places : null);
        if (!isLast) {
          see(i + 1, x);
        }
      }
    }
    if (to < depth) {
      return x;
    }
    Var y = end(pass, lanes, x, chooses ? packed.chosen() : packed.all());
    see(depth, y);
    return chooses || packed.asksForAll() ? y : tape.gather(y, places);
  }

  private void see(int index, Var x) {
    if (trace != null) {
      trace.hidden(index, x.value());
    }
  }

  /**
   * Keeps keys and values of one position of each row, and lets it attend to all that are kept;
   * consumes q, k and v.
   *
   * @param index of the layer
   * @param seen masks, by lane
   */
  final Var attendOverKept(
      Pass pass,
      Packed packed,
      int index,
      List<Sublayer> attention,
      Var q,
      Var k,
      Var v,
      List<Tensor> seen,
      Scores scores) {
    Tape tape = pass.tape();
    KeyValues cache = packed.cache();
    cache.add(index, k, v, packed.rows(0));
    tape.done(k);
    tape.done(v);
    Var keys = cache.keys(index);
    Var values = cache.values(index);
    Var context =
        pass.attention(attention, packed, config, true, true, q, keys, values, seen, scores);
    tape.done(q);
    return context;
  }

  /** Returns some rows; consumes x. */
  static Var chosen(Tape tape, Var x, Tensor rows) {
    Var some = tape.gather(x, rows);
    tape.done(x);
    return some;
  }

  /** Returns x by a factor; consumes it. */
  static Var scaled(Tape tape, Var x, float factor) {
    if (factor == 1) {
      return x;
    }
    Var y = tape.scale(x, factor);
    tape.done(x);
    return y;
  }
}
