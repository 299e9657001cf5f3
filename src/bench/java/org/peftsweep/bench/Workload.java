package org.peftsweep.bench;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.IntStream;
import org.peftsweep.checkpoint.Architectures;
import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.checkpoint.Rope;
import org.peftsweep.data.Batch;
import org.peftsweep.method.DoRA;
import org.peftsweep.method.Full;
import org.peftsweep.method.LoRA;
import org.peftsweep.method.Method;
import org.peftsweep.model.Role;

/**
 * One training step to be timed: a model, a batch whose rows are all full, a method on query and
 * value, and a number of threads.
 *
 * @param shape a model and a batch
 * @param method {@code full}, {@code lora} or {@code dora}
 * @param threads processor threads of the step
 */
record Workload(Shape shape, Tuning method, int threads) {
  /** Rank of the low-rank methods, and their alpha: the scale is 2. */
  static final int RANK = 8;

  static final float SCALE = 2;

  static final double LEARNING_RATE = 1e-3;
  static final double WEIGHT_DECAY = 0.01;
  static final double BETA1 = 0.9;
  static final double BETA2 = 0.999;
  static final double ADAM_EPSILON = 1e-8;
  static final double NORM_EPSILON = 1e-5;
  static final int CLASSES = 2;
  static final Set<Role> TARGETS = Set.of(Role.QUERY, Role.VALUE);

  private static final int PADDING = 1;

  /** A model without dropout, and rows and tokens of a batch. */
  enum Shape {
    MINI_8X32(encoder(804, 128, 2, 4, 512), 8, 32),
    MINI_32X32(encoder(804, 128, 2, 4, 512), 32, 32),
    MINI_32X64(encoder(804, 128, 2, 4, 512), 32, 64),
    D256_32X64(encoder(8192, 256, 4, 4, 1024), 32, 64),
    MINILM_32X64(encoder(30522, 384, 6, 12, 1536), 32, 64),
    ROBERTA_BASE_8X128(encoder(50265, 768, 12, 12, 3072), 8, 128),
    ROBERTA_BASE_32X128(encoder(50265, 768, 12, 12, 3072), 32, 128),
    LLAMA_8X128(decoder(8192, 512, 8, 8, 2, 1376), 8, 128),

    /** As a language model: every token but the last of a row tells the next one. */
    LLAMA_WRITES_8X128(decoder(8192, 512, 8, 8, 2, 1376), 8, 128, true),

    /** A few milliseconds a step, for the compiler to see each kernel often. */
    TINY_LLAMA_8X32(decoder(804, 128, 2, 4, 2, 344), 8, 32);

    private final ModelConfig config;
    private final int rows;
    private final int tokens;
    private final boolean writes;

    Shape(ModelConfig config, int rows, int tokens) {
      this(config, rows, tokens, false);
    }

    Shape(ModelConfig config, int rows, int tokens, boolean writes) {
      this.config = config;
      this.rows = rows;
      this.tokens = tokens;
      this.writes = writes;
    }

    /** Whether the model tells next tokens rather than a class. */
    boolean writes() {
      return writes;
    }

    ModelConfig config() {
      return config;
    }

    int rows() {
      return rows;
    }

    int tokens() {
      return tokens;
    }

    /** Whether contenders would not fit into memory side by side. */
    boolean isLarge() {
      return this == ROBERTA_BASE_32X128;
    }

    /** Returns the name in options and tables: {@code roberta-base-32x128}. */
    String id() {
      return Workload.id(this);
    }
  }

  /** A fine-tuning method of query and value. */
  enum Tuning {
    FULL,
    LORA,
    DORA;

    String id() {
      return Workload.id(this);
    }

    Method method() {
      return switch (this) {
        case FULL -> new Full();
        case LORA -> new LoRA(RANK, RANK * SCALE, 0);
        case DORA -> new DoRA(RANK, RANK * SCALE, 0);
      };
    }
  }

  private static String id(Enum<?> value) {
    return value.name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /** Returns the value of an enum that goes by this name in options. */
  static <E extends Enum<E>> E named(Class<E> type, String id) {
    for (E value : type.getEnumConstants()) {
      if (id(value).equals(id)) {
        return value;
      }
    }
    List<String> ids =
        Arrays.stream(type.getEnumConstants()).map(Workload::id).toList();
    throw new IllegalArgumentException("Cannot measure " + id + ": choose of " + ids);
  }

  /** Returns a workload of the same kernels whose steps are short. */
  Workload small() {
    boolean isEncoder = shape.config.rope().isEmpty();
    return new Workload(isEncoder ? Shape.MINI_32X32 : Shape.TINY_LLAMA_8X32, method, threads);
  }

  String id() {
    return shape.id() + " " + method.id() + " " + threads;
  }

  /** Returns the batch: ids drawn from the vocabulary, labels by turns. */
  Batch batch() {
    int rows = shape.rows();
    int tokens = shape.tokens();
    int[] ids = new int[rows * tokens];
    int[] mask = new int[ids.length];
    for (int i = 0; i < ids.length; i++) {
      int past = PADDING + 1;
      ids[i] = past + (int) Math.floorMod(Draws.mix(i), shape.config().sizes().vocabulary() - past);
      mask[i] = 1;
    }
    float[] labels = new float[rows];
    int[] indices = new int[rows];
    for (int row = 0; row < rows; row++) {
      labels[row] = row % CLASSES;
      indices[row] = row;
    }
    return new Batch(rows, tokens, ids, mask, new int[ids.length], labels, indices);
  }

  /** Returns the places whose next token is told; null of a classifier. */
  int[] places() {
    if (!shape.writes()) {
      return null;
    }
    int tokens = shape.tokens();
    return IntStream.range(0, shape.rows() * tokens)
        .filter(at -> at % tokens < tokens - 1)
        .toArray();
  }

  /** Returns the class of each output. */
  int[] classes() {
    Batch batch = batch();
    return shape.writes()
        ? Arrays.stream(places()).map(at -> batch.ids()[at + 1]).toArray()
        : IntStream.range(0, batch.rows()).map(row -> (int) batch.labels()[row]).toArray();
  }

  private static ModelConfig encoder(int vocabulary, int width, int layers, int heads, int inner) {
    return config(
        "roberta",
        new ModelConfig.Sizes(
            vocabulary, width, layers, heads, heads, width / heads, inner, 130, 1));
  }

  private static ModelConfig decoder(
      int vocabulary, int width, int layers, int heads, int keyHeads, int inner) {
    return config(
        "llama",
        new ModelConfig.Sizes(
            vocabulary, width, layers, heads, keyHeads, width / heads, inner, 128, 0));
  }

  private static ModelConfig config(String modelType, ModelConfig.Sizes sizes) {
    return new ModelConfig(
        Architectures.of(modelType, "a workload"),
        sizes,
        NORM_EPSILON,
        new ModelConfig.Dropout(0, 0, 0),
        OptionalInt.of(PADDING),
        modelType.equals("llama") ? Optional.of(new Rope(10000, new Rope.None())) : Optional.empty(),
        false,
        false,
        false,
        0.02,
        List.of("LABEL_0", "LABEL_1"));
  }
}
