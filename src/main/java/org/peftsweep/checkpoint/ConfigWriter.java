package org.peftsweep.checkpoint;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;

/** Writes {@link ModelConfig} with the keys that the reference library reads. */
final class ConfigWriter {
  private ConfigWriter() {}

  static void write(ModelConfig config, Path file, String task) {
    Family family = config.family();
    ModelConfig.Sizes sizes = config.sizes();
    ObjectNode root = JsonNodeFactory.instance.objectNode();
    root.putArray("architectures").add(family.className() + task);
    root.put("model_type", family.modelType())
        .put("vocab_size", sizes.vocabulary())
        .put("hidden_size", sizes.hidden())
        .put("num_hidden_layers", sizes.layers())
        .put("num_attention_heads", sizes.heads())
        .put("intermediate_size", sizes.feedForward())
        .put("max_position_embeddings", sizes.positions())
        .put("hidden_act", family.activation())
        .put("initializer_range", config.initializerRange())
        .put("tie_word_embeddings", config.tiedEmbeddings())
        .put("torch_dtype", "float32");
    config.padTokenId().ifPresent(id -> root.put("pad_token_id", id));
    if (family.isEncoder()) {
      encoder(config, root);
    } else {
      decoder(config, root);
    }
    if (task.equals("ForSequenceClassification")) {
      boolean isRegression = config.labels().size() == 1;
      root.put("problem_type", isRegression ? "regression" : "single_label_classification");
    }
    ObjectNode idToLabel = root.putObject("id2label");
    ObjectNode labelToId = root.putObject("label2id");
    for (int id = 0; id < config.labels().size(); id++) {
      idToLabel.put(Integer.toString(id), config.labels().get(id));
      labelToId.put(config.labels().get(id), id);
    }
    JsonFile.write(file, root);
  }

  private static void encoder(ModelConfig config, ObjectNode root) {
    root.put("type_vocab_size", config.sizes().tokenTypes())
        .put("layer_norm_eps", config.normEpsilon())
        .put("position_embedding_type", "absolute")
        .put("hidden_dropout_prob", config.dropout().hidden())
        .put("attention_probs_dropout_prob", config.dropout().attention())
        .put("classifier_dropout", config.dropout().classifier());
  }

  private static void decoder(ModelConfig config, ObjectNode root) {
    root.put("num_key_value_heads", config.sizes().keyValueHeads())
        .put("head_dim", config.sizes().headWidth())
        .put("rms_norm_eps", config.normEpsilon())
        .put("attention_bias", config.attentionBias())
        .put("mlp_bias", config.mlpBias())
        .put("attention_dropout", config.dropout().attention());
    config.rope().ifPresent(rope -> rope(rope, root));
  }

  private static void rope(Rope rope, ObjectNode root) {
    root.put("rope_theta", rope.theta());
    if (rope.scaling() instanceof Rope.Linear linear) {
      root.putObject("rope_scaling").put("rope_type", "linear").put("factor", linear.factor());
    } else if (rope.scaling() instanceof Rope.Llama3 llama3) {
      root.putObject("rope_scaling")
          .put("rope_type", "llama3")
          .put("factor", llama3.factor())
          .put("low_freq_factor", llama3.lowFrequencyFactor())
          .put("high_freq_factor", llama3.highFrequencyFactor())
          .put("original_max_position_embeddings", llama3.originalPositions());
    } else {
      root.putNull("rope_scaling");
    }
  }
}
