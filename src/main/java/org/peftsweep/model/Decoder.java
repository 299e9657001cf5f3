package org.peftsweep.model;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.compute.Lanes;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Var;
import org.peftsweep.data.Batch;
import org.peftsweep.model.RotaryTables.Turns;
import org.peftsweep.model.Weights.Fresh;

/**
 * The decoder of Llama (arXiv:2302.13971, 2407.21783) and those after it: RMS norm before each
 * block and after the last, rotary positions, grouped-query attention and SwiGLU.
 *
 * <p>Positions count from 0 in every row, padding included, as in the reference implementation.
 */
final class Decoder extends Stack<Decoder, DecoderLayer> {
  /**
   * In what decoders differ.
   *
   * @param outputBias whether attention's output projection has a bias
   * @param headNorms whether each head's query and key pass an RMS norm
   * @param gemma null for those before Gemma 2
   */
  record Variant(boolean outputBias, boolean headNorms, Gemma gemma) {
    Variant(boolean outputBias, boolean headNorms) {
      this(outputBias, headNorms, null);
    }
  }

  /**
   * A decoder with norms after each block too, whose gains are counted from 1, and GELU.
   *
   * @param embeddingFactor of the words' vectors
   * @param queryFactor of queries, besides the root of the heads' width
   * @param cap of scores, 0 for none
   * @param windows of each layer: how many tokens up to itself a position sees, 0 for all
   */
  record Gemma(float embeddingFactor, float queryFactor, float cap, int... windows) {}

  private final Builder builder;
  private final Variant variant;
  private final RotaryTables rotary;
  private final Parameter words;
  private final Embeddings embeddings;
  private final Parameter norm;

  Decoder(ModelConfig config, Builder builder, Variant variant) {
    super(config);
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
    embeddings =
        new Embeddings(words, variant.gemma() == null ? 1 : variant.gemma().embeddingFactor());
    for (int i = 0; i < sizes.layers(); i++) {
      layers.add(layer("model.layers." + i + ".", i));
    }
    norm = gamma("model.norm", -1);
  }

  private DecoderLayer layer(String prefix, int index) {
    ModelConfig.Sizes sizes = config.sizes();
    int width = sizes.hidden();
    int queries = sizes.heads() * sizes.headWidth();
    int keys = sizes.keyValueHeads() * sizes.headWidth();
    int inner = sizes.feedForward();
    boolean bias = config.attentionBias();
    boolean mlpBias = config.mlpBias();
    String attention = prefix + "self_attn.";
    String mlp = prefix + "mlp.";
    Gemma gemma = variant.gemma();
    String post = prefix + "post_";
    return new DecoderLayer(
        gemma == null ? 0 : gemma.windows()[index],
        gamma(prefix + "input_layernorm", index),
        builder.linear(attention + "q_proj", Role.QUERY, index, queries, width, bias),
        builder.linear(attention + "k_proj", Role.KEY, index, keys, width, bias),
        builder.linear(attention + "v_proj", Role.VALUE, index, keys, width, bias),
        headNorm(attention + "q_norm", index),
        headNorm(attention + "k_norm", index),
        builder.linear(
            attention + "o_proj", Role.OUTPUT, index, width, queries, variant.outputBias()),
        gemma == null ? null : gamma(post + "attention_layernorm", index),
        gamma(
            gemma == null ? post + "attention_layernorm" : prefix + "pre_feedforward_layernorm",
            index),
        builder.linear(mlp + "gate_proj", Role.FFN_GATE, index, inner, width, mlpBias),
        builder.linear(mlp + "up_proj", Role.FFN_UP, index, inner, width, mlpBias),
        builder.linear(mlp + "down_proj", Role.FFN_DOWN, index, width, inner, mlpBias),
        gemma == null ? null : gamma(post + "feedforward_layernorm", index),
        new Sublayer(prefix + "self_attn", Sublayer.Kind.ATTENTION, index, width, keys, null),
        new Sublayer(prefix + "mlp", Sublayer.Kind.FEED_FORWARD, index, width, keys, null));
  }

  @Override
  public Embeddings embeddings() {
    return embeddings;
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
    Fresh one = variant.gemma() == null ? Fresh.ONES : Fresh.ZEROS;
    return builder.base(name + ".weight", Role.NORM, layer, one, width);
  }

  private Parameter headNorm(String name, int layer) {
    return variant.headNorms() ? gamma(name, layer, config.sizes().headWidth()) : null;
  }

