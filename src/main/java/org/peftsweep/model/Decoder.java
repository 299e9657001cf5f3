package org.peftsweep.model;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.compute.Lanes;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Var;
import org.peftsweep.data.Batch;
import org.peftsweep.model.Weights.Fresh;

/**
 * The decoder of Llama (arXiv:2302.13971, 2407.21783) and those after it: RMS norm before each
 * block and after the last, rotary positions, grouped-query attention and SwiGLU.
 *
 * <p>Positions count from 0 in every row, padding included, as in the reference implementation.
 */
final class Decoder implements Backbone {
  /**
   * In what decoders differ.
   *
   * @param outputBias whether attention's output projection has a bias
   * @param headNorms whether each head's query and key pass an RMS norm
   */
  record Variant(boolean outputBias, boolean headNorms) {}

  /** A layer; its norms of queries and keys, {@code [headWidth]}, are null in most decoders. */
  private record Layer(
      Parameter attentionNorm,
      Linear query,
      Linear key,
      Linear value,
      Parameter queryNorm,
      Parameter keyNorm,
      Linear output,
      Parameter feedForwardNorm,
      Linear gate,
      Linear up,
      Linear down,
      Sublayer attention,
      Sublayer feedForward) {
    List<Linear> linears() {
      return List.of(query, key, value, output, gate, up, down);
    }

    boolean isOfBase() {
      return linears().stream().allMatch(Linear::isOfBase)
          && attentionNorm.isOfBase()
          && feedForwardNorm.isOfBase()
          && (queryNorm == null || queryNorm.isOfBase() && keyNorm.isOfBase())
          && attention.isOfBase()
          && feedForward.isOfBase();
    }
  }

  private final ModelConfig config;
  private final Builder builder;
  private final Variant variant;
  private final RotaryTables rotary;
  private final Parameter words;
  private final Embeddings embeddings;
  private final List<Layer> layers = new ArrayList<>();
  private final Parameter norm;
  private Trace trace;

  Decoder(ModelConfig config, Builder builder, Variant variant) {
    this.config = config;
    this.builder = builder;
    this.variant = variant;
    this.rotary =
        new RotaryTables(
            builder.backend(), config.rope().orElseThrow(), config.sizes().headWidth());
    ModelConfig.Sizes sizes = config.sizes();
    int width = sizes.hidden();
    words =
        builder.base(
            "model.embed_tokens.weight",
            Role.EMBEDDING,
            -1,
            Fresh.NORMAL,
            sizes.vocabulary(),
            width);
    embeddings = new Embeddings(words);
    for (int i = 0; i < sizes.layers(); i++) {
      layers.add(layer("model.layers." + i + ".", i));
    }
    norm = builder.base("model.norm.weight", Role.NORM, -1, Fresh.ONES, width);
  }

  private Layer layer(String prefix, int index) {
    ModelConfig.Sizes sizes = config.sizes();
    int width = sizes.hidden();
    int queries = sizes.heads() * sizes.headWidth();
    int keys = sizes.keyValueHeads() * sizes.headWidth();
    int inner = sizes.feedForward();
    boolean bias = config.attentionBias();
    boolean mlpBias = config.mlpBias();
    String attention = prefix + "self_attn.";
    String mlp = prefix + "mlp.";
    return new Layer(
        gamma(prefix + "input_layernorm", index),
        builder.linear(attention + "q_proj", Role.QUERY, index, queries, width, bias),
        builder.linear(attention + "k_proj", Role.KEY, index, keys, width, bias),
        builder.linear(attention + "v_proj", Role.VALUE, index, keys, width, bias),
        headNorm(attention + "q_norm", index),
        headNorm(attention + "k_norm", index),
        builder.linear(
            attention + "o_proj", Role.OUTPUT, index, width, queries, variant.outputBias()),
        gamma(prefix + "post_attention_layernorm", index),
        builder.linear(mlp + "gate_proj", Role.FFN_GATE, index, inner, width, mlpBias),
        builder.linear(mlp + "up_proj", Role.FFN_UP, index, inner, width, mlpBias),
        builder.linear(mlp + "down_proj", Role.FFN_DOWN, index, width, inner, mlpBias),
        new Sublayer(prefix + "self_attn", Sublayer.Kind.ATTENTION, index, width, keys, null),
        new Sublayer(prefix + "mlp", Sublayer.Kind.FEED_FORWARD, index, width, keys, null));
  }

  @Override
  public Embeddings embeddings() {
    return embeddings;
  }

  @Override
  public List<Sublayer> sublayers() {
    return layers.stream().flatMap(layer -> Stream.of(layer.attention, layer.feedForward)).toList();
  }

