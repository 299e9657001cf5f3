package org.peftsweep.model;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.BiFunction;
import java.util.stream.Stream;
import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.compute.Lanes;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Var;
import org.peftsweep.data.Batch;
import org.peftsweep.model.Weights.Fresh;

/**
 * A transformer with layer norm before each block and after the last: GPT-2, which looks back and
 * learns positions, and ModernBERT (arXiv:2412.13663), which looks both ways, near in most layers,
 * turns heads by positions, and gates its feed-forward.
 *
 * <p>Positions count from 0 in every row, padding included, as in the reference implementation.
 */
final class PreNorm implements Backbone {
  /**
   * In what they differ.
   *
   * @param names of modules
   * @param isCausal whether a position sees only itself and earlier ones
   * @param rotary of each layer; empty where positions are learnt
   * @param windows of each layer: how far a position sees on either side, 0 for to the end
   * @param isShifted whether norms have a shift
   * @param activation of the feed-forward
   */
  record Variant(
      Names names,
      boolean isCausal,
      List<RotaryTables> rotary,
      int[] windows,
      boolean isShifted,
      BiFunction<Tape, Var, Var> activation) {}

  /**
   * How modules are called.
   *
   * @param words whole; the norms of embeddings and of the last state likewise
   * @param positions whole, null where they are not learnt
   * @param embeddingNorm null for none
   * @param layers what the number of a layer follows
   * @param firstNorm within a layer, as all below
   * @param isFirstNormed whether the lowest layer has that norm
   * @param gate null where the feed-forward has none; the activation is its or else that of up
   */
  record Names(
      String words,
      String positions,
      String embeddingNorm,
      String layers,
      String firstNorm,
      boolean isFirstNormed,
      String attention,
      String query,
      String key,
      String value,
      String output,
      String secondNorm,
      String feedForward,
      String gate,
      String up,
      String down,
      String lastNorm) {}

  /** A layer; the lowest one may lack the first norm. */
  private record Layer(
      Norm firstNorm,
      Linear query,
      Linear key,
      Linear value,
      Linear output,
      Norm secondNorm,
      Linear gate,
      Linear up,
      Linear down,
      Sublayer attention,
      Sublayer feedForward) {
    List<Linear> linears() {
      return Stream.of(query, key, value, output, gate, up, down).filter(Objects::nonNull).toList();
    }

    List<Norm> norms() {
      return Stream.of(firstNorm, secondNorm).filter(Objects::nonNull).toList();
    }

    boolean isOfBase() {
      return linears().stream().allMatch(Linear::isOfBase)
          && norms().stream().allMatch(Norm::isOfBase)
          && attention.isOfBase()
          && feedForward.isOfBase();
    }
  }

  private final ModelConfig config;
  private final Builder builder;
  private final Variant variant;
  private final Parameter words;
  private final Embeddings embeddings;
  private final Parameter positions;
  private final Norm embeddingNorm;
  private final List<Layer> layers = new ArrayList<>();
  private final Norm lastNorm;
  private Trace trace;

  PreNorm(ModelConfig config, Builder builder, Variant variant) {
    this.config = config;
    this.builder = builder;
    this.variant = variant;
    Names names = variant.names();
    words = table(names.words(), config.sizes().vocabulary());
    embeddings = new Embeddings(words);
    positions =
        names.positions() == null ? null : table(names.positions(), config.sizes().positions());
    embeddingNorm = names.embeddingNorm() == null ? null : norm(names.embeddingNorm(), -1);
    for (int i = 0; i < config.sizes().layers(); i++) {
      layers.add(layer(names, names.layers() + i + ".", i));
    }
    lastNorm = norm(names.lastNorm(), -1);
  }

  private Parameter table(String name, int rows) {
    return builder.base(
        name + ".weight", Role.EMBEDDING, -1, Fresh.NORMAL, rows, config.sizes().hidden());
  }

  private Norm norm(String name, int layer) {
    int width = config.sizes().hidden();
    return variant.isShifted()
        ? builder.norm(name, layer, width, config.normEpsilon())
        : builder.unshiftedNorm(name, layer, width, config.normEpsilon());
  }

