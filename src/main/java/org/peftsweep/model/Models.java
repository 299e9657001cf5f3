package org.peftsweep.model;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.peftsweep.checkpoint.Checkpoint;
import org.peftsweep.checkpoint.CheckpointException;
import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.checkpoint.StoredTensor;
import org.peftsweep.compute.Backend;
import org.peftsweep.data.Task;

/** Builds the model that a configuration describes. */
public final class Models {
  private Models() {}

  /**
   * Builds a model for sequence classification whose base is frozen and whose head learns, or a
   * language model, all of which is frozen.
   *
   * @param outputs number of classes, 1 for a regression, or {@link Task#NEXT_TOKEN}
   * @throws CheckpointException if the architecture has no such head
   */
  public static Model build(ModelConfig config, int outputs, Backend backend, Weights weights) {
    ModelArchitecture architecture = architecture(config);
    Builder builder = new Builder(backend, weights);
    Backbone backbone = architecture.backbone(config, builder);
    Head head =
        outputs == Task.NEXT_TOKEN
            ? architecture.nextToken(config, backbone, builder)
            : architecture.classifier(config, outputs, builder);
    return new Transformer(config, builder, backbone, head);
  }

  /**
   * Builds a model that tells masked tokens: {@code vocabulary} outputs a position. Base and head
   * are frozen.
   *
   * @throws CheckpointException if there is no such head for its architecture
   */
  public static Model buildMasked(ModelConfig config, Backend backend, Weights weights) {
    ModelArchitecture architecture = architecture(config);
    Builder builder = new Builder(backend, weights);
    Backbone backbone = architecture.backbone(config, builder);
    return new Transformer(
        config, builder, backbone, architecture.maskedTokens(config, backbone, builder));
  }

  /** The same for a model that classifies. */
  public static List<String> requireComplete(Checkpoint checkpoint) {
    return requireComplete(checkpoint, 1);
  }

  private static ModelArchitecture architecture(ModelConfig config) {
    if (config.architecture() instanceof ModelArchitecture architecture) {
      return architecture;
    }
    throw new IllegalStateException("Cannot build " + config.architecture() + ": it has no code");
  }

  /**
   * Returns a model that has names, roles and shapes but no values: for counting and planning. It
   * cannot compute.
   */
  public static Model outline(ModelConfig config, int outputs) {
    return build(config, outputs, null, new Outline());
  }

  /**
   * Checks that a checkpoint has every tensor of its model in its shape, of a type of floats,
   * without reading values. A head that learns may be missing, and a pooler: they are drawn from a
   * trial's seed.
   *
   * @param outputs of the head, as for {@link #build}
   * @return names of the parts of the base that are missing
   * @throws CheckpointException if anything else is missing, or a shape or type is another
   */
  public static List<String> requireComplete(Checkpoint checkpoint, int outputs) {
    List<String> fresh = new ArrayList<>();
    try (Model outline = outline(checkpoint.config(), outputs)) {
      for (Parameter parameter : outline.parameters()) {
        Optional<StoredTensor> stored = checkpoint.lookup(parameter.name());
        if (parameter.role() == Role.POOLER && stored.isEmpty()) {
          fresh.add(parameter.name());
        } else if (parameter.role() != Role.HEAD || outputs == Task.NEXT_TOKEN) {
          StoredTensor found = stored.orElseGet(() -> checkpoint.find(parameter.name()));
          found.requireShape(Arrays.stream(parameter.shape()).asLongStream().toArray());
        }
      }
    }
    return fresh;
  }
}
