package org.peftsweep.model;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.IntFunction;
import org.peftsweep.checkpoint.ConfigFile;
import org.peftsweep.checkpoint.EncoderConfig;
import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.model.Weights.Fresh;

/**
 * DeBERTa v2 and v3 (arXiv:2006.03654, 2111.09543): an encoder whose attention is disentangled. It
 * classifies by the first token's state through dropout, a dense layer with GELU, dropout, and a
 * projection to the outputs.
 *
 * @param facts what its config.json alone says; null in the registry
 */
public record DebertaV2Architecture(Facts facts) implements ModelArchitecture {
  /**
   * What decides besides sizes.
   *
   * @param seesDistances whether attention sees distances at all
   * @param farthest {@code max_relative_positions}; that of positions where the file says less than
   *     1
   * @param buckets {@code position_buckets}, 0 for none
   * @param sharesKeys whether keys and queries of distances are made as those of tokens are
   * @param queriesAsk whether queries are held against distances ({@code c2p})
   * @param keysAsk whether keys are ({@code p2c})
   * @param isNormed whether the embedding of distances passes a layer norm
   * @param hasPositions whether positions have an embedding
   * @param poolerDropout before the head's dense layer
   */
  public record Facts(
      boolean seesDistances,
      int farthest,
      int buckets,
      boolean sharesKeys,
      boolean queriesAsk,
      boolean keysAsk,
      boolean isNormed,
      boolean hasPositions,
      double poolerDropout) {}

  private static final int PAD_TOKEN_ID = 0;
  private static final String RELATIVE = "relative_attention";
  private static final String FARTHEST = "max_relative_positions";
  private static final String BUCKETS = "position_buckets";
  private static final String SHARES = "share_att_key";
  private static final String TERMS = "pos_att_type";
  private static final String NORMED = "norm_rel_ebd";
  private static final String POSITIONS = "position_biased_input";
  private static final String POOLER_DROPOUT = "pooler_dropout";
  private static final String EMBEDDING_SIZE = "embedding_size";
  private static final String CONVOLUTION = "conv_kernel_size";

  /** The entry of the registry. */
  public DebertaV2Architecture() {
    this(null);
  }

  @Override
  public List<String> modelTypes() {
    return List.of("deberta-v2");
  }

  @Override
  public List<String> relatives() {
    return List.of("deberta");
  }

  @Override
  public Map<String, String> keys() {
    return Map.of("classifier_dropout", "cls_dropout");
  }

  @Override
  public String className() {
    return "DebertaV2";
  }

  @Override
  public String prefix() {
    return "deberta.";
  }

  @Override
  public String activation() {
    return "gelu";
  }

  @Override
  public ModelConfig read(ConfigFile file) {
    boolean isRelative = file.flag(RELATIVE, false);
    int convolution = file.wholeOr(CONVOLUTION, 0);
    file.require(
        convolution == 0,
        CONVOLUTION,
        convolution,
        "only models without a convolution can be built");
    file.requireWord("pooler_hidden_act", "gelu");
    int hidden = file.whole("hidden_size");
    int pooled = file.whole("pooler_hidden_size", hidden);
    file.require(pooled == hidden, "pooler_hidden_size", pooled, "give hidden_size = " + hidden);
    Set<String> terms = Set.copyOf(file.wordsOrBarred(TERMS));
    file.require(
        isRelative != terms.isEmpty() && Set.of("c2p", "p2c").containsAll(terms),
        TERMS,
        terms,
        isRelative ? "choose of c2p and p2c" : "leave it out where relative_attention is false");
    String norm = file.word(NORMED, "none").toLowerCase(Locale.ROOT);
    Facts facts =
        new Facts(
            isRelative,
            file.wholeOr(FARTHEST, file.whole("max_position_embeddings")),
            file.wholeOr(BUCKETS, 0),
            file.flag(SHARES, false),
            terms.contains("c2p"),
            terms.contains("p2c"),
            norm.contains("layer_norm"),
            file.flag(POSITIONS, true),
            file.probability(POOLER_DROPOUT, 0));
    // The reference library's default is smaller than that of others.
    file.positive("layer_norm_eps", null);
    ModelConfig config =
        EncoderConfig.read(
            file,
            this,
            PAD_TOKEN_ID,
            file.wholeOr("type_vocab_size", 0),
            file.probability("hidden_dropout_prob", 0.1));
    OptionalInt pad = config.padTokenId();
    return config
        .with(config.sizes().withEmbedding(file.whole(EMBEDDING_SIZE, hidden)))
        .of(new DebertaV2Architecture(facts), pad, config.tiedEmbeddings());
  }

