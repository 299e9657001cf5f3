package org.peftsweep.sweep;

import java.io.Serializable;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.apache.commons.lang3.exception.ExceptionUtils;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.apache.spark.SparkEnv;
import org.apache.spark.TaskContext;
import org.apache.spark.TaskKilledException;
import org.apache.spark.api.java.function.Function;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.resource.ResourceInformation;
import org.apache.spark.util.SerializableConfiguration;
import org.peftsweep.compute.DeviceLostException;
import org.peftsweep.results.LiveFolder;
import org.peftsweep.results.Provenance;
import org.peftsweep.results.Readings;
import org.peftsweep.results.ResultFolder;
import org.peftsweep.results.TrialRow;
import org.peftsweep.spec.Trial;
import org.peftsweep.train.CheckpointFolder;
import org.peftsweep.train.Outcome;
import org.peftsweep.train.TensorSink;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The executor's side of a pack: runs its trials, each in a thread of its own, publishes their rows
 * and then removes their checkpoints. The one place that catches what a trial throws; what escapes
 * from here is a fault of machines, which another run may not meet, or Spark's wish to stop the
 * task, which leaves no row.
 */
final class TrialJob implements Function<ArrayList<String>, List<Ending>> {
  /** What the driver knows of a trial besides the trial itself. */
  record Part(String id, String title, int attempt, Segment segment) implements Serializable {
    static Part of(PlannedTrial trial) {
      return new Part(trial.id(), trial.title(), trial.attempt(), trial.segment());
    }
  }

  private static final String GPU = "gpu";

  /** Spark's name for the executor of its local mode, which is the driver itself. */
  private static final String DRIVER = "driver";

  private static final Logger LOG = LoggerFactory.getLogger(TrialJob.class);

  /** Exit status of an executor whose device failed. */
  private static final int LOST_DEVICE = 70;

  private final TrialTask task;
  private final ArrayList<Part> parts;
  private final String folder;
  private final String sparkVersion;
  private final Broadcast<SerializableConfiguration> configuration;

  TrialJob(
      TrialTask task,
      List<Part> parts,
      Path folder,
      String sparkVersion,
      Broadcast<SerializableConfiguration> configuration) {
    this.task = task;
    this.parts = new ArrayList<>(parts);
    this.folder = folder.toString();
    this.sparkVersion = sparkVersion;
    this.configuration = configuration;
  }

  @Override
  public List<Ending> call(ArrayList<String> trials) throws Exception {
    TaskContext context = TaskContext.get();
    Configuration files = configuration.value().value();
    ResultFolder results = new ResultFolder(new Path(folder), files);
    if (parts.size() == 1) {
      TrialPack alone = (lane, trial, slot, progress) -> task.run(trial, slot, progress);
      return List.of(run(alone, 0, trials.get(0), context, results, files));
    }
    String name = parts.get(0).id() + "+" + (parts.size() - 1);
    Slot slot = slot(context, files, TensorSink.NOTHING, results.path(), 1);
    ExecutorService lanes = Executors.newFixedThreadPool(parts.size(), TrialJob::laneThread);
    List<Future<Ending>> running = new ArrayList<>();
    try (TrialPack pack = task.pack(name, parts.size(), slot)) {
      for (int i = 0; i < parts.size(); i++) {
        int lane = i;
        running.add(lanes.submit(() -> run(pack, lane, trials.get(lane), context, results, files)));
      }
      return endings(running, lanes);
    } finally {
      lanes.shutdownNow();
    }
  }

  /** Waits for all lanes, interrupted or not, before it tells of the first that was lost. */
  private static List<Ending> endings(List<Future<Ending>> running, ExecutorService lanes)
      throws Exception {
    List<Ending> endings = new ArrayList<>();
    Exception fault = null;
    for (Future<Ending> lane : running) {
      while (true) {
        try {
          endings.add(lane.get());
          break;
        } catch (InterruptedException e) {
          // Lanes keep their states and end; what they wait for is interrupted as this task is.
          lanes.shutdownNow();
          fault = fault == null ? e : fault;
        } catch (ExecutionException e) {
          fault = fault == null || fault instanceof InterruptedException ? cause(e) : fault;
          break;
        }
      }
    }
    if (fault != null) {
      throw fault;
    }
    return endings;
  }

  private static Exception cause(ExecutionException e) {
    return e.getCause() instanceof Exception cause ? cause : e;
  }

  private Ending run(
      TrialPack pack,
      int lane,
      String json,
      TaskContext context,
      ResultFolder results,
      Configuration files) {
    Part part = parts.get(lane);
    Trial trial = Trial.fromJson(json);
    Path checkpoints = results.checkpoints(trial.id());
    TensorSink sink = tensors -> results.keep(trial.id(), part.attempt(), tensors);
    Slot slot = slot(context, files, sink, checkpoints, part.segment().until());
    Instant started = Instant.now();
    String stackTrace = null;
    Outcome outcome;
    LiveFolder live = new LiveFolder(results, files);
    try (LiveProgress progress = new LiveProgress(live, trial.id(), part.title())) {
      outcome = pack.run(lane, trial, slot, progress);
    } catch (TaskKilledException e) {
      throw e;
    } catch (Throwable failure) {
      context.killTaskIfInterrupted();
      lost(failure).ifPresent(device -> giveUp(device, slot));
      if (MachineFaults.contain(failure)) {
        throw new IllegalStateException("I/O fault: " + failure.getMessage(), failure);
      }
      outcome = Failures.outcome(failure);
      stackTrace = Failures.stackTrace(failure);
    }
    Instant finished = Instant.now();
    boolean isStopped = outcome.status() == Outcome.Status.STOPPED;
    results.publish(
        new TrialRow(
            results.sweep(),
            trial.id(),
            part.title(),
            part.attempt(),
            trial,
            outcome,
            Provenance.here(slot.executor(), slot.gpuAddress(), task.threads(), sparkVersion),
            started,
            finished,
            stackTrace,
            isStopped ? part.segment().rung() : null));
    if (!isStopped) {
      new CheckpointFolder(checkpoints, files).remove();
    }
    return new Ending(
        trial.id(),
        outcome.status(),
        outcome.reason(),
        seconds(started, finished),
        Readings.of(outcome.curve()));
  }

  private static Optional<DeviceLostException> lost(Throwable failure) {
    return Optional.ofNullable(ExceptionUtils.throwableOfType(failure, DeviceLostException.class));
  }

  /** Its process can compute no more: Spark starts another one, and the trial goes on there. */
  private static void giveUp(DeviceLostException device, Slot slot) {
    LOG.error("device lost: {}", device.getMessage());
    if (slot.executor().equals(DRIVER)) {
      throw device;
    }
    Runtime.getRuntime().halt(LOST_DEVICE);
  }

  private static Slot slot(
      TaskContext task, Configuration files, TensorSink sink, Path checkpoints, double until) {
    Map<String, ResourceInformation> resources = task.resourcesJMap();
    ResourceInformation gpu = resources.get(GPU);
    boolean hasGpu = gpu != null && gpu.addresses().length > 0;
    return new Slot(
        SparkEnv.get().executorId(),
        hasGpu ? gpu.addresses()[0] : null,
        files,
        sink,
        checkpoints,
        task::isInterrupted,
        until);
  }

  private static double seconds(Instant from, Instant to) {
    return Duration.between(from, to).toNanos() / 1e9;
  }

  private static Thread laneThread(Runnable work) {
    Thread thread = new Thread(work, "lane");
    thread.setDaemon(true);
    return thread;
  }
}
