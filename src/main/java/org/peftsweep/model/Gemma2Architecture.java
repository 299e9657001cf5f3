package org.peftsweep.model;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import org.peftsweep.checkpoint.ConfigFile;
import org.peftsweep.checkpoint.DecoderConfig;
import org.peftsweep.checkpoint.ModelConfig;

/**
 * Gemma 2 (arXiv:2408.00118): Llama's layers with norms after each block too, GELU in place of
 * SiLU, scores and logits that are held below a cap, and every other layer looking back a window.
 *
 * @param facts what its config.json alone says; null in the registry
 */
public record Gemma2Architecture(Facts facts) implements DecoderArchitecture {
  /**
   * What decides besides sizes.
   *
   * @param queryScalar that scores are divided by the root of
   * @param attentionCap of scores, 0 for none
   * @param logitCap of a language model's logits, 0 for none
   * @param window how many tokens up to itself a position sees where it is near-sighted, 0 for all
   * @param nearSighted for each layer, whether it is
   */
  public record Facts(
      double queryScalar,
      double attentionCap,
      double logitCap,
      int window,
      List<Boolean> nearSighted) {
    public Facts {
      nearSighted = List.copyOf(nearSighted);
    }
  }

  private static final String SCALAR = "query_pre_attn_scalar";
  private static final String ATTENTION_CAP = "attn_logit_softcapping";
  private static final String LOGIT_CAP = "final_logit_softcapping";
  private static final String WINDOW = "sliding_window";
  private static final String NEAR = "sliding_attention";
  private static final String FULL = "full_attention";
  private static final String BOTH_WAYS = "use_bidirectional_attention";

  /** The entry of the registry. */
  public Gemma2Architecture() {
    this(null);
  }

  @Override
  public List<String> modelTypes() {
    return List.of("gemma2");
  }

  @Override
  public List<String> relatives() {
    return List.of("gemma", "gemma3_text");
  }

  @Override
  public Map<String, String> keys() {
    return Map.of("hidden_act", "hidden_activation");
  }

  @Override
  public String className() {
    return "Gemma2";
  }

  @Override
  public String activation() {
    return "gelu_pytorch_tanh";
  }

  @Override
  public ModelConfig read(ConfigFile file) {
    // The reference library's defaults are no quotients of others here.
    file.whole("head_dim");
    file.whole("num_key_value_heads");
    file.require(!file.flag(BOTH_WAYS, false), BOTH_WAYS, true, "only false can be built");
    Facts facts =
        new Facts(
            file.positive(SCALAR, 256),
            file.isNull(ATTENTION_CAP) ? 0 : file.positive(ATTENTION_CAP, 50),
            file.isNull(LOGIT_CAP) ? 0 : file.positive(LOGIT_CAP, 30),
            file.isNull(WINDOW) ? 0 : file.whole(WINDOW, 4096),
            file.layersOf(NEAR, FULL, layer -> layer % 2 == 0));
    OptionalInt pad = file.padTokenId();
    return DecoderConfig.read(file, this, file.flag("attention_bias", false))
        .of(
            new Gemma2Architecture(facts),
            file.isNull("pad_token_id") ? pad : OptionalInt.of(pad.orElse(0)),
            file.flag("tie_word_embeddings", true));
  }

  @Override
  public Map<String, Object> entries(ModelConfig config) {
    Map<String, Object> entries = new LinkedHashMap<>(DecoderArchitecture.super.entries(config));
    entries.put(SCALAR, whole(facts.queryScalar()));
    entries.put(ATTENTION_CAP, orNull(facts.attentionCap()));
    if (facts.attentionCap() != 0) {
      // By the other ways that the reference library attends in, it leaves the cap out.
      entries.put("attn_implementation", "eager");
    }
    entries.put(LOGIT_CAP, orNull(facts.logitCap()));
    entries.put(WINDOW, facts.window() == 0 ? null : facts.window());
    entries.put(
        "layer_types", facts.nearSighted().stream().map(near -> near ? NEAR : FULL).toList());
    return entries;
  }

  /** The reference library takes it as a whole number alone. */
  private static Object whole(double scalar) {
    return scalar == Math.rint(scalar) ? (Object) (long) scalar : (Object) scalar;
  }

  private static Double orNull(double cap) {
    return cap == 0 ? null : cap;
  }

  @Override
  public float logitCap() {
    return (float) facts.logitCap();
  }

  @Override
  public Decoder.Variant variant(ModelConfig config) {
    return new Decoder.Variant(
        config.attentionBias(),
        false,
        new Decoder.Gemma(
            (float) Math.sqrt(config.sizes().hidden()),
            (float) Math.sqrt(config.sizes().headWidth() / facts.queryScalar()),
            (float) facts.attentionCap(),
            facts.nearSighted().stream().mapToInt(near -> near ? facts.window() : 0).toArray()));
  }
}
