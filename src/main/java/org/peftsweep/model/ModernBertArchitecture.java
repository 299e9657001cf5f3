package org.peftsweep.model;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.peftsweep.checkpoint.ConfigFile;
import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.checkpoint.Placement;
import org.peftsweep.checkpoint.Rope;
import org.peftsweep.model.Weights.Fresh;

/**
 * ModernBERT (arXiv:2412.13663): an encoder with rotary positions, norms before blocks and gated
 * feed-forwards, of which two layers in three are near-sighted. It classifies by the first token's
 * state, or by the mean of all tokens', through a dense layer with GELU, norm, dropout, and a
 * projection to the outputs. Its checkpoints have query, key and value as one, {@code Wqkv}, and
 * the first two matrices of the feed-forward, {@code Wi}.
 *
 * @param facts what its config.json alone says; null in the registry
 */
public record ModernBertArchitecture(Facts facts) implements ModelArchitecture {
  /**
   * What decides besides sizes.
   *
   * @param nearTheta base of the rotary frequencies where layers are near-sighted
   * @param window {@code local_attention}: how many positions near-sighted layers see, half of them
   *     on either side
   * @param nearSighted for each layer, whether it is
   * @param areNormsShifted whether norms have a shift
   * @param hasHeadBias whether the head's dense layer has a bias
   * @param takesMean whether it classifies by the mean
   */
  public record Facts(
      double nearTheta,
      int window,
      List<Boolean> nearSighted,
      boolean areNormsShifted,
      boolean hasHeadBias,
      boolean takesMean) {
    public Facts {
      nearSighted = List.copyOf(nearSighted);
    }
  }

  private static final String NEAR = "sliding_attention";
  private static final String FULL = "full_attention";
  private static final String ROPE = "rope_parameters";
  private static final String THETA = "rope_theta";
  private static final String WINDOW = "local_attention";
  private static final String POOLING = "classifier_pooling";
  private static final String FIRST = "cls";
  private static final String MEAN = "mean";

  /** Probabilities that published models have at 0. */
  private static final List<String> DROPOUTS =
      List.of("embedding_dropout", "mlp_dropout", "attention_dropout");

  private static final Pattern PART =
      Pattern.compile("(.*\\.(?:Wqkv|Wi))\\.(query|key|value|input|gate)(\\.\\w+)");
  private static final List<String> QKV = List.of("query", "key", "value");
  private static final List<String> GATED = List.of("input", "gate");

  /** The entry of the registry. */
  public ModernBertArchitecture() {
    this(null);
  }

  @Override
  public List<String> modelTypes() {
    return List.of("modernbert");
  }

  @Override
  public List<String> relatives() {
    return List.of("modernbert-decoder", "nomic_bert", "eurobert");
  }

  @Override
  public Map<String, String> keys() {
    return Map.of("hidden_act", "hidden_activation", "layer_norm_eps", "norm_eps");
  }

  @Override
  public String className() {
    return "ModernBert";
  }

  @Override
  public String prefix() {
    return "model.";
  }

  @Override
  public String activation() {
    return "gelu";
  }

  @Override
  public Placement placement(String name) {
    Matcher matcher = PART.matcher(name);
    if (!matcher.matches()) {
      return Placement.of(name);
    }
    List<String> parts = matcher.group(1).endsWith("Wi") ? GATED : QKV;
    return new Placement(
        matcher.group(1) + matcher.group(3), false, parts.indexOf(matcher.group(2)), parts.size());
  }

