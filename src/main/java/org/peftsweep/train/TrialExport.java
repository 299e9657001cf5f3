package org.peftsweep.train;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.stream.Stream;
import org.peftsweep.checkpoint.CheckpointException;
import org.peftsweep.checkpoint.SafeTensors;
import org.peftsweep.compute.Backend;
import org.peftsweep.data.Seeds;
import org.peftsweep.data.Task;
import org.peftsweep.method.AdapterLayout;
import org.peftsweep.method.Attached;
import org.peftsweep.method.Attachment;
import org.peftsweep.method.PeftAdapter;
import org.peftsweep.method.Preparations;
import org.peftsweep.model.MergedModel;
import org.peftsweep.model.Model;
import org.peftsweep.model.Models;
import org.peftsweep.model.TrainedTensors;
import org.peftsweep.spec.Trial;

/**
 * A finished trial in the layouts of Hugging Face: its model after the last step, rebuilt from base
 * and kept tensors. No data is needed.
 */
public final class TrialExport implements AutoCloseable {
  private final Trial trial;
  private final int steps;
  private final Base base;
  private final Backend backend;
  private final Model model;
  private final AdapterLayout layout;
  private final Attached method;

  private TrialExport(Trial trial, int steps, SafeTensors kept, Base base, Backend backend) {
    this.trial = trial;
    this.steps = steps;
    this.base = base;
    this.backend = backend;
    Task task = trial.task().task();
    model = Models.build(base.config(), task.outputs(), backend, base.weights(trial, backend));
    Preparations prepared = Preparations.of(kept);
    String json = kept.metadata().get(Keeper.LAYOUT);
    layout = json == null ? AdapterLayout.NONE : AdapterLayout.fromJson(json);
    Seeds seeds = new Seeds(trial.seed());
    method =
        new Attachment(model, trial.targets(), backend, seeds, prepared, layout)
            .attach(trial.method());
    TrainedTensors.restore(kept, model, backend);
  }

  /**
   * Rebuilds a trial's model.
   *
   * @param id of the trial
   * @param kept the tensors that were kept of it
   * @throws CheckpointException if tensors, base model and code are not those that it was trained
   *     with
   */
  public static TrialExport open(String id, SafeTensors kept, Library library, Backend backend) {
    String json = kept.metadata().get(Keeper.TRIAL);
    if (json == null) {
      throw new CheckpointException(
          "Cannot export " + kept.path() + ": it does not say which trial it is of");
    }
    Trial trial = Trial.fromJson(json);
    if (!trial.id().equals(id)) {
      throw new CheckpointException(
          "Cannot export "
              + id
              + ": its method computes otherwise since it was trained, run it again");
    }
    String location = trial.model().location();
    if (!library.modelHash(location).equals(trial.model().contentHash())) {
      throw new CheckpointException(
          "Cannot export "
              + id
              + ": the files in "
              + location
              + " are not its base model any more");
    }
    int steps = Integer.parseInt(kept.metadata().getOrDefault(Keeper.STEPS, "0"));
    return new TrialExport(
        trial, steps, kept, library.base(trial.model(), backend.name()), backend);
  }

  /**
   * Writes an adapter folder of PEFT.
   *
   * @throws IllegalArgumentException if there is none for the trial, saying what can be had instead
   */
  public void writeAdapter(Path folder) {
    if (trial.model().randomInit()) {
      throw new IllegalArgumentException(
          "Cannot write an adapter of a base that was drawn from a seed: export the merged model");
    }
    String place = trial.model().location().replaceFirst("^file:(//)?(?=/)", "");
    PeftAdapter.write(folder, trial.method(), model, layout, backend, place, steps);
  }

  /** Writes a plain model with the method folded in, and the base's tokenizer. */
  public void writeMerged(Path folder) {
    Task task = trial.task().task();
    List<String> labels = task.isRegression() ? List.of("LABEL_0") : task.labelNames();
    MergedModel.write(folder, base.config().withLabels(labels), model, backend);
    Path from = base.checkpoint().folder();
    try (Stream<Path> files = Files.list(from)) {
      for (Path file : files.filter(TrialExport::isOfTokenizer).sorted().toList()) {
        Path to = folder.resolve(file.getFileName().toString());
        Files.copy(file, to, StandardCopyOption.REPLACE_EXISTING);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(
          "Cannot copy the tokenizer of " + from + " to " + folder + ": " + e.getMessage(), e);
    }
  }

  private static boolean isOfTokenizer(Path file) {
    String name = file.getFileName().toString();
    return name.startsWith("tokenizer")
        || name.startsWith("vocab.")
        || name.equals("merges.txt")
        || name.equals("special_tokens_map.json")
        || name.equals("added_tokens.json");
  }

  @Override
  public void close() {
    method.close();
    model.close();
  }
}
