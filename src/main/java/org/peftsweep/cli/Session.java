package org.peftsweep.cli;

import org.apache.spark.SparkConf;
import org.apache.spark.sql.SparkSession;

/**
 * Spark as spark-submit set it up, with what is not said there. Closing it stops Spark, unless it
 * ran before.
 */
record Session(SparkSession spark, boolean isOwn) implements AutoCloseable {

  static Session open(String name) {
    if (SparkSession.getDefaultSession().isDefined()) {
      return new Session(SparkSession.getDefaultSession().get(), false);
    }
    SparkConf conf = new SparkConf();
    conf.setIfMissing("spark.master", "local[*]");
    boolean isLocal = conf.get("spark.master").startsWith("local");
    conf.setAppName(name);
    // A trial's own failure is a row; see SweepRunner for what is tried again.
    conf.setIfMissing("spark.task.maxFailures", "1");
    conf.setIfMissing("spark.ui.enabled", Boolean.toString(!isLocal));
    conf.setIfMissing("spark.ui.showConsoleProgress", "false");
    // Result tables are small; the default of 200 makes each query wait for empty tasks.
    conf.setIfMissing("spark.sql.shuffle.partitions", "2");
    // Files are given by name: below this number Spark looks at them without a job of its own.
    conf.setIfMissing("spark.sql.sources.parallelPartitionDiscovery.threshold", "100000");
    // More columns than the table of trials has, else Spark warns that it cuts its own logs.
    conf.setIfMissing("spark.sql.debug.maxToStringFields", "100");
    return new Session(SparkSession.builder().config(conf).getOrCreate(), true);
  }

  @Override
  public void close() {
    if (isOwn) {
      spark.stop();
    }
  }
}
