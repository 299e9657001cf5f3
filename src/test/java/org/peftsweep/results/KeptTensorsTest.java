package org.peftsweep.results;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.util.List;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.peftsweep.checkpoint.DType;
import org.peftsweep.checkpoint.SafeTensors;
import org.peftsweep.checkpoint.SafeTensorsWriter;
import org.peftsweep.spec.Trial;
import org.peftsweep.train.Outcome.Status;

class KeptTensorsTest {
  private final Trial trial = Samples.trial("rte", 3);

  @TempDir java.nio.file.Path output;
  private ResultFolder folder;

  @BeforeEach
  void makeFolder() {
    folder = new ResultFolder(new Path(output.toString()), new Configuration());
  }

  @Test
  void theAttemptThatCountsIsFound() {
    folder.keep(trial.id(), 1, tensors(1));
    folder.publish(Samples.row("s", trial, 1, Samples.finished(0.75, 2)));
    folder.publish(Samples.row("s", trial, 2, Samples.failed(Status.OOM, "too large")));
    try (SafeTensors kept = SafeTensors.open(local(folder.tensors(trial.id()).orElseThrow()))) {
      assertThat(kept.floats("x")).containsExactly(1, 1);
    }
  }

  @Test
  void withoutARowTheyDoNotCount() {
    folder.keep(trial.id(), 1, tensors(1));
    assertThat(folder.tensors(trial.id())).isEmpty();
  }

  @Test
  void aTrialMayHaveNone() {
    folder.publish(Samples.row("s", trial, 1, Samples.finished(0.75, 2)));
    assertThat(folder.tensors(trial.id())).isEmpty();
  }

  @Test
  void aFailedWriteLeavesNoFile() throws Exception {
    SafeTensorsWriter failing =
        tensors(1)
            .add(
                "y",
                DType.F32,
                List.of(1L),
                (from, target) -> {
                  throw new UncheckedIOException(new java.io.IOException("the disk is full"));
                });
    assertThatThrownBy(() -> folder.keep(trial.id(), 1, failing))
        .isInstanceOf(UncheckedIOException.class);
    try (var files = Files.list(output.resolve("adapters"))) {
      assertThat(files.filter(file -> file.toString().endsWith(".safetensors"))).isEmpty();
    }
  }

  private static SafeTensorsWriter tensors(float value) {
    return new SafeTensorsWriter().add("x", List.of(2L), new float[] {value, value});
  }

  private static java.nio.file.Path local(Path path) {
    return java.nio.file.Path.of(path.toUri().getPath());
  }
}
