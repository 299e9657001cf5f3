package org.peftsweep.model;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.SplittableRandom;
import org.peftsweep.checkpoint.Architecture;
import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.ElementType;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Weight;
import org.peftsweep.data.Batch;
import org.peftsweep.data.Seeds;
import org.peftsweep.data.Task;

/**
 * Small real models with random weights for tests.
 *
 * <p>Shapes: 2 layers, width 24, 3 heads of 8 (Llama: 1 key head), feed-forward 40, vocabulary 50,
 * 3 outputs; batches are 5 rows of 11 tokens with padding.
 */
public final class TinyModels {
  public static final int OUTPUTS = 3;
  private static final int VOCABULARY = 50;
  private static final int PAD = 1;

  public static final Architecture ROBERTA = new RobertaArchitecture();
  public static final Architecture BERT = new BertArchitecture();
  public static final Architecture LLAMA = new LlamaArchitecture();

  private TinyModels() {}

  /** Whether there are language models of it. */
  public static boolean isDecoder(Architecture architecture) {
    return architecture instanceof DecoderArchitecture;
  }

  public static ModelConfig config(Architecture architecture) {
    return config(architecture, 2, VOCABULARY, 32);
  }

  /** Returns what an architecture makes of a file that has the keys of all. */
  public static ModelConfig config(
      Architecture architecture, int layers, int vocabulary, int positions) {
    try {
      Path file = Files.createTempFile("tiny", ".json");
      try {
        Files.writeString(
            file,
            """
            {"model_type": "%s", "hidden_act": "%s", "num_hidden_layers": %d, "vocab_size": %d,
             "max_position_embeddings": %d, "hidden_size": 24, "num_attention_heads": 3,
             "num_key_value_heads": 1, "head_dim": 8, "embedding_size": 16,
             "intermediate_size": 40, "type_vocab_size": 1,
             "pad_token_id": %d, "layer_norm_eps": 1e-5, "rms_norm_eps": 1e-5, "rope_theta": 1e4,
             "n_embd": 24, "n_layer": %d, "n_head": 3, "n_inner": 40, "n_positions": %d,
             "activation_function": "%s", "resid_pdrop": 0, "attn_pdrop": 0, "embd_pdrop": 0,
             "hidden_activation": "%s", "query_pre_attn_scalar": 6, "sliding_window": %s,
             "attn_logit_softcapping": 2, "local_attention": 4,
             "global_attn_every_n_layers": 2, "relative_attention": true, "position_buckets": 4,
             "share_att_key": true, "pos_att_type": "p2c|c2p", "norm_rel_ebd": "layer_norm",
             "position_biased_input": false, "pooler_dropout": 0, "cls_dropout": 0,
             "hidden_dropout_prob": 0, "attention_probs_dropout_prob": 0, "classifier_dropout": 0,
             "dim": 24, "n_layers": %d, "n_heads": 3, "hidden_dim": 40, "activation": "gelu",
             "dropout": 0, "attention_dropout": 0, "seq_classif_dropout": 0,
             "tie_word_embeddings": false, "initializer_range": %s,
             "id2label": {"0": "a", "1": "b", "2": "c"}}
            """
                .formatted(
                    architecture.modelTypes().get(0),
                    architecture.activation(),
                    layers,
                    vocabulary,
                    positions,
                    PAD,
                    layers,
                    positions,
                    architecture.activation(),
                    architecture.activation(),
                    // Inputs of Mistral are no longer than its window.
                    architecture.modelTypes().contains("mistral") ? null : 5,
                    layers,
                    // Wide enough that every part of the model matters to the output.
                    0.3));
        return ModelConfig.read(file);
      } finally {
        Files.delete(file);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public static Model model(Architecture architecture, Backend backend) {
    return model(architecture, 2, backend);
  }

  public static Model model(Architecture architecture, int layers, Backend backend) {
    return model(config(architecture, layers, VOCABULARY, 32), backend, ElementType.F32);
  }

  /** Returns the same model with frozen matrices of a type. */
  public static Model model(Architecture architecture, Backend backend, ElementType matrices) {
    return model(config(architecture), backend, matrices);
  }

  /** Returns a decoder that writes text. */
  public static Model languageModel(Architecture architecture, Backend backend) {
    ModelConfig config = config(architecture);
    return Models.build(
        config,
        Task.NEXT_TOKEN,
        backend,
        new RandomWeights(backend, config.initializerRange(), new Seeds(7), ElementType.F32));
  }

  private static Model model(ModelConfig config, Backend backend, ElementType matrices) {
    return Models.build(
        config,
        OUTPUTS,
        backend,
        new RandomWeights(backend, config.initializerRange(), new Seeds(7), matrices));
  }

  /** Weights that several models read, each with a head of its own; with dropout. */
  public static final class Shared implements Weights, AutoCloseable {
    private final ModelConfig config;
    private final Backend backend;
    private final Map<String, Weight> base = new HashMap<>();
    private int models;

    private Shared(Architecture architecture, Backend backend) {
      ModelConfig plain = TinyModels.config(architecture);
      this.backend = backend;
      this.config =
          new ModelConfig(
              plain.architecture(),
              plain.sizes(),
              plain.normEpsilon(),
              plain.rope().isEmpty() ? new ModelConfig.Dropout(0.1, 0.1, 0.2) : plain.dropout(),
              plain.padTokenId(),
              plain.rope(),
              plain.attentionBias(),
              plain.mlpBias(),
              plain.tiedEmbeddings(),
              plain.initializerRange(),
              plain.labels());
    }

    /** Makes a model over the weights that all share. */
    public Model model() {
      models++;
      return Models.build(config, OUTPUTS, backend, this);
    }

    @Override
    public boolean owns(String name) {
      return false;
    }

    @Override
    public Weight base(String name, Fresh fresh, int... shape) {
      return base.computeIfAbsent(name, n -> random(7).base(n, fresh, shape));
    }

    @Override
    public Tensor head(String name, Fresh fresh, int... shape) {
      return random(models).head(name, fresh, shape);
    }

    private RandomWeights random(long seed) {
      return new RandomWeights(
          backend, config.initializerRange(), new Seeds(seed), ElementType.F32);
    }

    @Override
    public void close() {
      base.values().forEach(weight -> weight.free(backend));
    }
  }

  public static Shared shared(Architecture architecture, Backend backend) {
    return new Shared(architecture, backend);
  }

  /** Returns a tensor's values. */
  public static float[] read(Backend backend, Tensor tensor) {
    float[] values = new float[(int) tensor.size()];
    backend.read(tensor, 0, values, 0, values.length);
    return values;
  }

  public static Batch batch(long seed) {
    return batch(seed, 5, 11);
  }

  public static Batch batch(long seed, int rows, int tokens) {
    SplittableRandom random = new SplittableRandom(seed);
    int[] ids = new int[rows * tokens];
    int[] mask = new int[rows * tokens];
    float[] labels = new float[rows];
    for (int row = 0; row < rows; row++) {
      int length = 3 + random.nextInt(tokens - 2);
      for (int token = 0; token < tokens; token++) {
        boolean real = token < length;
        ids[row * tokens + token] = real ? 2 + random.nextInt(VOCABULARY - 2) : PAD;
        mask[row * tokens + token] = real ? 1 : 0;
      }
      labels[row] = random.nextInt(OUTPUTS);
    }
    return new Batch(rows, tokens, ids, mask, new int[rows * tokens], labels, new int[rows]);
  }

  /** Returns a batch's labels as class ids. */
  public static int[] classes(Batch batch) {
    int[] classes = new int[batch.rows()];
    for (int i = 0; i < classes.length; i++) {
      classes[i] = (int) batch.labels()[i];
    }
    return classes;
  }
}