  @Override
  public Map<String, Object> entries(ModelConfig config) {
    Map<String, Object> entries = new LinkedHashMap<>(EncoderConfig.entries(config));
    entries.remove("position_embedding_type");
    entries.put(EMBEDDING_SIZE, config.sizes().embedding());
    entries.put(RELATIVE, facts.seesDistances());
    entries.put(FARTHEST, facts.farthest());
    entries.put(BUCKETS, facts.buckets() == 0 ? -1 : facts.buckets());
    entries.put(SHARES, facts.sharesKeys());
    List<String> terms = new ArrayList<>();
    if (facts.keysAsk()) {
      terms.add("p2c");
    }
    if (facts.queriesAsk()) {
      terms.add("c2p");
    }
    entries.put(TERMS, terms);
    entries.put(NORMED, facts.isNormed() ? "layer_norm" : "none");
    entries.put(POSITIONS, facts.hasPositions());
    entries.put(POOLER_DROPOUT, facts.poolerDropout());
    entries.put("pooler_hidden_act", "gelu");
    return entries;
  }

  @Override
  public Backbone backbone(ModelConfig config, Builder builder) {
    String self = "attention.self.";
    EncoderNames names =
        EncoderNames.ofBert(prefix())
            .embedding(
                facts.hasPositions(),
                config.sizes().tokenTypes() > 0,
                "deberta.embeddings.embed_proj",
                true)
            .attending(
                self + "query_proj",
                self + "key_proj",
                self + "value_proj",
                "attention.output.dense",
                "attention.output.LayerNorm");
    return new Encoder(
        config,
        builder,
        PositionIds::ofPlaces,
        names,
        encoder -> facts.seesDistances() ? distances(config, builder, encoder) : null);
  }

  private Relations distances(ModelConfig config, Builder builder, Encoder encoder) {
    List<Linear> own = new ArrayList<>();
    IntFunction<Linear> keys = encoder::key;
    IntFunction<Linear> queries = encoder::query;
    if (!facts.sharesKeys()) {
      keys = facts.queriesAsk() ? own(config, builder, "pos_key_proj", Role.KEY, own) : null;
      queries = facts.keysAsk() ? own(config, builder, "pos_query_proj", Role.QUERY, own) : null;
    }
    ModelConfig.Sizes sizes = config.sizes();
    Disentangled.Variant variant =
        new Disentangled.Variant(
            facts.buckets() == 0 ? facts.farthest() : facts.buckets(),
            facts.buckets(),
            facts.farthest(),
            facts.queriesAsk(),
            facts.keysAsk(),
            facts.isNormed(),
            (float) config.dropout().hidden());
    return new Disentangled(
        variant,
        builder,
        prefix() + "encoder.",
        sizes.heads(),
        sizes.headWidth(),
        config.normEpsilon(),
        keys,
        queries,
        own);
  }

  /** What makes keys or queries of distances in each layer; no adapter is attached to it. */
  private IntFunction<Linear> own(
      ModelConfig config, Builder builder, String name, Role role, List<Linear> all) {
    int width = config.sizes().hidden();
    List<Linear> made = new ArrayList<>();
    for (int layer = 0; layer < config.sizes().layers(); layer++) {
      String module = prefix() + "encoder.layer." + layer + ".attention.self." + name;
      made.add(
          new Linear(
              module,
              builder.base(module + ".weight", role, layer, Fresh.NORMAL, width, width),
              builder.base(module + ".bias", role, layer, Fresh.ZEROS, width)));
    }
    all.addAll(made);
    return made::get;
  }

  @Override
  public Head classifier(ModelConfig config, int outputs, Builder builder) {
    int width = config.sizes().hidden();
    return new FirstTokenHead(
        builder.headLinear("pooler.dense", width, width, true),
        (tape, x) -> tape.gelu(x, null),
        builder.headLinear("classifier", outputs, width, true),
        (float) facts.poolerDropout(),
        (float) config.dropout().classifier());
  }
}