  private Layer layer(Names names, String prefix, int index) {
    int width = config.sizes().hidden();
    int inner = config.sizes().feedForward();
    boolean bias = config.attentionBias();
    boolean mlpBias = config.mlpBias();
    return new Layer(
        index > 0 || names.isFirstNormed() ? norm(prefix + names.firstNorm(), index) : null,
        builder.linear(prefix + names.query(), Role.QUERY, index, width, width, bias),
        builder.linear(prefix + names.key(), Role.KEY, index, width, width, bias),
        builder.linear(prefix + names.value(), Role.VALUE, index, width, width, bias),
        builder.linear(prefix + names.output(), Role.OUTPUT, index, width, width, bias),
        norm(prefix + names.secondNorm(), index),
        names.gate() == null
            ? null
            : builder.linear(prefix + names.gate(), Role.FFN_GATE, index, inner, width, mlpBias),
        builder.linear(prefix + names.up(), Role.FFN_UP, index, inner, width, mlpBias),
        builder.linear(prefix + names.down(), Role.FFN_DOWN, index, width, inner, mlpBias),
        new Sublayer(
            prefix + names.attention(), Sublayer.Kind.ATTENTION, index, width, width, null),
        new Sublayer(
            prefix + names.feedForward(), Sublayer.Kind.FEED_FORWARD, index, width, width, null));
  }

  @Override
  public Embeddings embeddings() {
    return embeddings;
  }

  @Override
  public List<Sublayer> sublayers() {
    return layers.stream().flatMap(layer -> Stream.of(layer.attention, layer.feedForward)).toList();
  }

  @Override
  public List<Norm> norms() {
    return Stream.of(
            Stream.of(embeddingNorm),
            layers.stream().flatMap(layer -> layer.norms().stream()),
            Stream.of(lastNorm))
        .flatMap(norms -> norms)
        .filter(norm -> norm != null && norm.isShifted())
        .toList();
  }

  @Override
  public void trace(Trace trace) {
    this.trace = trace;
  }

  private List<Parameter> tables() {
    return Stream.of(words, positions).filter(Objects::nonNull).toList();
  }

  @Override
  public int frozenLayers() {
    boolean isFrozen =
        trace == null
            && !isPrefixed()
            && tables().stream().allMatch(Parameter::isOfBase)
            && (embeddingNorm == null || embeddingNorm.isOfBase());
    // The norm after the last layer goes with it.
    int most = lastNorm.isOfBase() ? layers.size() : layers.size() - 1;
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
    List<PreNorm> lanes = Pass.parts(backbones, PreNorm.class::cast);
    Pass pass = new Pass(tape);
    Var x = below;
    if (x == null) {
      x = embed(pass, lanes, packed);
      see(0, x);
    }
    int depth = layers.size();
    boolean chooses = trace == null && !packed.asksForAll();
    Tensor places = to < depth || packed.asksForAll() ? null : packed.places(tape);
    List<Tensor> masks = packed.masks(tape);
    for (int i = from; i < to; i++) {
      int layer = i;
      boolean isLast = i == depth - 1;
      List<Layer> parts = Pass.parts(lanes, backbone -> backbone.layers.get(layer));
      x = forward(pass, packed, masks, parts, i, x, isLast && chooses ? places : null);
      if (!isLast) {
        see(i + 1, x);
      }
    }
    if (to < depth) {
      return x;
    }
    Lanes rows = chooses ? packed.chosen() : packed.all();
    Var y = pass.norm(Pass.parts(lanes, backbone -> backbone.lastNorm), x, rows);
    tape.done(x);
    see(depth, y);
    return chooses || packed.asksForAll() ? y : tape.gather(y, places);
  }

  private void see(int index, Var x) {
    if (trace != null) {
      trace.hidden(index, x.value());
    }
  }

  private Var embed(Pass pass, List<PreNorm> lanes, Packed packed) {
    Tape tape = pass.tape();
    Pass.requireShared(Pass.parts(lanes, PreNorm::tables));
    Tensor ids = packed.positions(tape, "ids", Batch::ids);
    Var x = tape.gather(words.var(), ids, packed.learningIds(tape));
    x = pass.prompted(Pass.parts(lanes, backbone -> backbone.embeddings), x, packed);
    if (positions != null) {
      Tensor places =
          packed.positions(tape, "positions", batch -> PositionIds.ofPlaces(batch).ids());
      x = tape.addGathered(x, positions.var(), places, places);
    }
    Var normed = x;
    if (embeddingNorm != null) {
      normed = pass.norm(Pass.parts(lanes, backbone -> backbone.embeddingNorm), x, packed.all());
      tape.done(x);
    }
    return tape.dropout(normed, (float) config.dropout().hidden(), packed.all());
  }