  @Override
  public ModelConfig read(ConfigFile file) {
    for (String key : DROPOUTS) {
      double dropout = file.probability(key, 0);
      file.require(dropout == 0, key, dropout, "only 0 can be built");
    }
    file.requireWord("classifier_activation", "gelu");
    String pooling = file.word(POOLING, FIRST);
    file.require(List.of(FIRST, MEAN).contains(pooling), POOLING, pooling, "choose cls or mean");
    int every = file.whole("global_attn_every_n_layers", 3);
    double theta = theta(file, FULL, "global_rope_theta", 160_000);
    double nearTheta = theta(file, NEAR, "local_rope_theta", 10_000);
    if (file.isNull("local_rope_theta")) {
      nearTheta = theta;
    }
    Facts facts =
        new Facts(
            nearTheta,
            file.whole(WINDOW, 128),
            file.layersOf(NEAR, FULL, layer -> layer % every > 0),
            file.flag("norm_bias", false),
            file.flag("classifier_bias", false),
            pooling.equals(MEAN));
    ModelConfig.Sizes sizes = file.sizes(file.whole("num_attention_heads"), 0);
    file.require(
        sizes.headWidth() % 2 == 0, "hidden_size", sizes.hidden(), "rotation needs even heads");
    return new ModelConfig(
        new ModernBertArchitecture(facts),
        sizes,
        file.positive("layer_norm_eps", 1e-5),
        new ModelConfig.Dropout(0, 0, file.probability("classifier_dropout", 0)),
        OptionalInt.of(file.padTokenId().orElse(50_283 % sizes.vocabulary())),
        Optional.of(new Rope(theta, new Rope.None())),
        file.flag("attention_bias", false),
        file.flag("mlp_bias", false),
        file.flag("tie_word_embeddings", true),
        file.positive("initializer_range", 0.02),
        file.labels());
  }

  /** From {@code rope_parameters} of a kind of layers, else from the key that came before it. */
  private static double theta(ConfigFile file, String kind, String key, double otherwise) {
    ConfigFile settings = file.under(ROPE).under(kind);
    settings.requireWord("rope_type", "default");
    return settings.positive(THETA, file.positive(key, otherwise));
  }

  @Override
  public Map<String, Object> entries(ModelConfig config) {
    Map<String, Object> entries = new LinkedHashMap<>();
    entries.put("layer_norm_eps", config.normEpsilon());
    entries.put("norm_bias", facts.areNormsShifted());
    entries.put("attention_bias", config.attentionBias());
    entries.put("mlp_bias", config.mlpBias());
    DROPOUTS.forEach(key -> entries.put(key, 0.0));
    entries.put("classifier_dropout", config.dropout().classifier());
    entries.put("classifier_bias", facts.hasHeadBias());
    entries.put(POOLING, facts.takesMean() ? MEAN : FIRST);
    entries.put("classifier_activation", "gelu");
    entries.put(WINDOW, facts.window());
    entries.put(
        "layer_types", facts.nearSighted().stream().map(near -> near ? NEAR : FULL).toList());
    entries.put(
        ROPE,
        Map.of(
            FULL,
            Map.of("rope_type", "default", THETA, config.rope().orElseThrow().theta()),
            NEAR,
            Map.of("rope_type", "default", THETA, facts.nearTheta())));
    return entries;
  }

  @Override
  public Backbone backbone(ModelConfig config, Builder builder) {
    PreNorm.Names names =
        new PreNorm.Names(
            "model.embeddings.tok_embeddings",
            null,
            "model.embeddings.norm",
            "model.layers.",
            "attn_norm",
            false,
            "attn",
            "attn.Wqkv.query",
            "attn.Wqkv.key",
            "attn.Wqkv.value",
            "attn.Wo",
            "mlp_norm",
            "mlp",
            "mlp.Wi.input",
            "mlp.Wi.gate",
            "mlp.Wo",
            "model.final_norm");
    int width = config.sizes().headWidth();
    RotaryTables far = new RotaryTables(builder.backend(), config.rope().orElseThrow(), width);
    RotaryTables near =
        new RotaryTables(builder.backend(), new Rope(facts.nearTheta(), new Rope.None()), width);
    return new PreNorm(
        config,
        builder,
        new PreNorm.Variant(
            names,
            false,
            facts.nearSighted().stream().map(isNear -> isNear ? near : far).toList(),
            facts.nearSighted().stream()
                .mapToInt(isNear -> isNear ? facts.window() / 2 : 0)
                .toArray(),
            facts.areNormsShifted(),
            (tape, x) -> tape.gelu(x, null)));
  }

  @Override
  public Head classifier(ModelConfig config, int outputs, Builder builder) {
    int width = config.sizes().hidden();
    Linear dense = builder.headLinear("head.dense", width, width, facts.hasHeadBias());
    Norm norm =
        new Norm(
            builder.head("head.norm.weight", Fresh.ONES, width),
            facts.areNormsShifted() ? builder.head("head.norm.bias", Fresh.ZEROS, width) : null,
            (float) config.normEpsilon());
    return new NormedHead(
        dense,
        norm,
        builder.headLinear("classifier", outputs, width, true),
        (float) config.dropout().classifier(),
        facts.takesMean());
  }
}
