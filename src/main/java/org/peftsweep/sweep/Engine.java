package org.peftsweep.sweep;

import java.util.List;
import java.util.function.Consumer;
import org.apache.hadoop.conf.Configuration;
import org.peftsweep.spec.Execution;
import org.peftsweep.spec.TaskSource;
import org.peftsweep.spec.Trial;

/** What the driver needs of the trainer: identities, forecasts, and the task that executors run. */
public interface Engine {
  /** Returns the content hash of the model at a location. */
  String modelHash(String location, Configuration files);

  /** Returns the content hash of a task's examples. */
  String taskHash(TaskSource source, Configuration files);

  /** Returns what should be known of a task's examples before they are used, a sentence each. */
  List<String> taskNotices(TaskSource source, Configuration files);

  /**
   * Checks what files tell of trials before any of them runs.
   *
   * @param execution how they are to run
   * @return what a user should know of them, a sentence each
   * @throws org.peftsweep.spec.SpecException with the faults of all, each once
   */
  List<String> requireAll(Execution execution, List<Trial> trials, Configuration files);

  /** Returns what tells the size of trials. */
  Forecast forecast(Execution execution, Configuration files);

  /**
   * Returns the same with seconds by what a few steps of these trials take on this machine; without
   * a measurement what {@link #forecast} tells.
   *
   * @param slots that run trials side by side, which slow each other down
   * @param told takes a sentence on each measurement
   */
  default Forecast measured(
      Execution execution,
      int slots,
      Configuration files,
      List<Trial> trials,
      Consumer<String> told) {
    return forecast(execution, files);
  }

  /** Returns what trains one trial on an executor. */
  TrialTask task(Execution execution);
}
