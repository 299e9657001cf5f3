package org.peftsweep.sweep;

import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.apache.spark.SparkEnv;
import org.apache.spark.TaskContext;
import org.apache.spark.TaskKilledException;
import org.apache.spark.api.java.function.Function;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.resource.ResourceInformation;
import org.apache.spark.util.SerializableConfiguration;
import org.peftsweep.results.LiveFolder;
import org.peftsweep.results.Provenance;
import org.peftsweep.results.ResultFolder;
import org.peftsweep.results.TrialRow;
import org.peftsweep.spec.Trial;
import org.peftsweep.train.CheckpointFolder;
import org.peftsweep.train.Outcome;
import org.peftsweep.train.TensorSink;

/**
 * The executor's side of a trial: runs it, publishes its rows and then removes its checkpoints. The
 * one place that catches what a trial throws; what escapes from here is a fault of machines, which
 * another run may not meet, or Spark's wish to stop the task, which leaves no row.
 */
final class TrialJob implements Function<String, Ending> {
  private static final String GPU = "gpu";

  private final TrialTask task;
  private final String title;
  private final int attempt;
  private final String folder;
  private final String sparkVersion;
  private final Broadcast<SerializableConfiguration> configuration;

  TrialJob(
      TrialTask task,
      String title,
      int attempt,
      Path folder,
      String sparkVersion,
      Broadcast<SerializableConfiguration> configuration) {
    this.task = task;
    this.title = title;
    this.attempt = attempt;
    this.folder = folder.toString();
    this.sparkVersion = sparkVersion;
    this.configuration = configuration;
  }

  @Override
  public Ending call(String json) {
    Trial trial = Trial.fromJson(json);
    Configuration files = configuration.value().value();
    ResultFolder results = new ResultFolder(new Path(folder), files);
    Path checkpoints = results.checkpoints(trial.id());
    Slot slot = slot(files, tensors -> results.keep(trial.id(), attempt, tensors), checkpoints);
    Instant started = Instant.now();
    String stackTrace = null;
    Outcome outcome;
    LiveFolder live = new LiveFolder(results, files);
    try (LiveProgress progress = new LiveProgress(live, trial.id(), title)) {
      outcome = task.run(trial, slot, progress);
    } catch (TaskKilledException e) {
      throw e;
    } catch (Throwable failure) {
      TaskContext.get().killTaskIfInterrupted();
      if (MachineFaults.contain(failure)) {
        throw new IllegalStateException("I/O fault: " + failure.getMessage(), failure);
      }
      outcome = Failures.outcome(failure);
      stackTrace = Failures.stackTrace(failure);
    }
    Instant finished = Instant.now();
    results.publish(
        new TrialRow(
            results.sweep(),
            trial.id(),
            title,
            attempt,
            trial,
            outcome,
            Provenance.here(slot.executor(), slot.gpuAddress(), task.threads(), sparkVersion),
            started,
            finished,
            stackTrace));
    new CheckpointFolder(checkpoints, files).remove();
    return new Ending(trial.id(), outcome.status(), outcome.reason(), seconds(started, finished));
  }

  private static Slot slot(Configuration files, TensorSink sink, Path checkpoints) {
    TaskContext task = TaskContext.get();
    Map<String, ResourceInformation> resources = task.resourcesJMap();
    ResourceInformation gpu = resources.get(GPU);
    boolean hasGpu = gpu != null && gpu.addresses().length > 0;
    return new Slot(
        SparkEnv.get().executorId(),
        hasGpu ? gpu.addresses()[0] : null,
        files,
        sink,
        checkpoints,
        task::isInterrupted);
  }

  private static double seconds(Instant from, Instant to) {
    return Duration.between(from, to).toNanos() / 1e9;
  }
}
