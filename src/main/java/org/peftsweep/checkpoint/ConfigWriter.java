package org.peftsweep.checkpoint;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;

/** Writes {@link ModelConfig} with the keys that the reference library reads. */
final class ConfigWriter {
  private ConfigWriter() {}

  static void write(ModelConfig config, Path file, String task) {
    Architecture architecture = config.architecture();
    ModelConfig.Sizes sizes = config.sizes();
    ObjectNode root = JsonNodeFactory.instance.objectNode();
    root.putArray("architectures").add(architecture.className() + task);
    root.put("model_type", architecture.modelTypes().get(0))
        .put("vocab_size", sizes.vocabulary())
        .put("hidden_size", sizes.hidden())
        .put("num_hidden_layers", sizes.layers())
        .put("num_attention_heads", sizes.heads())
        .put("intermediate_size", sizes.feedForward())
        .put("max_position_embeddings", sizes.positions())
        .put("hidden_act", architecture.activation())
        .put("initializer_range", config.initializerRange())
        .put("tie_word_embeddings", config.tiedEmbeddings())
        .put("torch_dtype", "float32");
    config.padTokenId().ifPresent(id -> root.put("pad_token_id", id));
    root.setAll((ObjectNode) JsonFile.tree(architecture.entries(config)));
    if (task.equals("ForSequenceClassification")) {
      boolean isRegression = config.labels().size() == 1;
      root.put("problem_type", isRegression ? "regression" : "single_label_classification");
    }
    architecture.keys().forEach((common, own) -> root.set(own, root.remove(common)));
    ObjectNode idToLabel = root.putObject("id2label");
    ObjectNode labelToId = root.putObject("label2id");
    for (int id = 0; id < config.labels().size(); id++) {
      idToLabel.put(Integer.toString(id), config.labels().get(id));
      labelToId.put(config.labels().get(id), id);
    }
    JsonFile.write(file, root);
  }
}
