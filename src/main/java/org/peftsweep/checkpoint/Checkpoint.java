package org.peftsweep.checkpoint;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A model folder in Hugging Face layout: {@code config.json} with weights as safetensors, as
 * PyTorch's zips (either whole or in shards that an index names), as ONNX, as a TensorFlow
 * checkpoint, or as a network or graph of Deeplearning4j. Tensors are found with and without the
 * architecture's prefix, so that a bare model and one with any head can both be used. Graphs and
 * networks that this program exports have matrices as its models do: where the reference library
 * joins some, by names of their own, and never turned.
 */
public final class Checkpoint implements AutoCloseable {
  private static final String CONFIG = "config.json";

  private final Path folder;
  private final ModelConfig config;
  private final WeightFiles weights;

  /** Whether what the architecture's checkpoints join lies apart, as the model has it. */
  private final boolean isApart;

  private Checkpoint(Path folder) {
    this.folder = folder;
    this.config = ModelConfig.read(folder.resolve(CONFIG));
    this.weights = WeightFiles.open(folder);
    this.isApart =
        weights.tensors().keySet().stream()
            .anyMatch(name -> config.architecture().placement(name).parts() > 1);
  }

  /**
   * Opens a folder and checks its files' headers.
   *
   * @throws CheckpointException if a file is missing or faulty
   */
  public static Checkpoint open(Path folder) {
    if (!Files.isDirectory(folder)) {
      throw new CheckpointException(
          "Cannot open "
              + folder
              + ": give a folder that holds config.json and "
              + WeightFiles.SAFE);
    }
    return new Checkpoint(folder);
  }

  public Path folder() {
    return folder;
  }

  public ModelConfig config() {
    return config;
  }

  /** All tensors under the names that the files use, sorted by name. */
  public Map<String, StoredTensor> tensors() {
    return Collections.unmodifiableMap(weights.tensors());
  }

  /**
   * A tensor under a name as given, without the architecture's prefix, or with it; and, as the
   * oldest BERT files have them, with {@code gamma} and {@code beta} for the weight and bias of a
   * LayerNorm.
   *
   * @throws CheckpointException if there is none
   */
  public StoredTensor find(String name) {
    return lookup(name)
        .orElseThrow(
            () ->
                new CheckpointException(
                    "Cannot find %s in %s: tried prefixes \"\", \"%s\"; %d names present"
                        .formatted(
                            name,
                            folder,
                            config.architecture().prefix(),
                            weights.tensors().size())));
  }

  /** As {@link #find}, for a tensor that a checkpoint may lack, such as a head. */
  public Optional<StoredTensor> lookup(String name) {
    if (isApart) {
      return stored(name);
    }
    Placement placement = config.architecture().placement(name);
    return stored(placement.tensor())
        .map(
            whole -> {
              Placement own = whole.file().hasOutputsFirst() ? placement.unturned() : placement;
              return own.equals(Placement.of(name)) ? whole : PlacedFile.tensor(whole, own);
            });
  }

  private Optional<StoredTensor> stored(String name) {
    return candidates(name)
        .flatMap(
            candidate ->
                Stream.of(
                    candidate,
                    candidate
                        .replace("LayerNorm.weight", "LayerNorm.gamma")
                        .replace("LayerNorm.bias", "LayerNorm.beta")))
        .map(weights.tensors()::get)
        .filter(Objects::nonNull)
        .findFirst();
  }

  private Stream<String> candidates(String name) {
    String prefix = config.architecture().prefix();
    return name.startsWith(prefix)
        ? Stream.of(name, name.substring(prefix.length()))
        : Stream.of(name, prefix + name);
  }

  /**
   * Reads every value.
   *
   * @throws CheckpointException if one is NaN or infinite
   */
  public void requireFinite() {
    weights.tensors().values().forEach(StoredTensor::requireFinite);
  }

  @Override
  public void close() {
    weights.files().forEach(TensorFile::close);
  }
}