  @Override
  boolean isStartOfBase() {
    return words.isOfBase();
  }

  @Override
  boolean isEndOfBase() {
    return norm.isOfBase();
  }

  @Override
  Pass pass(Tape tape, Packed packed) {
    return new Pass(tape, rotary.ofTexts(tape, packed));
  }

  @Override
  Var embed(Pass pass, List<Decoder> lanes, Packed packed) {
    Tape tape = pass.tape();
    if (packed.goesOn()) {
      Var last = embedded(tape, tape.gather(words.var(), packed.chosen(tape, "ids", Batch::ids)));
      return pass.changed(embeddings, last, packed);
    }
    Pass.requireShared(Pass.parts(lanes, decoder -> List.of(decoder.words)));
    Tensor ids = packed.positions(tape, "ids", Batch::ids);
    Var x = embedded(tape, tape.gather(words.var(), ids, packed.learningIds(tape)));
    return pass.prompted(Pass.parts(lanes, decoder -> decoder.embeddings), x, packed);
  }

  @Override
  Run<DecoderLayer> begin(Pass pass, List<Decoder> lanes, Packed packed) {
    if (packed.goesOn()) {
      // Once for all layers: of one token, little else costs as much.
      Turns turns = rotary.of(pass.tape(), packed);
      Map<Integer, List<Tensor>> seen = new HashMap<>();
      return (index, parts, x, places) ->
          next(
              pass,
              packed,
              turns,
              seen.computeIfAbsent(
                  parts.get(0).window(), window -> packed.masksBefore(pass.tape(), window)),
              parts,
              x,
              index);
    }
    List<Tensor> masks = packed.masks(pass.tape());
    return (index, parts, x, places) -> forward(pass, packed, masks, parts, x, places, index);
  }

  @Override
  Var end(Pass pass, List<Decoder> lanes, Var x, Lanes rows) {
    Var y = normed(pass, Pass.parts(lanes, decoder -> decoder.norm), x, rows);
    pass.tape().done(x);
    return y;
  }

