package org.peftsweep.sweep;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.peftsweep.compute.BackendUnavailableException;
import org.peftsweep.compute.BlasLibrary;
import org.peftsweep.spec.Caching;
import org.peftsweep.spec.Execution;
import org.peftsweep.spec.Packing;
import org.peftsweep.spec.SweepFile;
import org.peftsweep.spec.Trial;
import org.peftsweep.train.Library;
import org.peftsweep.train.Outcome;
import org.peftsweep.train.Progress;
import org.peftsweep.train.TensorSink;

/** A trial on a GPU on which another executor computes too; the device is emulated. */
class SharedGpuTest {
  @TempDir private Path folder;

  private Outcome run(int memoryMebibytes) throws Exception {
    Configuration files = new Configuration();
    Library library = Library.shared(files);
    Path task = Files.createDirectories(folder.resolve("own"));
    for (String set : List.of("train", "dev")) {
      Files.writeString(
          task.resolve(set + ".tsv"), "text\tlabel\nred dogs run\tgood\nblue dogs sleep\tbad\n");
    }
    String file =
        "name: x\nmodel: builtin:mini\ntasks: [own]\ndata: "
            + folder
            + "\ndeclare-tasks: {own: {text-columns: [text], label-column: label, labels: [good,"
            + " bad], metrics: [accuracy]}}\ngrid: [{method: lora}]\ntraining: {max-steps: 1, max-tokens: 16}\n";
    Trial trial =
        SweepFile.read(
                "x.yaml",
                Map.of(),
                location -> Optional.ofNullable(location.equals("x.yaml") ? file : null))
            .expand(library::modelHash, library::taskHash)
            .get(0);
    TrialTask tasks =
        new TrainerEngine()
            .task(
                new Execution(
                    "cuda",
                    1,
                    0,
                    memoryMebibytes,
                    0,
                    0,
                    Packing.OFF,
                    Caching.OFF,
                    1,
                    BlasLibrary.AUTO));
    Slot slot =
        new Slot(
            "1",
            "shared-with-others",
            files,
            TensorSink.NOTHING,
            new org.apache.hadoop.fs.Path(folder.toUri().toString(), "states"),
            () -> false,
            1);
    return tasks.run(trial, slot, Progress.SILENT);
  }

  @Test
  void isRefusedUnlessEachExecutorHasItsShareOfMemory() throws Exception {
    assertThatThrownBy(() -> run(0))
        .isInstanceOf(BackendUnavailableException.class)
        .hasMessage(
            "Cannot compute on GPU shared-with-others: another process does; give each its share by"
                + " compute.memory-mebibytes, or a GPU of its own");
    Outcome outcome = run(256);
    assertThat(outcome.status()).isEqualTo(Outcome.Status.FINISHED);
    assertThat(outcome.device()).isEqualTo("emulated GPU, GPU shared-with-others");
  }
}
