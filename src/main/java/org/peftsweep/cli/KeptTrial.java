package org.peftsweep.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.commons.io.FileUtils;
import org.apache.hadoop.conf.Configuration;
import org.peftsweep.checkpoint.CheckpointException;
import org.peftsweep.checkpoint.SafeTensors;
import org.peftsweep.compute.Backend;
import org.peftsweep.data.FileFaults;
import org.peftsweep.data.Shown;
import org.peftsweep.results.ResultFolder;
import org.peftsweep.results.TrialFile;
import org.peftsweep.train.Library;
import org.peftsweep.train.Outcome.Status;
import org.peftsweep.train.TrialExport;

/** What was kept of a finished trial, on this machine while it is open. */
final class KeptTrial implements AutoCloseable {
  private final String id;
  private final ResultFolder results;
  private final Path local;
  private final SafeTensors tensors;

  private KeptTrial(String id, ResultFolder results, Path local) {
    this.id = id;
    this.results = results;
    this.local = local;
    this.tensors = SafeTensors.open(local);
  }

  /**
   * Looks for a trial in all sweeps.
   *
   * @param what is to be done with it, in an infinitive
   * @throws InputException if there is no such trial, or nothing of it was kept
   */
  static KeptTrial find(String id, String what, OutputFolder output, Configuration files) {
    ResultFolder results = results(id, what, output, files);
    org.apache.hadoop.fs.Path tensors = results.tensors(id).orElseThrow();
    Path local = temporary();
    try {
      tensors.getFileSystem(files).copyToLocalFile(false, tensors, uri(local), true);
      requireWhole(id, what, local, tensors);
      return new KeptTrial(id, results, local);
    } catch (IOException e) {
      FileUtils.deleteQuietly(local.toFile());
      throw FileFaults.cannot("copy", tensors, e);
    } catch (RuntimeException e) {
      FileUtils.deleteQuietly(local.toFile());
      throw e;
    }
  }

  private static Path temporary() {
    try {
      return Files.createTempFile("peft-sweep-trial", ".safetensors");
    } catch (IOException e) {
      throw FileFaults.cannot("make a file in", System.getProperty("java.io.tmpdir"), e);
    }
  }

  /** Returns the folder of the sweep that has it. */
  ResultFolder results() {
    return results;
  }

  /** Rebuilds its model. */
  TrialExport open(Library library, Backend backend) {
    return TrialExport.open(id, tensors, library, backend);
  }

  private static void requireWhole(
      String id, String what, Path local, org.apache.hadoop.fs.Path tensors) {
    try (SafeTensors kept = SafeTensors.open(local)) {
      if (kept.isWhole()) {
        return;
      }
    } catch (CheckpointException e) {
      // Only damage makes a file that this program wrote unreadable.
    }
    throw new InputException(
        "Cannot %s %s: %s is damaged; let the trial run again with jobs/sweep.sh --rerun %s"
            .formatted(what, id, tensors, id));
  }

  /** Returns the folder of whichever sweep has kept tensors of the trial. */
  private static ResultFolder results(
      String id, String what, OutputFolder output, Configuration files) {
    TrialFile row = null;
    org.apache.hadoop.fs.Path root = output.path(files);
    for (ResultFolder results : ResultFolder.under(root, files)) {
      TrialFile found = results.trials().get(id);
      if (found != null && found.status() == Status.FINISHED && results.tensors(id).isPresent()) {
        return results;
      }
      row = found == null ? row : found;
    }
    if (row == null) {
      throw new InputException(
          "Cannot "
              + what
              + " "
              + Shown.of(id)
              + ": "
              + output.shown()
              + " has no such trial; "
              + Installation.script("query")
              + " \"SELECT id, title FROM trials\""
              + output.option()
              + " lists them");
    }
    throw new InputException(
        row.status() == Status.FINISHED
            ? "Cannot "
                + what
                + " "
                + id
                + ": its tensors were not kept; compute.keep-mebibytes says up to which size they"
                + " are"
            : "Cannot "
                + what
                + " "
                + id
                + ": only finished trials are kept, and it is "
                + TrialFile.word(row.status()));
  }

  private static org.apache.hadoop.fs.Path uri(Path local) {
    return new org.apache.hadoop.fs.Path(local.toUri());
  }

  @Override
  public void close() {
    tensors.close();
    FileUtils.deleteQuietly(local.toFile());
  }
}