  /** RMS norms are none of them. */
  @Override
  public List<Norm> norms() {
    return List.of();
  }

  private Parameter gamma(String name, int layer) {
    return gamma(name, layer, config.sizes().hidden());
  }

  private Parameter gamma(String name, int layer, int width) {
    return builder.base(name + ".weight", Role.NORM, layer, Fresh.ONES, width);
  }

  private Parameter headNorm(String name, int layer) {
    return variant.headNorms() ? gamma(name, layer, config.sizes().headWidth()) : null;
  }

  @Override
  public int frozenLayers() {
    boolean isFrozen = trace == null && !isPrefixed() && words.isOfBase();
    // The norm after the last layer goes with it.
    int most = norm.isOfBase() ? layers.size() : layers.size() - 1;
    int frozen = 0;
    while (isFrozen && frozen < most && layers.get(frozen).isOfBase()) {
      frozen++;
    }
    return frozen;
  }

  @Override
  public List<Linear> linears(int count) {
    return layers.subList(0, count).stream().flatMap(layer -> layer.linears().stream()).toList();
  }

  @Override
  public Var run(
      Tape tape, List<? extends Backbone> backbones, Packed packed, Var below, int from, int to) {
    List<Decoder> lanes = Pass.parts(backbones, Decoder.class::cast);
    Pass pass = new Pass(tape, rotary.ofTexts(tape, packed));
    KeyValues cache = packed.cache();
    boolean goesOn = cache != null && !cache.isEmpty();
    Var x = below;
    if (goesOn) {
      x = tape.gather(words.var(), packed.chosen(tape, "ids", Batch::ids));
      x = pass.changed(embeddings, x, packed);
    } else if (cache != null) {
      Batch batch = packed.batches().get(0);
      cache.begin(config, batch.rows(), batch.tokens());
    }
    if (x == null) {
      Pass.requireShared(Pass.parts(lanes, decoder -> List.of(decoder.words)));
      Tensor ids = packed.positions(tape, "ids", Batch::ids);
      x = tape.gather(words.var(), ids, packed.learningIds(tape));
      x = pass.prompted(Pass.parts(lanes, decoder -> decoder.embeddings), x, packed);
      see(0, x);
    }
    int depth = layers.size();
    boolean chooses = trace == null && !packed.asksForAll();
    Tensor places = to < depth || packed.asksForAll() ? null : packed.places(tape);
    List<Tensor> masks = packed.masks(tape);
    for (int i = from; i < to; i++) {
      int layer = i;
      boolean last = i == depth - 1;
      List<Layer> parts = Pass.parts(lanes, decoder -> decoder.layers.get(layer));
      x =
          goesOn
              ? next(pass, packed, parts, x, layer)
              : forward(pass, packed, masks, parts, x, last && chooses ? places : null, layer);
      if (!last) {
        see(i + 1, x);
      }
    }
    if (to < depth) {
      return x;
    }
    Var y =
        pass.rmsNorm(
            Pass.parts(lanes, decoder -> decoder.norm),
            x,
            (float) config.normEpsilon(),
            goesOn || chooses ? packed.chosen() : packed.all());
    see(depth, y);
    return goesOn || chooses || packed.asksForAll() ? y : tape.gather(y, places);
  }

  private void see(int index, Var x) {
    if (trace != null) {
      trace.hidden(index, x.value());
    }
  }

  /** Runs a layer; with places, of what is above attention those alone. */
  private Var forward(
      Pass pass,
      Packed packed,
      List<Tensor> masks,
      List<Layer> lanes,
      Var x,
      Tensor places,
      int index) {
    Tape tape = pass.tape();
    Lanes all = packed.all();
    boolean chooses = places != null;
    Lanes rows = chooses ? packed.chosen() : all;
    float epsilon = (float) config.normEpsilon();
    Var normed = pass.rmsNorm(Pass.parts(lanes, Layer::attentionNorm), x, epsilon, all);
    boolean oneAsks = chooses && packed.isOneOfEach();
    Var asking = oneAsks ? tape.gather(normed, places) : normed;
    Lanes ask = oneAsks ? rows : all;
    Var q = pass.linear(Pass.parts(lanes, Layer::query), asking, ask);
    q = normedHeads(pass, Pass.parts(lanes, Layer::queryNorm), q, ask);
    q = oneAsks ? rotary.turnAt(tape, q, packed) : pass.rotary(rotary, q, packed);
    if (oneAsks) {
      tape.done(asking);
    }
    Var k = pass.linear(Pass.parts(lanes, Layer::key), normed, all);
    k = pass.rotary(rotary, normedHeads(pass, Pass.parts(lanes, Layer::keyNorm), k, all), packed);
    Var v = pass.linear(Pass.parts(lanes, Layer::value), normed, all);
    tape.done(normed);
    if (packed.cache() != null) {
      packed.cache().fill(index, k, v);
    }
    List<Tensor> seen = oneAsks ? packed.masksBefore(tape) : masks;
    List<Sublayer> attention = Pass.parts(lanes, Layer::attention);
    Var context = pass.attention(attention, packed, config, true, oneAsks, q, k, v, seen);
    tape.done(q);
    tape.done(k);
    tape.done(v);
    if (chooses) {
      context = oneAsks ? context : chosen(tape, context, places);
      x = chosen(tape, x, places);
    }
    return above(pass, lanes, x, context, rows);
  }

