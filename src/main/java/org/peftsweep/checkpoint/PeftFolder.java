package org.peftsweep.checkpoint;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.peftsweep.data.LocalFile;

/**
 * An adapter folder of Hugging Face's PEFT: {@code adapter_config.json} with {@code
 * adapter_model.safetensors}, or with {@code adapter_model.bin} as older versions write it.
 */
public final class PeftFolder implements AutoCloseable {
  /** What PEFT puts before the names of the model's tensors. */
  public static final String PREFIX = "base_model.model.";

  private static final String CONFIG = "adapter_config.json";
  private static final String SAFE = "adapter_model.safetensors";
  private static final String PICKLED = "adapter_model.bin";
  private static final String WEIGHT = ".weight";

  private final Path folder;
  private final JsonNode config;
  private final TensorFile tensors;

  private PeftFolder(Path folder) {
    this.folder = folder;
    this.config = JsonFile.read(folder.resolve(CONFIG));
    Path safe = folder.resolve(SAFE);
    Path pickled = folder.resolve(PICKLED);
    if (!LocalFile.isThere(safe) && !LocalFile.isThere(pickled)) {
      throw new CheckpointException(
          "Cannot find " + SAFE + " or " + PICKLED + " in " + folder + ": supply one of them");
    }
    this.tensors = LocalFile.isThere(safe) ? SafeTensors.open(safe) : PyTorchFile.open(pickled);
  }

  /**
   * Opens a folder and checks its files.
   *
   * @throws CheckpointException if a file is missing or faulty
   */
  public static PeftFolder open(Path folder) {
    return new PeftFolder(folder);
  }

  /** Writes a folder in PEFT's layout; a setting is a flag, number, word, list or map. */
  public static void write(Path folder, Map<String, Object> settings, SafeTensorsWriter tensors) {
    tensors.metadata("format", "pt").write(folder.resolve(SAFE));
    JsonFile.write(folder.resolve(CONFIG), JsonFile.tree(settings));
  }

  public Path folder() {
    return folder;
  }

  /** Returns a setting of {@code adapter_config.json}; null counts as absent. */
  public Optional<JsonNode> setting(String key) {
    return Optional.of(config.path(key)).filter(node -> !node.isMissingNode() && !node.isNull());
  }

  /** Returns the keys of {@code adapter_config.json}. */
  public Set<String> settings() {
    Set<String> keys = new TreeSet<>();
    config.fieldNames().forEachRemaining(keys::add);
    return keys;
  }

  /** Returns the names of all tensors, as the file has them. */
  public Set<String> names() {
    return tensors.shapes().keySet();
  }

  /**
   * Returns the file's name of a tensor of the model; empty where the file has none. Loralib, which
   * came before PEFT, writes no prefix and leaves out {@code .weight}.
   */
  public Optional<String> find(String name) {
    String bare = name.endsWith(WEIGHT) ? name.substring(0, name.length() - WEIGHT.length()) : name;
    return Stream.of(PREFIX + name, name, bare).filter(names()::contains).findFirst();
  }

  /** Returns a file's name of a tensor as the model has it, without what PEFT puts before. */
  public static String bare(String stored) {
    return stored.startsWith(PREFIX) ? stored.substring(PREFIX.length()) : stored;
  }

  /**
   * Refuses numbers that no training can go on from.
   *
   * @throws CheckpointException with the name of a tensor that holds NaN or infinity
   */
  public void requireFinite() {
    for (String name : new TreeSet<>(names())) {
      for (float value : floats(name)) {
        if (!Float.isFinite(value)) {
          throw new CheckpointException(
              "Cannot start from %s: its tensor %s holds %s, train the adapter anew"
                  .formatted(folder, name, value));
        }
      }
    }
  }

  /** Returns the sizes of a tensor by the file's name. */
  public List<Long> shape(String stored) {
    return tensors.shapes().get(stored);
  }

  /** Returns the values of a tensor by the file's name, row-major. */
  public float[] floats(String stored) {
    return tensors.floats(stored);
  }

  @Override
  public void close() {
    tensors.close();
  }
}
