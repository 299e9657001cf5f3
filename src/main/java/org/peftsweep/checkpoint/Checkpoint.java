package org.peftsweep.checkpoint;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.apache.commons.codec.digest.DigestUtils;

/**
 * A model folder in Hugging Face layout: {@code config.json} with {@code model.safetensors}, or
 * with {@code model.safetensors.index.json} and the shards that it names. Tensors are found with
 * and without the family's prefix, so that a bare model and one with any head can both be used.
 */
public final class Checkpoint implements AutoCloseable {
  private static final String CONFIG = "config.json";
  private static final String WEIGHTS = "model.safetensors";
  private static final String INDEX = "model.safetensors.index.json";

  private final Path folder;
  private final ModelConfig config;
  private final Map<String, StoredTensor> tensors;
  private final List<SafeTensors> files = new ArrayList<>();

  /** Names of the files whose bytes decide what the model computes. */
  private final SortedSet<String> contents = new TreeSet<>();

  private String contentHash;

  private Checkpoint(Path folder) {
    this.folder = folder;
    this.config = ModelConfig.read(folder.resolve(CONFIG));
    contents.add(CONFIG);
    Map<String, StoredTensor> found = new TreeMap<>();
    if (Files.exists(folder.resolve(WEIGHTS))) {
      SafeTensors file = openFile(WEIGHTS);
      file.tensors().forEach((name, info) -> found.put(name, new StoredTensor(file, info)));
    } else if (Files.exists(folder.resolve(INDEX))) {
      readShards(found);
    } else {
      throw withoutWeights();
    }
    this.tensors = Collections.unmodifiableMap(found);
  }

  /**
   * Opens a folder and checks its files' headers.
   *
   * @throws CheckpointException if a file is missing or faulty, or if the weights are not in
   *     safetensors format
   */
  public static Checkpoint open(Path folder) {
    if (!Files.isDirectory(folder)) {
      throw new CheckpointException(
          "Cannot open " + folder + ": give a folder that holds config.json and " + WEIGHTS);
    }
    return new Checkpoint(folder);
  }

  private SafeTensors openFile(String name) {
    SafeTensors file = SafeTensors.open(folder.resolve(name));
    files.add(file);
    contents.add(name);
    return file;
  }

  private void readShards(Map<String, StoredTensor> found) {
    Path index = folder.resolve(INDEX);
    contents.add(INDEX);
    JsonNode weightMap = JsonFile.read(index).path("weight_map");
    Map<String, SafeTensors> shards = new TreeMap<>();
    for (Map.Entry<String, JsonNode> entry : weightMap.properties()) {
      String shard = entry.getValue().asText();
      if (!shard.matches("[\\w-][\\w.-]*")) {
        throw new CheckpointException(
            "Cannot use shard %s of %s: give the name of a file in the same folder"
                .formatted(CheckpointException.quoted(shard), index));
      }
      SafeTensors file = shards.computeIfAbsent(shard, this::openFile);
      found.put(entry.getKey(), new StoredTensor(file, file.info(entry.getKey())));
    }
    if (found.isEmpty()) {
      throw new CheckpointException("Cannot use " + index + ": its weight_map names no tensor");
    }
  }

  private CheckpointException withoutWeights() {
    try (DirectoryStream<Path> pickles =
        Files.newDirectoryStream(folder, "{pytorch_model*.bin,*.pt,*.pth}")) {
      for (Path pickle : pickles) {
        return new CheckpointException(
            "Cannot read %s in %s: supply %s, which Python's"
                    .formatted(pickle.getFileName(), folder, WEIGHTS)
                + " model.save_pretrained(folder, safe_serialization=True) writes");
      }
      return new CheckpointException(
          "Cannot find weights in %s: supply %s, or %s with its shards"
              .formatted(folder, WEIGHTS, INDEX));
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot list " + folder + ": " + e.getMessage(), e);
    }
  }

  public Path folder() {
    return folder;
  }

  public ModelConfig config() {
    return config;
  }

  /** All tensors under the names that the files use, sorted by name. */
  public Map<String, StoredTensor> tensors() {
    return tensors;
  }

  /**
   * A tensor under a name as given, without the family's prefix, or with it; and, as the oldest
   * BERT files have them, with {@code gamma} and {@code beta} for the weight and bias of a
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
                        .formatted(name, folder, config.family().prefix(), tensors.size())));
  }

  /** As {@link #find}, for a tensor that a checkpoint may lack, such as a head. */
  public Optional<StoredTensor> lookup(String name) {
    return candidates(name)
        .flatMap(
            candidate ->
                Stream.of(
                    candidate,
                    candidate
                        .replace("LayerNorm.weight", "LayerNorm.gamma")
                        .replace("LayerNorm.bias", "LayerNorm.beta")))
        .map(tensors::get)
        .filter(Objects::nonNull)
        .findFirst();
  }

  private Stream<String> candidates(String name) {
    String prefix = config.family().prefix();
    return name.startsWith(prefix)
        ? Stream.of(name, name.substring(prefix.length()))
        : Stream.of(name, prefix + name);
  }

  /**
   * SHA-256, in hexadecimal digits, over names and bytes of {@code config.json}, the weights and
   * their index. It does not depend on where the folder lies. Every byte is read at the first call.
   *
   * @throws UncheckedIOException if a file cannot be read
   */
  public synchronized String contentHash() {
    if (contentHash == null) {
      MessageDigest digest = DigestUtils.getSha256Digest();
      for (String name : contents) {
        Path file = folder.resolve(name);
        try (InputStream bytes = Files.newInputStream(file)) {
          String start = name + "\n" + Files.size(file) + "\n";
          DigestUtils.updateDigest(digest, start);
          DigestUtils.updateDigest(digest, bytes);
        } catch (IOException e) {
          throw new UncheckedIOException("Cannot read " + file + ": " + e.getMessage(), e);
        }
      }
      contentHash = HexFormat.of().formatHex(digest.digest());
    }
    return contentHash;
  }

  @Override
  public void close() {
    files.forEach(SafeTensors::close);
  }
}
