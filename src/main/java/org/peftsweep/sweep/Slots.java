package org.peftsweep.sweep;

import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaSparkContext;

/** Counts how many trials the registered executors can run at once. */
final class Slots {
  private Slots() {}

  /** Returns at least 1; grows and shrinks with the cluster. */
  static int of(JavaSparkContext context) {
    SparkConf conf = context.getConf();
    int slots = context.defaultParallelism() / conf.getInt("spark.task.cpus", 1);
    double gpusOfTask = conf.getDouble("spark.task.resource.gpu.amount", 0);
    if (gpusOfTask > 0) {
      // The driver stands in this list too.
      int executors = context.statusTracker().getExecutorInfos().length - 1;
      int most = (int) Math.max(1, gpusOfTask);
      int gpus = executors * conf.getInt("spark.executor.resource.gpu.amount", most);
      slots = Math.min(slots, (int) (gpus / gpusOfTask));
    }
    return Math.max(1, slots);
  }
}
