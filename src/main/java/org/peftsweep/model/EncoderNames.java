package org.peftsweep.model;

/**
 * How the modules of an encoder are called in its checkpoints.
 *
 * @param embeddings what the names of embeddings and their norm begin with
 * @param hasTypes whether there is an embedding of token types
 * @param layers what the number of a layer follows
 * @param query within a layer, as all below
 * @param attention the module that attention's last matrix lies in
 * @param feedForward the module that the feed-forward's last matrix lies in
 */
record EncoderNames(
    String embeddings,
    boolean hasTypes,
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
  /** Returns those of BERT and RoBERTa. */
  static EncoderNames ofBert(String prefix) {
    return new EncoderNames(
        prefix + "embeddings.",
        true,
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
