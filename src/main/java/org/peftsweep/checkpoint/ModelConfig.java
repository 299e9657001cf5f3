package org.peftsweep.checkpoint;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * A model's architecture with its sizes, as a Hugging Face {@code config.json} describes it. A key
 * that the file may leave out has the reference library's default.
 *
 * @param architecture what kind of transformer it is
 * @param sizes all widths and counts
 * @param normEpsilon {@code layer_norm_eps} or {@code rms_norm_eps}
 * @param dropout probabilities of the pretraining
 * @param padTokenId the padding token, where the model has one
 * @param rope rotary positions; empty for encoders, whose positions are learnt
 * @param attentionBias whether the attention projections have a bias
 * @param mlpBias whether the feed-forward projections have a bias
 * @param tiedEmbeddings whether the language-model head is the word embedding
 * @param initializerRange standard deviation of fresh weights
 * @param labels names of the head's outputs in order; a single one may mean regression
 */
public record ModelConfig(
    Architecture architecture,
    Sizes sizes,
    double normEpsilon,
    Dropout dropout,
    OptionalInt padTokenId,
    Optional<Rope> rope,
    boolean attentionBias,
    boolean mlpBias,
    boolean tiedEmbeddings,
    double initializerRange,
    List<String> labels) {

  /**
   * Widths and counts.
   *
   * @param vocabulary rows of the word embedding
   * @param hidden width of the residual stream
   * @param layers transformer blocks
   * @param heads query heads
   * @param keyValueHeads key and value heads, a divisor of {@code heads}; equal to it in encoders
   * @param headWidth width of one head
   * @param feedForward inner width of the feed-forward block
   * @param positions {@code max_position_embeddings}; where positions are learnt, the rows of their
   *     embedding, of which real tokens may not use the first
   * @param tokenTypes rows of the token type embedding; 0 where there is none
   * @param embedding width of the embeddings, in most models that of the residual stream
   */
  public record Sizes(
      int vocabulary,
      int hidden,
      int layers,
      int heads,
      int keyValueHeads,
      int headWidth,
      int feedForward,
      int positions,
      int tokenTypes,
      int embedding) {
    /** Sizes of a model whose embeddings are as wide as its layers. */
    public Sizes(
        int vocabulary,
        int hidden,
        int layers,
        int heads,
        int keyValueHeads,
        int headWidth,
        int feedForward,
        int positions,
        int tokenTypes) {
      this(
          vocabulary,
          hidden,
          layers,
          heads,
          keyValueHeads,
          headWidth,
          feedForward,
          positions,
          tokenTypes,
          hidden);
    }

    /** The same with embeddings of another width. */
    public Sizes withEmbedding(int width) {
      return new Sizes(
          vocabulary,
          hidden,
          layers,
          heads,
          keyValueHeads,
          headWidth,
          feedForward,
          positions,
          tokenTypes,
          width);
    }

    /** The same for inputs of other lengths. */
    public Sizes withPositions(int most) {
      return new Sizes(
          vocabulary,
          hidden,
          layers,
          heads,
          keyValueHeads,
          headWidth,
          feedForward,
          most,
          tokenTypes,
          embedding);
    }
  }

  /**
   * Dropout probabilities.
   *
   * @param hidden after embeddings and block outputs
   * @param attention on attention weights
   * @param classifier in the head; {@code hidden} where the file says null or nothing
   */
  public record Dropout(double hidden, double attention, double classifier) {}

  public ModelConfig {
    labels = List.copyOf(labels);
  }

  /**
   * Reads a {@code config.json}.
   *
   * @throws CheckpointException if it is missing, no JSON, lacks a mandatory key, or describes a
   *     model that cannot be built
   */
  public static ModelConfig read(Path file) {
    ConfigFile entries = new ConfigFile(file);
    String modelType = entries.word("model_type", null);
    Architecture architecture = Architectures.of(modelType, file.toString());
    ConfigFile own = entries.named(architecture.keys());
    own.requireWord("hidden_act", architecture.activation());
    return architecture.read(own);
  }

  /**
   * Writes a {@code config.json} that reads back as an equal record; equal records give equal
   * bytes.
   *
   * @param task how the reference library's class name ends, such as {@code
   *     ForSequenceClassification} or {@code ForMaskedLM}
   */
  public void write(Path file, String task) {
    ConfigWriter.write(this, file, task);
  }

  /** Returns the length of the longest input, in tokens. */
  public int longestInput() {
    return sizes.positions() - architecture.positionOffset(this);
  }

  /**
   * The same with what an architecture alone reads, and other facts that it has its defaults of.
   */
  public ModelConfig of(Architecture own, OptionalInt padId, boolean areTied) {
    return new ModelConfig(
        own,
        sizes,
        normEpsilon,
        dropout,
        padId,
        rope,
        attentionBias,
        mlpBias,
        areTied,
        initializerRange,
        labels);
  }

  /** The same kind of model in other sizes. */
  public ModelConfig with(Sizes sizes) {
    return new ModelConfig(
        architecture,
        sizes,
        normEpsilon,
        dropout,
        padTokenId,
        rope,
        attentionBias,
        mlpBias,
        tiedEmbeddings,
        initializerRange,
        labels);
  }

  /**
   * The same model with a head for other labels, and with a padding token where it has none of its
   * own: the reference library's heads ask for one.
   */
  public ModelConfig withHead(List<String> otherLabels, int padId) {
    return new ModelConfig(
        architecture,
        sizes,
        normEpsilon,
        dropout,
        OptionalInt.of(padTokenId.orElse(padId)),
        rope,
        attentionBias,
        mlpBias,
        tiedEmbeddings,
        initializerRange,
        otherLabels);
  }
}