  /** Runs a layer; with places, of what is above attention those alone. */
  private Var forward(
      Pass pass,
      Packed packed,
      List<Tensor> masks,
      List<DecoderLayer> lanes,
      Var x,
      Tensor places,
      int index) {
    Tape tape = pass.tape();
    Lanes all = packed.all();
    boolean chooses = places != null;
    Lanes rows = chooses ? packed.chosen() : all;
    Var normed = normed(pass, Pass.parts(lanes, DecoderLayer::attentionNorm), x, all);
    int window = lanes.get(0).window();
    boolean isNear = window > 0 && packed.mostTokens() > window;
    boolean oneAsks = chooses && packed.isOneOfEach() && !isNear;
    Var asking = oneAsks ? tape.gather(normed, places) : normed;
    Lanes ask = oneAsks ? rows : all;
    Var q = pass.linear(Pass.parts(lanes, DecoderLayer::query), asking, ask);
    q = normedHeads(pass, Pass.parts(lanes, DecoderLayer::queryNorm), q, ask);
    q = asking(tape, oneAsks ? rotary.turnAt(tape, q, packed) : pass.rotary(rotary, q, packed));
    if (oneAsks) {
      tape.done(asking);
    }
    Var k = pass.linear(Pass.parts(lanes, DecoderLayer::key), normed, all);
    k =
        pass.rotary(
            rotary, normedHeads(pass, Pass.parts(lanes, DecoderLayer::keyNorm), k, all), packed);
    Var v = pass.linear(Pass.parts(lanes, DecoderLayer::value), normed, all);
    tape.done(normed);
    if (packed.cache() != null) {
      packed.cache().fill(index, k, v);
    }
    List<Tensor> seen = oneAsks ? packed.masksBefore(tape) : masks;
    List<Sublayer> attention = Pass.parts(lanes, DecoderLayer::attention);
    Scores scores =
        isNear ? Windows.backwards(tape, packed, window, cap()) : new Scores(cap(), null);
    Var context = pass.attention(attention, packed, config, true, oneAsks, q, k, v, seen, scores);
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
  private Var next(
      Pass pass,
      Packed packed,
      Turns turns,
      List<Tensor> seen,
      List<DecoderLayer> lanes,
      Var x,
      int index) {
    Tape tape = pass.tape();
    Lanes rows = packed.chosen();
    Var normed = normed(pass, Pass.parts(lanes, DecoderLayer::attentionNorm), x, rows);
    Var q = pass.linear(Pass.parts(lanes, DecoderLayer::query), normed, rows);
    q = normedHeads(pass, Pass.parts(lanes, DecoderLayer::queryNorm), q, rows);
    q = asking(tape, rotary.turn(tape, q, turns));
    Var k = pass.linear(Pass.parts(lanes, DecoderLayer::key), normed, rows);
    k = normedHeads(pass, Pass.parts(lanes, DecoderLayer::keyNorm), k, rows);
    k = rotary.turn(tape, k, turns);
    Var v = pass.linear(Pass.parts(lanes, DecoderLayer::value), normed, rows);
    tape.done(normed);
    Var context =
        attendOverKept(
            pass,
            packed,
            index,
            Pass.parts(lanes, DecoderLayer::attention),
            q,
            k,
            v,
            seen,
            new Scores(cap(), null));
    return above(pass, lanes, x, context, rows);
  }

  /** Runs what of a layer is above its attention; consumes x and context. */
  private Var above(Pass pass, List<DecoderLayer> lanes, Var x, Var context, Lanes rows) {
    Tape tape = pass.tape();
    List<Sublayer> attention = Pass.parts(lanes, DecoderLayer::attention);
    Var output = pass.linear(Pass.parts(lanes, DecoderLayer::output), context, rows);
    output = after(pass, Pass.parts(lanes, DecoderLayer::afterAttention), output, rows);
    output = pass.around(attention, x, null, output, rows);
    Var middle = tape.addScaled(output, 1, x);
    tape.done(context);
    tape.done(x);
    Var normed = normed(pass, Pass.parts(lanes, DecoderLayer::feedForwardNorm), middle, rows);
    boolean isRead = lanes.stream().anyMatch(layer -> layer.feedForward().adapter() != null);
    List<Linear> gate = Pass.parts(lanes, DecoderLayer::gate);
    List<Linear> up = Pass.parts(lanes, DecoderLayer::up);
    List<Linear> down = Pass.parts(lanes, DecoderLayer::down);
    Var fed =
        variant.gemma() == null
            ? pass.feedForward(gate, up, down, normed, !isRead, rows)
            : geglu(pass, gate, up, down, normed, !isRead, rows);
    fed = after(pass, Pass.parts(lanes, DecoderLayer::afterFeedForward), fed, rows);
    if (isRead) {
      fed = pass.around(Pass.parts(lanes, DecoderLayer::feedForward), middle, normed, fed, rows);
      tape.done(normed);
    }
    Var y = tape.addScaled(fed, 1, middle);
    tape.done(middle);
    return y;
  }

  private Var normed(Pass pass, List<Parameter> gains, Var x, Lanes lanes) {
    return pass.rmsNorm(gains, x, (float) config.normEpsilon(), lanes, variant.gemma() != null);
  }

  /** The norm after a block, where there is one; consumes x. */
  private Var after(Pass pass, List<Parameter> gains, Var x, Lanes lanes) {
    if (variant.gemma() == null) {
      return x;
    }
    Var y = normed(pass, gains, x, lanes);
    pass.tape().done(x);
    return y;
  }

  private float cap() {
    return variant.gemma() == null ? 0 : variant.gemma().cap();
  }

  private Var embedded(Tape tape, Var x) {
    return variant.gemma() == null ? x : scaled(tape, x, variant.gemma().embeddingFactor());
  }

  private Var asking(Tape tape, Var q) {
    return variant.gemma() == null ? q : scaled(tape, q, variant.gemma().queryFactor());
  }

  /** {@code linear(GELU(linear(x)) ⊙ linear(x))}; x is done where nobody else reads it. */
  private static Var geglu(
      Pass pass,
      List<Linear> gate,
      List<Linear> up,
      List<Linear> down,
      Var x,
      boolean isDone,
      Lanes lanes) {
    Tape tape = pass.tape();
    Var open = pass.linear(gate, x, lanes);
    Var wide = pass.linear(up, x, lanes);
    if (isDone) {
      tape.done(x);
    }
    Var active = Activations.geluTanh(tape, open);
    Var inner = tape.multiply(active, wide);
    tape.done(open);
    tape.done(active);
    tape.done(wide);
    Var y = pass.linear(down, inner, lanes);
    tape.done(inner);
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

  @Override
  public void close() {
    rotary.close();
  }
}
