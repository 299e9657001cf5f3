package org.peftsweep.model;

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
final class PreNorm extends Stack<PreNorm, PreNorm.Layer> {
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
  record Layer(
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
      Sublayer feedForward)
      implements Stack.Layer {
    @Override
    public List<Linear> linears() {
      return Stream.of(query, key, value, output, gate, up, down).filter(Objects::nonNull).toList();
    }

    List<Norm> norms() {
      return Stream.of(firstNorm, secondNorm).filter(Objects::nonNull).toList();
    }

    @Override
    public boolean areNormsOfBase() {
      return norms().stream().allMatch(Norm::isOfBase);
    }
  }

  private final Builder builder;
  private final Variant variant;
  private final Parameter words;
  private final Embeddings embeddings;
  private final Parameter positions;
  private final Norm embeddingNorm;
  private final Norm lastNorm;

  PreNorm(ModelConfig config, Builder builder, Variant variant) {
    super(config);
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
  public List<Norm> norms() {
    return Stream.of(
            Stream.of(embeddingNorm),
            layers.stream().flatMap(layer -> layer.norms().stream()),
            Stream.of(lastNorm))
        .flatMap(norms -> norms)
        .filter(norm -> norm != null && norm.isShifted())
        .toList();
  }

  private List<Parameter> tables() {
    return Stream.of(words, positions).filter(Objects::nonNull).toList();
  }

  @Override
  boolean isStartOfBase() {
    return tables().stream().allMatch(Parameter::isOfBase)
        && (embeddingNorm == null || embeddingNorm.isOfBase());
  }

  @Override
  boolean isEndOfBase() {
    return lastNorm.isOfBase();
  }

  @Override
  Run<Layer> begin(Pass pass, List<PreNorm> lanes, Packed packed) {
    if (packed.goesOn()) {
      List<Tensor> seen = packed.masksBefore(pass.tape());
      return (index, parts, x, places) -> next(pass, packed, seen, parts, index, x);
    }
    List<Tensor> masks = packed.masks(pass.tape());
    return (index, parts, x, places) -> forward(pass, packed, masks, parts, index, x, places);
  }

  @Override
  Var end(Pass pass, List<PreNorm> lanes, Var x, Lanes rows) {
    Var y = pass.norm(Pass.parts(lanes, backbone -> backbone.lastNorm), x, rows);
    pass.tape().done(x);
    return y;
  }

  @Override
  Var embed(Pass pass, List<PreNorm> lanes, Packed packed) {
    Tape tape = pass.tape();
    Pass.requireShared(Pass.parts(lanes, PreNorm::tables));
    Var x = packed.goesOn() ? last(pass, packed) : all(pass, lanes, packed);
    Var normed = x;
    if (embeddingNorm != null) {
      normed = pass.norm(Pass.parts(lanes, backbone -> backbone.embeddingNorm), x, packed.all());
      tape.done(x);
    }
    return tape.dropout(normed, (float) config.dropout().hidden(), packed.all());
  }

  private Var all(Pass pass, List<PreNorm> lanes, Packed packed) {
    Tape tape = pass.tape();
    Tensor ids = packed.positions(tape, "ids", Batch::ids);
    Var x = tape.gather(words.var(), ids, packed.learningIds(tape));
    x = pass.prompted(Pass.parts(lanes, backbone -> backbone.embeddings), x, packed);
    if (positions == null) {
      return x;
    }
    Tensor places = packed.positions(tape, "positions", PreNorm::counted);
    return tape.addGathered(x, positions.var(), places, places);
  }

  /** The tokens that rows are gone on with, alone. */
  private Var last(Pass pass, Packed packed) {
    Tape tape = pass.tape();
    Var x = tape.gather(words.var(), packed.chosen(tape, "ids", Batch::ids));
    x = pass.changed(embeddings, x, packed);
    if (positions == null) {
      return x;
    }
    Tensor places = packed.chosen(tape, "positions", PreNorm::counted);
    return tape.addGathered(x, positions.var(), places, places);
  }

  private static int[] counted(Batch batch) {
    return PositionIds.ofPlaces(batch).ids();
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
    if (packed.cache() != null) {
      packed.cache().fill(index, k, v);
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
    return above(pass, lanes, x, context, rows);
  }

  /** Runs a layer for one position of each row, over the keys and values that are kept. */
  private Var next(
      Pass pass, Packed packed, List<Tensor> seen, List<Layer> lanes, int index, Var x) {
    Tape tape = pass.tape();
    Lanes rows = packed.chosen();
    boolean isNormed = lanes.get(0).firstNorm != null;
    Var normed = isNormed ? pass.norm(Pass.parts(lanes, Layer::firstNorm), x, rows) : x;
    Var q = pass.linear(Pass.parts(lanes, Layer::query), normed, rows);
    Var k = pass.linear(Pass.parts(lanes, Layer::key), normed, rows);
    Var v = pass.linear(Pass.parts(lanes, Layer::value), normed, rows);
    if (isNormed) {
      tape.done(normed);
    }
    if (!variant.rotary().isEmpty()) {
      q = variant.rotary().get(index).turnAt(tape, q, packed);
      k = variant.rotary().get(index).turnAt(tape, k, packed);
    }
    Var context =
        attendOverKept(
            pass, packed, index, Pass.parts(lanes, Layer::attention), q, k, v, seen, Scores.PLAIN);
    return above(pass, lanes, x, context, rows);
  }

  /** Runs what of a layer is above its attention; consumes x and context. */
  private Var above(Pass pass, List<Layer> lanes, Var x, Var context, Lanes rows) {
    Tape tape = pass.tape();
    List<Sublayer> attention = Pass.parts(lanes, Layer::attention);
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

  @Override
  public void close() {
    variant.rotary().forEach(RotaryTables::close);
  }
}
