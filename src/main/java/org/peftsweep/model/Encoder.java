package org.peftsweep.model;

import java.util.List;
import java.util.Objects;
import java.util.function.Function;
import java.util.stream.Stream;
import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.compute.Lanes;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Var;
import org.peftsweep.data.Batch;
import org.peftsweep.model.Weights.Fresh;

/**
 * The bidirectional encoder that RoBERTa (arXiv:1907.11692), BERT (arXiv:1810.04805), ELECTRA
 * (arXiv:2003.10555), DistilBERT (arXiv:1910.01108), MPNet (arXiv:2004.09297) and DeBERTa
 * (arXiv:2006.03654) share: layer norm after each residual sum. They differ in how positions are
 * counted, whether they and token types have an embedding, whether embeddings are as wide as
 * layers, and in whether attention sees distances.
 */
final class Encoder extends Stack<Encoder, Encoder.Layer> {
  /** A layer. */
  record Layer(
      Linear query,
      Linear key,
      Linear value,
      Linear output,
      Norm outputNorm,
      Linear up,
      Linear down,
      Norm norm,
      Sublayer attention,
      Sublayer feedForward)
      implements Stack.Layer {
    @Override
    public List<Linear> linears() {
      return List.of(query, key, value, output, up, down);
    }

    @Override
    public boolean areNormsOfBase() {
      return outputNorm.isOfBase() && norm.isOfBase();
    }
  }

  private final Parameter words;
  private final Embeddings embeddings;
  private final Parameter positions;
  private final Parameter tokenTypes;
  private final Norm embeddingNorm;
  private final Linear embeddingProjection;
  private final Function<Batch, PositionIds> positionIds;
  private final boolean projectsFirst;

  /** Null where attention sees no distances. */
  private final Relations relations;

  Encoder(ModelConfig config, Builder builder, Function<Batch, PositionIds> positionIds) {
    this(config, builder, positionIds, EncoderNames.ofBert(config.architecture().prefix()));
  }

  Encoder(
      ModelConfig config,
      Builder builder,
      Function<Batch, PositionIds> positionIds,
      EncoderNames names) {
    this(config, builder, positionIds, names, encoder -> null);
  }

  /**
   * @param relations makes what sees distances, given the encoder with its layers
   */
  Encoder(
      ModelConfig config,
      Builder builder,
      Function<Batch, PositionIds> positionIds,
      EncoderNames names,
      Function<Encoder, Relations> relations) {
    super(config);
    this.positionIds = positionIds;
    this.projectsFirst = names.projectsFirst();
    ModelConfig.Sizes sizes = config.sizes();
    String start = names.embeddings();
    words = table(builder, start + "word_embeddings", sizes.vocabulary());
    embeddings = new Embeddings(words);
    positions =
        names.hasPositions()
            ? table(builder, start + "position_embeddings", sizes.positions())
            : null;
    tokenTypes =
        names.hasTypes()
            ? table(builder, start + "token_type_embeddings", sizes.tokenTypes())
            : null;
    int normed = projectsFirst ? sizes.hidden() : sizes.embedding();
    embeddingNorm = builder.norm(start + "LayerNorm", -1, normed, config.normEpsilon());
    String projection = names.projection();
    embeddingProjection =
        sizes.embedding() == sizes.hidden()
            ? null
            : new Linear(
                projection,
                builder.base(
                    projection + ".weight",
                    Role.EMBEDDING,
                    -1,
                    Fresh.NORMAL,
                    sizes.hidden(),
                    sizes.embedding()),
                projectsFirst
                    ? null
                    : builder.base(
                        projection + ".bias", Role.EMBEDDING, -1, Fresh.ZEROS, sizes.hidden()));
    for (int i = 0; i < sizes.layers(); i++) {
      layers.add(layer(builder, names, names.layers() + i + ".", i));
    }
    this.relations = relations.apply(this);
  }

  /** Returns what makes queries in a layer. */
  Linear query(int layer) {
    return layers.get(layer).query;
  }

  /** Returns what makes keys in a layer. */
  Linear key(int layer) {
    return layers.get(layer).key;
  }

  private Parameter table(Builder builder, String name, int rows) {
    return builder.base(
        name + ".weight", Role.EMBEDDING, -1, Fresh.NORMAL, rows, config.sizes().embedding());
  }

  private Layer layer(Builder builder, EncoderNames names, String prefix, int index) {
    int width = config.sizes().hidden();
    int inner = config.sizes().feedForward();
    double epsilon = config.normEpsilon();
    Linear query = builder.linear(prefix + names.query(), Role.QUERY, index, width, width, true);
    Linear key = builder.linear(prefix + names.key(), Role.KEY, index, width, width, true);
    Linear value = builder.linear(prefix + names.value(), Role.VALUE, index, width, width, true);
    Linear output = builder.linear(prefix + names.output(), Role.OUTPUT, index, width, width, true);
    Norm outputNorm = builder.norm(prefix + names.outputNorm(), index, width, epsilon);
    Linear up = builder.linear(prefix + names.up(), Role.FFN_UP, index, inner, width, true);
    Linear down = builder.linear(prefix + names.down(), Role.FFN_DOWN, index, width, inner, true);
    Norm norm = builder.norm(prefix + names.norm(), index, width, epsilon);
    return new Layer(
        query,
        key,
        value,
        output,
        outputNorm,
        up,
        down,
        norm,
        new Sublayer(
            prefix + names.attention(), Sublayer.Kind.ATTENTION, index, width, width, outputNorm),
        new Sublayer(
            prefix + names.feedForward(), Sublayer.Kind.FEED_FORWARD, index, width, width, norm));
  }

