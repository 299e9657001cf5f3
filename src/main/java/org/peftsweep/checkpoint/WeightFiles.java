package org.peftsweep.checkpoint;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import org.peftsweep.data.FileFaults;
import org.peftsweep.data.LocalFile;
import org.peftsweep.data.Shown;

/**
 * Finds and opens the weights of a model folder. Of several formats the first counts, as in the
 * reference library: safetensors, PyTorch's zips, ONNX, TensorFlow; then networks of
 * Deeplearning4j, and graphs of SameDiff.
 */
final class WeightFiles {
  static final String SAFE = "model.safetensors";

  private static final String INDEX = ".index.json";
  private static final String PYTORCH = "pytorch_model.bin";

  /** Folders in which exporters keep weights. */
  private static final List<String> BELOW = List.of("", "onnx", "variables");

  private final Path folder;
  private final Map<String, StoredTensor> tensors = new TreeMap<>();
  private final List<TensorFile> files = new ArrayList<>();

  private WeightFiles(Path folder) {
    this.folder = folder;
  }

  /**
   * Opens what is there.
   *
   * @throws CheckpointException if there are no weights, or a file is faulty
   */
  static WeightFiles open(Path folder) {
    WeightFiles weights = new WeightFiles(folder);
    try {
      weights.read();
    } catch (RuntimeException e) {
      weights.files.forEach(TensorFile::close);
      throw e;
    }
    return weights;
  }

  /** All tensors by the names that the files use. */
  Map<String, StoredTensor> tensors() {
    return tensors;
  }

  List<TensorFile> files() {
    return files;
  }

  private void read() {
    if (whole(SAFE, SafeTensors::open) || whole(PYTORCH, PyTorchFile::open)) {
      return;
    }
    List<Path> onnx = matching("*.onnx");
    List<Path> bundles = matching("*.index");
    List<Path> networks = matching("model*.zip");
    List<Path> graphs = matching("model*.fb");
    if (!onnx.isEmpty()) {
      add(OnnxFile.open(one(onnx, "model.onnx")));
    } else if (!bundles.isEmpty()) {
      add(TensorFlowBundle.open(one(bundles, "variables.index")));
    } else if (!networks.isEmpty()) {
      add(NetworkFile.open(one(networks, "model.zip")));
    } else if (!graphs.isEmpty()) {
      add(SameDiffFile.open(one(graphs, "model.fb")));
    } else {
      throw new CheckpointException(
          ("Cannot find weights in %s: supply %s, %s, an .onnx file, a TensorFlow checkpoint, or a"
                  + " model.zip or model.fb of Deeplearning4j")
              .formatted(folder, SAFE, PYTORCH));
    }
  }

  /** Reads a file of that name or the shards of its index; false where neither is there. */
  private boolean whole(String name, Function<Path, TensorFile> open) {
    if (LocalFile.isThere(folder.resolve(name))) {
      add(open.apply(folder.resolve(name)));
      return true;
    }
    Path index = folder.resolve(name + INDEX);
    if (!LocalFile.isThere(index)) {
      return false;
    }
    JsonNode weightMap = JsonFile.read(index).path("weight_map");
    Map<String, TensorFile> shards = new TreeMap<>();
    for (Map.Entry<String, JsonNode> entry : weightMap.properties()) {
      String shard = entry.getValue().asText();
      if (!shard.matches("[\\w-][\\w.-]*")) {
        throw new CheckpointException(
            "Cannot use shard %s of %s: give the name of a file in the same folder"
                .formatted(Shown.value(shard), index));
      }
      TensorFile file =
          shards.computeIfAbsent(
              shard,
              unopened -> {
                PresentFile.requireShard(folder.resolve(unopened), index);
                return keep(open.apply(folder.resolve(unopened)));
              });
      List<Long> shape = file.shapes().get(entry.getKey());
      if (shape == null) {
        throw file.missing(entry.getKey());
      }
      tensors.put(entry.getKey(), new StoredTensor(file, entry.getKey(), shape));
    }
    if (tensors.isEmpty()) {
      throw new CheckpointException("Cannot use " + index + ": its weight_map names no tensor");
    }
    return true;
  }

  private void add(TensorFile file) {
    keep(file)
        .shapes()
        .forEach((name, shape) -> tensors.put(name, new StoredTensor(file, name, shape)));
  }

  private TensorFile keep(TensorFile file) {
    files.add(file);
    return file;
  }

  private List<Path> matching(String glob) {
    List<Path> found = new ArrayList<>();
    for (String below : BELOW) {
      Path place = folder.resolve(below);
      if (Files.isDirectory(place)) {
        try (DirectoryStream<Path> files = Files.newDirectoryStream(place, glob)) {
          files.forEach(found::add);
        } catch (IOException e) {
          throw FileFaults.cannot("list", place, e);
        }
      }
    }
    return found.stream().sorted().toList();
  }

  private Path one(List<Path> found, String preferred) {
    return found.stream()
        .filter(file -> found.size() == 1 || file.getFileName().toString().equals(preferred))
        .findFirst()
        .orElseThrow(
            () ->
                new CheckpointException(
                    "Cannot choose among %s: keep one, or name it %s"
                        .formatted(
                            found.stream().map(file -> folder.relativize(file)).toList(),
                            preferred)));
  }
}
