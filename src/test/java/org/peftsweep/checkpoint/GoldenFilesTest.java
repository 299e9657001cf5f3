package org.peftsweep.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.peftsweep.TestFolders;

@Tag("golden")
class GoldenFilesTest {
  @Test
  void everyFileOpensAndIsFinite() {
    List<Path> files = TestFolders.filesBelow(TestFolders.golden(), ".safetensors");
    assertThat(files).isNotEmpty();
    for (Path path : files) {
      try (SafeTensors file = SafeTensors.open(path)) {
        for (TensorInfo info : file.tensors().values()) {
          String name = path + " " + info.name();
          if (DType.FLOATS.contains(info.dtype())) {
            for (float value : file.floats(info.name())) {
              assertThat(Float.isFinite(value)).as(name).isTrue();
            }
          } else {
            assertThat(file.longs(info.name())).as(name).hasSize((int) info.elements());
          }
        }
      }
    }
  }

  @Test
  void everyManifestAgreesWithItsFile() throws IOException {
    List<Path> manifests = TestFolders.filesBelow(TestFolders.golden(), "manifest.json");
    assertThat(manifests).isNotEmpty();
    for (Path path : manifests) {
      JsonNode manifest = new ObjectMapper().readTree(path.toFile());
      Path tensors = path.resolveSibling(manifest.path("file").asText("tensors.safetensors"));
      if (!Files.exists(tensors)) {
        assertThat(manifest.path("tensors")).as(path.toString()).isEmpty();
        continue;
      }
      try (SafeTensors file = SafeTensors.open(tensors)) {
        for (Map.Entry<String, JsonNode> entry : manifest.path("tensors").properties()) {
          TensorInfo info = file.info(entry.getKey());
          List<Long> shape =
              StreamSupport.stream(entry.getValue().path("shape").spliterator(), false)
                  .map(JsonNode::longValue)
                  .toList();
          assertThat(info.shape()).as(path + " " + entry.getKey()).isEqualTo(shape);
          assertThat(info.dtype().name()).isEqualTo(entry.getValue().path("dtype").asText());
        }
        assertThat(file.tensors()).as(path.toString()).hasSameSizeAs(manifest.path("tensors"));
      }
    }
  }
}