  @Override
  public Embeddings embeddings() {
    return embeddings;
  }

  @Override
  public List<Norm> norms() {
    return Stream.concat(
            Stream.of(embeddingNorm),
            layers.stream().flatMap(layer -> Stream.of(layer.outputNorm, layer.norm)))
        .toList();
  }

  @Override
  boolean isStartOfBase() {
    return tables().stream().allMatch(Parameter::isOfBase)
        && embeddingNorm.isOfBase()
        && (embeddingProjection == null || embeddingProjection.isOfBase())
        && (relations == null || relations.isOfBase());
  }

  @Override
  boolean isEndOfBase() {
    return true;
  }

  @Override
  Run<Layer> begin(Pass pass, List<Encoder> lanes, Packed packed) {
    Relations.Run related =
        relations == null
            ? null
            : relations.run(pass, Pass.parts(lanes, encoder -> encoder.relations), packed);
    List<Tensor> masks = packed.masks(pass.tape());
    return new Run<>() {
      @Override
      public Var layer(int index, List<Layer> parts, Var x, Tensor places) {
        return forward(pass, packed, masks, parts, related, index, x, places);
      }

      @Override
      public void close() {
        if (related != null) {
          related.close();
        }
      }
    };
  }

  @Override
  Var end(Pass pass, List<Encoder> lanes, Var x, Lanes rows) {
    return x;
  }

  private List<Parameter> tables() {
    return Stream.of(words, positions, tokenTypes).filter(Objects::nonNull).toList();
  }

  @Override
  Var embed(Pass pass, List<Encoder> lanes, Packed packed) {
    Tape tape = pass.tape();
    Pass.requireShared(Pass.parts(lanes, Encoder::tables));
    Tensor ids = packed.positions(tape, "ids", Batch::ids);
    Var x = tape.gather(words.var(), ids, packed.learningIds(tape));
    x = pass.prompted(Pass.parts(lanes, e -> e.embeddings), x, packed);
    if (positions != null) {
      Tensor places = packed.positions(tape, "positions", batch -> positionIds.apply(batch).ids());
      Tensor learning =
          packed.positions(
              tape, "learning positions", batch -> positionIds.apply(batch).learning());
      x = tape.addGathered(x, positions.var(), places, learning);
    }
    if (tokenTypes != null) {
      Tensor types = packed.positions(tape, "types", Batch::typeIds);
      x = tape.addGathered(x, tokenTypes.var(), types, types);
    }
    x = projectsFirst ? projected(pass, lanes, x, packed) : x;
    Var normed = pass.norm(Pass.parts(lanes, e -> e.embeddingNorm), x, packed.all());
    tape.done(x);
    Var kept = tape.dropout(normed, (float) config.dropout().hidden(), packed.all());
    return projectsFirst ? kept : projected(pass, lanes, kept, packed);
  }

  /** Widens embeddings that are narrower than layers; consumes x. */
  private Var projected(Pass pass, List<Encoder> lanes, Var x, Packed packed) {
    if (embeddingProjection == null) {
      return x;
    }
    Var wide = pass.linear(Pass.parts(lanes, e -> e.embeddingProjection), x, packed.all());
    pass.tape().done(x);
    return wide;
  }

  /** Runs a layer; with places, of what is above attention those alone. */
  private Var forward(
      Pass pass,
      Packed packed,
      List<Tensor> masks,
      List<Layer> lanes,
      Relations.Run related,
      int index,
      Var x,
      Tensor places) {
    Tape tape = pass.tape();
    Lanes all = packed.all();
    boolean chooses = places != null;
    Lanes rows = chooses ? packed.chosen() : all;
    // Distances are between all positions.
    boolean oneAsks = chooses && related == null && packed.isOneOfEach();
    Var asking = oneAsks ? tape.gather(x, places) : x;
    Var q = pass.linear(Pass.parts(lanes, Layer::query), asking, oneAsks ? rows : all);
    Var k = pass.linear(Pass.parts(lanes, Layer::key), x, all);
    Var v = pass.linear(Pass.parts(lanes, Layer::value), x, all);
    List<Sublayer> attention = Pass.parts(lanes, Layer::attention);
    Scores scores = Scores.PLAIN;
    if (related != null) {
      q = scaled(tape, q, relations.queryFactor());
      scores = related.scores(index, q, k);
    }
    Var context = pass.attention(attention, packed, config, false, oneAsks, q, k, v, masks, scores);
    tape.done(q);
    tape.done(k);
    tape.done(v);
    if (oneAsks) {
      tape.done(x);
      x = asking;
    } else if (chooses) {
      context = chosen(tape, context, places);
      x = chosen(tape, x, places);
    }
    float dropout = (float) config.dropout().hidden();
    Var output = pass.linear(Pass.parts(lanes, Layer::output), context, rows);
    Var attended = tape.dropout(output, dropout, rows);
    tape.done(context);
    attended = pass.around(attention, x, x, attended, rows);
    Var middle = pass.normOfSum(Pass.parts(lanes, Layer::outputNorm), attended, x, rows);
    tape.done(x);
    List<Linear> up = Pass.parts(lanes, Layer::up);
    Var down = pass.feedForward(up, Pass.parts(lanes, Layer::down), middle, rows);
    Var fed = tape.dropout(down, dropout, rows);
    fed = pass.around(Pass.parts(lanes, Layer::feedForward), middle, middle, fed, rows);
    Var y = pass.normOfSum(Pass.parts(lanes, Layer::norm), fed, middle, rows);
    tape.done(middle);
    return y;
  }

  @Override
  public boolean keepsExamplesApart() {
    return relations == null || relations.keepsExamplesApart();
  }
}
