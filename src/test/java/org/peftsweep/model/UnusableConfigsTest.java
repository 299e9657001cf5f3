package org.peftsweep.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.peftsweep.checkpoint.Architecture;
import org.peftsweep.checkpoint.Architectures;
import org.peftsweep.checkpoint.CheckpointException;
import org.peftsweep.checkpoint.ModelConfig;

/** Configurations that say what a family is not built with here: one sentence each. */
class UnusableConfigsTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  private static final String ROWS =
      """
      bert       | "position_embedding_type": "relative_key"   | Cannot use position_embedding_type = relative_key in config.json: only absolute can be built
      roberta    | "is_decoder": true                          | Cannot use is_decoder = true in config.json: only encoders of this model_type can be built
      electra    | "position_embedding_type": "relative_key"   | Cannot use position_embedding_type = relative_key in config.json: only absolute can be built
      distilbert | "n_heads": 5                                | Cannot use dim = 32 in config.json: it must be a multiple of n_heads = 5
      mpnet      | "relative_attention_num_buckets": 64        | Cannot use relative_attention_num_buckets = 64 in config.json: only 32 can be built
      mpnet      | "pad_token_id": 3                           | Cannot use pad_token_id = 3 in config.json: only 1 can be built, from which positions are counted
      deberta-v2 | "conv_kernel_size": 3                       | Cannot use conv_kernel_size = 3 in config.json: only models without a convolution can be built
      deberta-v2 | "pos_att_type": "c2c"                       | Cannot use pos_att_type = [c2c] in config.json: choose of c2p and p2c
      deberta-v2 | "relative_attention": false                 | Cannot use pos_att_type = [c2p] in config.json: leave it out where relative_attention is false
      deberta-v2 | "pooler_hidden_act": "tanh"                 | Cannot use pooler_hidden_act = tanh in config.json: only gelu can be built
      deberta-v2 | "pooler_hidden_size": 16                    | Cannot use pooler_hidden_size = 16 in config.json: give hidden_size = 32
      modernbert | "mlp_dropout": 0.1                          | Cannot use mlp_dropout = 0.1 in config.json: only 0 can be built
      modernbert | "attention_dropout": 0.1                    | Cannot use attention_dropout = 0.1 in config.json: only 0 can be built
      modernbert | "embedding_dropout": 0.1                    | Cannot use embedding_dropout = 0.1 in config.json: only 0 can be built
      modernbert | "classifier_pooling": "max"                 | Cannot use classifier_pooling = max in config.json: choose cls or mean
      modernbert | "classifier_activation": "relu"             | Cannot use classifier_activation = relu in config.json: only gelu can be built
      modernbert | "layer_types": ["full_attention"]           | Cannot use layer_types = [full_attention] in config.json: give one for each of 2 layers
      modernbert | "rope_parameters": {"full_attention": {"rope_type": "yarn"}} | Cannot use rope_type = yarn in config.json: only default can be built
      modernbert | "num_attention_heads": 32                   | Cannot use hidden_size = 32 in config.json: rotation needs even heads
      gpt2       | "scale_attn_by_inverse_layer_idx": true     | Cannot use scale_attn_by_inverse_layer_idx = true in config.json: only false can be built
      gpt2       | "add_cross_attention": true                 | Cannot use add_cross_attention = true in config.json: only false can be built
      gpt2       | "scale_attn_weights": false                 | Cannot use scale_attn_weights = false in config.json: only true can be built
      gpt2       | "embd_pdrop": 0.25                          | Cannot use embd_pdrop = 0.25 in config.json: give that of resid_pdrop = 0.1
      gemma2     | "use_bidirectional_attention": true         | Cannot use use_bidirectional_attention = true in config.json: only false can be built
      gemma2     | "layer_types": ["full_attention"]           | Cannot use layer_types = [full_attention] in config.json: give one for each of 2 layers
      gemma2     | "layer_types": ["full_attention", "linear"] | Cannot use layer_types = [full_attention, linear] in config.json: choose sliding_attention or full_attention
      gemma2     | "query_pre_attn_scalar": 0                  | Cannot use query_pre_attn_scalar = 0 in config.json: give a number above 0
      gemma2     | "attn_logit_softcapping": -1                | Cannot use attn_logit_softcapping = -1 in config.json: give a number above 0
      llama      | "rope_scaling": {"type": "dynamic"}         | Cannot use rope_type = dynamic in config.json: choose one of [default, linear, llama3, yarn]
      llama      | "rope_scaling": "linear"                    | Cannot use rope_scaling = "linear" in config.json: write keys under it
      qwen2      | "rope_parameters": ["linear"]               | Cannot use rope_parameters = ["linear"] in config.json: write keys under it
      modernbert | "rope_parameters": {"full_attention": 3}    | Cannot use full_attention = 3 in config.json: write keys under it
      mistral    | "sliding_window": 0                         | Cannot use sliding_window = 0 in config.json: give a whole number from 1 to 10000000
      qwen2      | "use_sliding_window": "no"                  | Cannot use use_sliding_window = "no" in config.json: choose true or false
      qwen3      | "num_key_value_heads": 3                    | Cannot use num_key_value_heads = 3 in config.json: it must divide num_attention_heads = 4
      """;

  @TempDir Path folder;

  private record Row(String family, String entry, String fault) {
    @Override
    public String toString() {
      return family + " with " + entry;
    }
  }

  static List<Row> rows() {
    return ROWS.lines()
        .map(line -> line.split("\\|", 3))
        .map(parts -> new Row(parts[0].strip(), parts[1].strip(), parts[2].strip()))
        .toList();
  }

  static Stream<Architecture> families() {
    return Architectures.all().stream().filter(one -> one instanceof ModelArchitecture);
  }

  @Test
  void everyFamilyHasARow() {
    List<String> tried = rows().stream().map(Row::family).distinct().toList();
    assertThat(families().map(one -> one.modelTypes().get(0)))
        .containsExactlyInAnyOrderElementsOf(tried);
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("rows")
  void whatAFamilyCannotBeBuiltWithIsRefused(Row row) throws IOException {
    ObjectNode config = usable(row.family());
    assertThat(read(config).architecture().modelTypes()).contains(row.family());
    config.setAll((ObjectNode) JSON.readTree("{" + row.entry() + "}"));
    assertThatThrownBy(() -> read(config))
        .isInstanceOf(CheckpointException.class)
        .hasMessage(row.fault().replace("config.json", file().toString()));
  }

  @ParameterizedTest
  @MethodSource("families")
  void otherActivationsAreRefused(Architecture family) throws IOException {
    ObjectNode config = usable(family.modelTypes().get(0));
    String key = family.keys().getOrDefault("hidden_act", "hidden_act");
    config.put(key, "relu");
    assertThatThrownBy(() -> read(config))
        .isInstanceOf(CheckpointException.class)
        .hasMessage(
            "Cannot use %s = relu in %s: only %s can be built", key, file(), family.activation());
  }

  /** The reference library takes them as nothing else, or leaves them out. */
  @Test
  void writtenConfigsSayWhatTheReferenceLibraryReads() throws IOException {
    ObjectNode gemma = usable("gemma2").put("query_pre_attn_scalar", 16.0);
    read(gemma).write(file(), "ForCausalLM");
    ObjectNode written = (ObjectNode) JSON.readTree(file().toFile());
    assertThat(written.path("query_pre_attn_scalar").isInt()).isTrue();
    assertThat(written.path("attn_implementation").textValue()).isEqualTo("eager");
    read(gemma.putNull("attn_logit_softcapping")).write(file(), "ForCausalLM");
    assertThat(JSON.readTree(file().toFile()).has("attn_implementation")).isFalse();
    ModelConfig distilbert = read(usable("distilbert").put("layer_norm_eps", 1e-5));
    assertThat(distilbert.normEpsilon()).isEqualTo(1e-12);
    distilbert.write(file(), "ForSequenceClassification");
    assertThat(JSON.readTree(file().toFile()).has("layer_norm_eps")).isFalse();
  }

  private ObjectNode usable(String family) throws IOException {
    ObjectNode config =
        (ObjectNode)
            JSON.readTree(
                """
                {"vocab_size": 100, "num_hidden_layers": 2, "hidden_size": 32,
                 "num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 40,
                 "max_position_embeddings": 64}
                """);
    config.put("model_type", family);
    switch (family) {
      case "bert", "roberta" -> config.put("type_vocab_size", 1);
      case "deberta-v2" ->
          config
              .put("layer_norm_eps", 1e-7)
              .put("relative_attention", true)
              .put("pos_att_type", "c2p");
      case "gpt2" ->
          config.put("n_embd", 32).put("n_layer", 2).put("n_head", 4).put("n_positions", 64);
      case "distilbert" ->
          config.put("dim", 32).put("n_layers", 2).put("n_heads", 4).put("hidden_dim", 40);
      case "gemma2", "qwen3" -> config.put("head_dim", 8);
      default -> {}
    }
    return config;
  }

  private ModelConfig read(ObjectNode config) throws IOException {
    JSON.writeValue(file().toFile(), config);
    return ModelConfig.read(file());
  }

  private Path file() {
    return folder.resolve("config.json");
  }
}
