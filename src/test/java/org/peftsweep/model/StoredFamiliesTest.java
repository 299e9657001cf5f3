package org.peftsweep.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.peftsweep.GoldenCase;
import org.peftsweep.checkpoint.Checkpoint;
import org.peftsweep.checkpoint.StoredTensor;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.data.Seeds;

/** A model that is read and written again is the reference library's, tensor by tensor. */
@Tag("golden")
class StoredFamiliesTest {
  @TempDir Path folder;

  static Stream<Path> models() {
    return GoldenCase.folders("models").stream()
        .filter(folder -> Files.exists(folder.resolve("model.safetensors")));
  }

  @ParameterizedTest
  @MethodSource("models")
  void everyTensorIsWrittenAsItWasRead(Path given) {
    try (Checkpoint checkpoint = Checkpoint.open(given);
        Backend backend = Backends.open("cpu", 1);
        Model model =
            Models.build(
                checkpoint.config(),
                checkpoint.config().labels().size(),
                backend,
                new CheckpointWeights(checkpoint).forTrial(backend, new Seeds(0)))) {
      assertThat(Models.requireComplete(checkpoint)).isEmpty();
      MergedModel.write(folder, checkpoint.config(), model, backend);
      try (Checkpoint written = Checkpoint.open(folder)) {
        assertThat(written.config()).isEqualTo(checkpoint.config());
        for (StoredTensor tensor : checkpoint.tensors().values()) {
          if (tensor.file().isFloat(tensor.name())) {
            StoredTensor again = written.tensors().get(tensor.name());
            assertThat(again.shape()).as(tensor.name()).isEqualTo(tensor.shape());
            assertThat(again.floats()).as(tensor.name()).isEqualTo(tensor.floats());
          }
        }
        assertThat(written.tensors().keySet()).isSubsetOf(checkpoint.tensors().keySet());
      }
    }
  }
}
