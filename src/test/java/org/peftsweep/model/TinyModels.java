package org.peftsweep.model;

import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.SplittableRandom;
import org.peftsweep.checkpoint.Family;
import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.checkpoint.Rope;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.ElementType;
import org.peftsweep.data.Batch;
import org.peftsweep.data.Seeds;

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

  private TinyModels() {}

  public static ModelConfig config(Family family) {
    return config(family, 2);
  }

  private static ModelConfig config(Family family, int layers) {
    boolean encoder = family.isEncoder();
    return new ModelConfig(
        family,
        new ModelConfig.Sizes(
            VOCABULARY, 24, layers, 3, encoder ? 3 : 1, 8, 40, 32, encoder ? 1 : 0),
        1e-5,
        new ModelConfig.Dropout(0, 0, 0),
        OptionalInt.of(PAD),
        encoder ? Optional.empty() : Optional.of(new Rope(10000, new Rope.None())),
        encoder,
        encoder,
        false,
        // Wide enough that every part of the model matters to the output.
        0.3,
        List.of("a", "b", "c"));
  }

  public static Model model(Family family, Backend backend) {
    return model(family, 2, backend);
  }

  public static Model model(Family family, int layers, Backend backend) {
    return model(config(family, layers), backend, ElementType.F32);
  }

  /** Returns the same model with frozen matrices of a type. */
  public static Model model(Family family, Backend backend, ElementType matrices) {
    return model(config(family), backend, matrices);
  }

  private static Model model(ModelConfig config, Backend backend, ElementType matrices) {
    return Models.build(
        config,
        OUTPUTS,
        backend,
        new RandomWeights(backend, config.initializerRange(), new Seeds(7), matrices));
  }

  public static Batch batch(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    int rows = 5;
    int tokens = 11;
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