  /** Runs a layer; with places, of what is above attention those alone. */
  private Var forward(
      Pass pass,
      Packed packed,
      List<Tensor> masks,
      List<Layer> lanes,
      int index,
      Var x,
      Tensor places) {
    Tape tape = pass.tape();
    Lanes all = packed.all();
    boolean chooses = places != null;
    Lanes rows = chooses ? packed.chosen() : all;
    int window = variant.windows()[index];
    boolean isNear = window > 0 && packed.mostTokens() > window + 1;
    Scores scores = isNear ? Windows.bothWays(tape, packed, window) : Scores.PLAIN;
    boolean oneAsks = chooses && packed.isOneOfEach() && !isNear;
    boolean isNormed = lanes.get(0).firstNorm != null;
    Var normed = isNormed ? pass.norm(Pass.parts(lanes, Layer::firstNorm), x, all) : x;
    Var asking = oneAsks ? tape.gather(normed, places) : normed;
    Var q = pass.linear(Pass.parts(lanes, Layer::query), asking, oneAsks ? rows : all);
    Var k = pass.linear(Pass.parts(lanes, Layer::key), normed, all);
    Var v = pass.linear(Pass.parts(lanes, Layer::value), normed, all);
    if (oneAsks) {
      tape.done(asking);
    }
    if (isNormed) {
      tape.done(normed);
    }
    if (!variant.rotary().isEmpty()) {
      RotaryTables rotary = variant.rotary().get(index);
      q = oneAsks ? rotary.turnAt(tape, q, packed) : pass.rotary(rotary, q, packed);
      k = pass.rotary(rotary, k, packed);
    }
    boolean isCausal = variant.isCausal();
    List<Tensor> seen = isCausal && oneAsks ? packed.masksBefore(tape) : masks;
    List<Sublayer> attention = Pass.parts(lanes, Layer::attention);
    Var context =
        pass.attention(attention, packed, config, isCausal, oneAsks, q, k, v, seen, scores);
    tape.done(q);
    tape.done(k);
    tape.done(v);
    if (chooses) {
      context = oneAsks ? context : chosen(tape, context, places);
      x = chosen(tape, x, places);
    }
    Var output = pass.linear(Pass.parts(lanes, Layer::output), context, rows);
    tape.done(context);
    output = tape.dropout(output, (float) config.dropout().hidden(), rows);
    output = pass.around(attention, x, null, output, rows);
    Var middle = tape.addScaled(output, 1, x);
    tape.done(x);
    return fed(pass, lanes, middle, rows);
  }

  private Var fed(Pass pass, List<Layer> lanes, Var middle, Lanes rows) {
    Tape tape = pass.tape();
    Var normed = pass.norm(Pass.parts(lanes, Layer::secondNorm), middle, rows);
    Var up = pass.linear(Pass.parts(lanes, Layer::up), normed, rows);
    Var inner;
    if (lanes.get(0).gate == null) {
      inner = variant.activation().apply(tape, up);
    } else {
      Var gate = pass.linear(Pass.parts(lanes, Layer::gate), normed, rows);
      Var active = variant.activation().apply(tape, gate);
      tape.done(gate);
      inner = tape.multiply(active, up);
      tape.done(active);
    }
    tape.done(up);
    Var down = pass.linear(Pass.parts(lanes, Layer::down), inner, rows);
    tape.done(inner);
    down = tape.dropout(down, (float) config.dropout().hidden(), rows);
    boolean isRead = lanes.stream().anyMatch(layer -> layer.feedForward.adapter() != null);
    if (isRead) {
      down = pass.around(Pass.parts(lanes, Layer::feedForward), middle, normed, down, rows);
    }
    tape.done(normed);
    Var y = tape.addScaled(down, 1, middle);
    tape.done(middle);
    return y;
  }

  private static Var chosen(Tape tape, Var x, Tensor rows) {
    Var some = tape.gather(x, rows);
    tape.done(x);
    return some;
  }

  @Override
  public void close() {
    variant.rotary().forEach(RotaryTables::close);
  }
}