  /** Runs a layer for one position of each row, over the keys and values that are kept. */
  private Var next(Pass pass, Packed packed, List<Layer> lanes, Var x, int index) {
    Tape tape = pass.tape();
    Lanes rows = packed.chosen();
    KeyValues cache = packed.cache();
    float epsilon = (float) config.normEpsilon();
    Var normed = pass.rmsNorm(Pass.parts(lanes, Layer::attentionNorm), x, epsilon, rows);
    Var q = pass.linear(Pass.parts(lanes, Layer::query), normed, rows);
    q = normedHeads(pass, Pass.parts(lanes, Layer::queryNorm), q, rows);
    q = rotary.turnAt(tape, q, packed);
    Var k = pass.linear(Pass.parts(lanes, Layer::key), normed, rows);
    k = normedHeads(pass, Pass.parts(lanes, Layer::keyNorm), k, rows);
    k = rotary.turnAt(tape, k, packed);
    Var v = pass.linear(Pass.parts(lanes, Layer::value), normed, rows);
    tape.done(normed);
    cache.add(index, k, v, packed.rows(0));
    tape.done(k);
    tape.done(v);
    Var context =
        pass.attention(
            Pass.parts(lanes, Layer::attention),
            packed,
            config,
            true,
            true,
            q,
            cache.keys(index),
            cache.values(index),
            packed.masksBefore(tape));
    tape.done(q);
    return above(pass, lanes, x, context, rows);
  }

  /** Runs what of a layer is above its attention; consumes x and context. */
  private Var above(Pass pass, List<Layer> lanes, Var x, Var context, Lanes rows) {
    Tape tape = pass.tape();
    float epsilon = (float) config.normEpsilon();
    List<Sublayer> attention = Pass.parts(lanes, Layer::attention);
    Var output = pass.linear(Pass.parts(lanes, Layer::output), context, rows);
    output = pass.around(attention, x, null, output, rows);
    Var middle = tape.addScaled(output, 1, x);
    tape.done(context);
    tape.done(x);
    Var normed = pass.rmsNorm(Pass.parts(lanes, Layer::feedForwardNorm), middle, epsilon, rows);
    boolean isRead = lanes.stream().anyMatch(layer -> layer.feedForward.adapter() != null);
    List<Linear> gate = Pass.parts(lanes, Layer::gate);
    List<Linear> up = Pass.parts(lanes, Layer::up);
    List<Linear> down = Pass.parts(lanes, Layer::down);
    Var fed = pass.feedForward(gate, up, down, normed, !isRead, rows);
    if (isRead) {
      fed = pass.around(Pass.parts(lanes, Layer::feedForward), middle, normed, fed, rows);
      tape.done(normed);
    }
    Var y = tape.addScaled(fed, 1, middle);
    tape.done(middle);
    return y;
  }

  /** RMS norm of each head of {@code [n, heads·headWidth]}, where there are such; consumes x. */
  private Var normedHeads(Pass pass, List<Parameter> norms, Var x, Lanes lanes) {
    if (!variant.headNorms()) {
      return x;
    }
    Tape tape = pass.tape();
    int rows = x.value().rows();
    int heads = x.value().columns() / config.sizes().headWidth();
    int[] ofLanes = new int[lanes.count()];
    Arrays.setAll(ofLanes, lane -> heads * lanes.rows(lane));
    Var apart = tape.reshape(x, heads * rows, config.sizes().headWidth());
    tape.done(x);
    Var normed = pass.rmsNorm(norms, apart, (float) config.normEpsilon(), Lanes.of(ofLanes));
    tape.done(apart);
    Var together = tape.reshape(normed, rows, heads * config.sizes().headWidth());
    tape.done(normed);
    return together;
  }

  private static Var chosen(Tape tape, Var x, Tensor rows) {
    Var some = tape.gather(x, rows);
    tape.done(x);
    return some;
  }

  @Override
  public void trace(Trace trace) {
    this.trace = trace;
  }

  @Override
  public void close() {
    rotary.close();
  }
}
