package org.peftsweep.checkpoint;

import java.util.List;
import java.util.Map;

/**
 * A kind of transformer as its checkpoints show it: what their {@code config.json} says and how
 * their tensors are called.
 *
 * <p>Implementations are services of the class path; {@link Architectures} finds them. They are
 * equal by their type and by what they alone have of a {@code config.json}: {@link #read} may
 * return a configuration of another of the same type. Those of this project lie beside the code
 * that computes them.
 */
public interface Architecture {
  /** Returns each {@code model_type} whose checkpoints are of this kind; the first is written. */
  List<String> modelTypes();

  /** Returns {@code model_type}s that cannot be built and are more like this kind than others. */
  default List<String> relatives() {
    return List.of();
  }

  /** Returns how its {@code config.json} calls keys that others have under a common name. */
  default Map<String, String> keys() {
    return Map.of();
  }

  /** Returns how the reference library's class names begin, as in {@code RobertaForMaskedLM}. */
  String className();

  /** Returns what the names of the base's tensors begin with in a checkpoint that has a head. */
  String prefix();

  /** Returns where checkpoints have a tensor that the model calls by a name. */
  default Placement placement(String name) {
    return Placement.of(name);
  }

  /** Returns the one {@code hidden_act} that its models are built with. */
  String activation();

  /**
   * Reads a {@code config.json} of this kind.
   *
   * @throws CheckpointException if it lacks a mandatory key or describes what cannot be built
   */
  ModelConfig read(ConfigFile file);

  /** Returns what a {@code config.json} says of this kind alone, as {@link #read} takes it. */
  Map<String, Object> entries(ModelConfig config);

  /** Returns how many rows of the position embedding no real token uses. */
  default int positionOffset(ModelConfig config) {
    return 0;
  }
}
