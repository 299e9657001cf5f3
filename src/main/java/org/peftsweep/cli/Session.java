package org.peftsweep.cli;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import org.apache.commons.lang3.StringUtils;
import org.apache.commons.lang3.math.NumberUtils;
import org.apache.spark.SparkConf;
import org.apache.spark.sql.SparkSession;
import org.peftsweep.data.Shown;

/**
 * Spark as spark-submit set it up, with what is not said there. Closing it stops Spark, unless it
 * ran before.
 */
record Session(SparkSession spark, boolean isOwn) implements AutoCloseable {

  private static final String STANDALONE = "spark://";
  private static final int LONGEST_MILLIS = 5_000;

  static Session open(String name) {
    if (SparkSession.getDefaultSession().isDefined()) {
      return new Session(SparkSession.getDefaultSession().get(), false);
    }
    SparkConf conf = new SparkConf();
    conf.setIfMissing("spark.master", "local[*]");
    String master = conf.get("spark.master");
    requireAnswer(master);
    boolean isLocal = master.startsWith("local");
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

  /** Returns how many trials run side by side on this machine; 1 where Spark runs elsewhere. */
  static int localSlots() {
    String master = new SparkConf().get("spark.master", "local[*]");
    String threads = StringUtils.substringBetween(master, "local[", "]");
    if (!master.startsWith("local") || threads == null) {
      return 1;
    }
    String number = StringUtils.substringBefore(threads, ",");
    return number.equals("*")
        ? Runtime.getRuntime().availableProcessors()
        : Math.max(1, NumberUtils.toInt(number, 1));
  }

  /** Spark itself asks for minutes and ends with a stack trace. */
  private static void requireAnswer(String master) {
    if (!master.startsWith(STANDALONE)) {
      return;
    }
    for (String place : master.substring(STANDALONE.length()).split(",")) {
      int colon = place.lastIndexOf(':');
      try (Socket socket = new Socket()) {
        int port = Integer.parseInt(place.substring(colon + 1));
        socket.connect(
            new InetSocketAddress(place.substring(0, Math.max(colon, 0)), port), LONGEST_MILLIS);
        return;
      } catch (IOException | IllegalArgumentException e) {
        // Another of its masters may answer.
        continue;
      }
    }
    throw new InputException(
        "Cannot reach MASTER = "
            + Shown.of(master)
            + ": no master answers there; start it or mend the address");
  }

  @Override
  public void close() {
    if (isOwn) {
      spark.stop();
    }
  }
}
