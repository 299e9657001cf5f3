package org.peftsweep.cli;

import org.apache.spark.SparkConf;
import org.peftsweep.compute.Backends;
import org.peftsweep.spec.Execution;

/** What the backend of a sweep and the GPUs that Spark hands out have to do with each other. */
final class GpuRequirements {
  private static final String ASKED = "spark.task.resource.gpu.amount";

  /** Set where the addresses are those of jobs/cluster.sh, which are no GPUs. */
  private static final String SIMULATED = "spark.peftsweep.simulatedGpus";

  private GpuRequirements() {}

  /**
   * Refuses GPUs that nobody would compute on, and a backend that this machine cannot run where
   * trials run on it.
   */
  static void require(Execution execution, SparkConf conf) {
    String backend = execution.backend();
    boolean asks = conf.getDouble(ASKED, 0) > 0 && !conf.getBoolean(SIMULATED, false);
    if (asks && !Backends.usesGpus(backend)) {
      throw new InputException(
          "Cannot use GPUS with backend = "
              + backend
              + ": it computes on processors, so leave GPUS out or choose backend = cuda");
    }
    if (conf.get("spark.master", "local[*]").startsWith("local")) {
      Backends.lack(backend)
          .ifPresent(
              lack -> {
                throw new InputException(lack);
              });
    }
  }
}
