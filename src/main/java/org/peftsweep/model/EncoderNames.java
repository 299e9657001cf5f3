package org.peftsweep.model;

/**
 * How the modules of an encoder are called in its checkpoints.
 *
 * @param embeddings what the names of embeddings and their norm begin with
 * @param hasPositions whether there is an embedding of positions
 * @param hasTypes whether there is an embedding of token types
 * @param projection of embeddings that are narrower than layers, whole
 * @param projectsFirst whether that comes before the norm of embeddings, and has no bias
 * @param layers what the number of a layer follows
 * @param query within a layer, as all below
 * @param attention the module that attention's last matrix lies in
 * @param feedForward the module that the feed-forward's last matrix lies in
 */
record EncoderNames(
    String embeddings,
    boolean hasPositions,
    boolean hasTypes,
    String projection,
    boolean projectsFirst,
    String layers,
    String query,
    String key,
    String value,
    String output,
    String outputNorm,
    String up,
    String down,
    String norm,
    String attention,
    String feedForward) {
  /**
   * Returns the same with other names of query, key, value, and attention's output and its norm.
   */
  EncoderNames attending(String q, String k, String v, String o, String oNorm) {
    return new EncoderNames(
        embeddings,
        hasPositions,
        hasTypes,
        projection,
        projectsFirst,
        layers,
        q,
        k,
        v,
        o,
        oNorm,
        up,
        down,
        norm,
        attention,
        feedForward);
  }

  /** Returns the same with other embeddings. */
  EncoderNames embedding(boolean positions, boolean types) {
    return embedding(positions, types, projection, projectsFirst);
  }

  /** Returns the same with other embeddings and their projection. */
  EncoderNames embedding(boolean positions, boolean types, String project, boolean first) {
    return new EncoderNames(
        embeddings,
        positions,
        types,
        project,
        first,
        layers,
        query,
        key,
        value,
        output,
        outputNorm,
        up,
        down,
        norm,
        attention,
        feedForward);
  }

  /** Returns those of BERT and RoBERTa. */
  static EncoderNames ofBert(String prefix) {
    return new EncoderNames(
        prefix + "embeddings.",
        true,
        true,
        prefix + "embeddings_project",
        false,
        prefix + "encoder.layer.",
        "attention.self.query",
        "attention.self.key",
        "attention.self.value",
        "attention.output.dense",
        "attention.output.LayerNorm",
        "intermediate.dense",
        "output.dense",
        "output.LayerNorm",
        "attention.output",
        "output");
  }
}
