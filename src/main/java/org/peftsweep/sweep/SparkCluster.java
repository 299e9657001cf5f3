package org.peftsweep.sweep;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.spark.SparkException;
import org.apache.spark.SparkExecutorInfo;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.util.SerializableConfiguration;
import org.peftsweep.compute.DeviceLostException;
import org.peftsweep.results.ResultFolder;
import scala.Tuple2;
import scala.collection.immutable.Seq;
import scala.jdk.javaapi.CollectionConverters;
import scala.reflect.ClassTag$;

/**
 * Runs each pack of trials as a Spark job of one task, with the first one's title as description;
 * Spark alone decides where. {@code spark.task.maxFailures} should be 1: what is tried again is the
 * scheduler's choice.
 */
final class SparkCluster implements Cluster, AutoCloseable {
  private static final long LOOK_AGAIN_MILLIS = 100;

  /** Where Spark's message on a lost task says it ran. */
  private static final Pattern PLACE = Pattern.compile("\\(TID \\d+\\) \\((\\S+) executor \\S+\\)");

  /** Where it says that the device of the driver's own process is lost, as in local mode. */
  private static final Pattern LOST_DEVICE =
      Pattern.compile(Pattern.quote(DeviceLostException.class.getName()) + ": (.*)");

  private final JavaSparkContext context;
  private final ResultFolder folder;
  private final TrialTask task;
  private final Broadcast<SerializableConfiguration> configuration;
  private final ExecutorService pool = Executors.newCachedThreadPool(SparkCluster::daemon);
  private final BlockingQueue<Answer> answers = new LinkedBlockingQueue<>();
  private final Set<String> open = ConcurrentHashMap.newKeySet();

  SparkCluster(JavaSparkContext context, ResultFolder folder, TrialTask task) {
    this.context = context;
    this.folder = folder;
    this.task = task;
    this.configuration =
        context.broadcast(new SerializableConfiguration(context.hadoopConfiguration()));
  }

  @Override
  public int slots() {
    return Slots.of(context);
  }

  @Override
  public void start(List<PlannedTrial> pack, Set<String> avoided) {
    open.add(group(pack));
    pool.submit(() -> answers.addAll(answers(pack, avoided)));
  }

  @Override
  public Answer await(Duration longest) throws InterruptedException {
    Answer answer = answers.poll(longest.toMillis(), TimeUnit.MILLISECONDS);
    if (answer instanceof Lost lost) {
      Matcher device = LOST_DEVICE.matcher(String.valueOf(lost.fault().getMessage()));
      if (device.find()) {
        throw new IllegalStateException(device.group(1) + "; run the same again", lost.fault());
      }
    }
    if (answer instanceof Lost lost && (!isSparksFault(lost.fault()) || context.sc().isStopped())) {
      throw new IllegalStateException(
          "Cannot run " + lost.trial().title() + ": " + lost.fault().getMessage(), lost.fault());
    }
    if (answer == null && context.sc().isStopped()) {
      throw new IllegalStateException("Cannot go on: Spark has stopped; run the same again");
    }
    return answer;
  }

  @Override
  public boolean cancel(Duration longest) throws InterruptedException {
    open.forEach(context::cancelJobGroup);
    long end = System.nanoTime() + longest.toNanos();
    // A job is over for Spark before its task is.
    while (running() > 0) {
      if (System.nanoTime() >= end) {
        return false;
      }
      Thread.sleep(LOOK_AGAIN_MILLIS);
    }
    return true;
  }

  @Override
  public Instant now() {
    return Instant.now();
  }

  @Override
  public void close() {
    pool.shutdownNow();
    configuration.destroy();
  }

  private static String group(List<PlannedTrial> pack) {
    return pack.get(0).id();
  }

  private List<Answer> answers(List<PlannedTrial> pack, Set<String> avoided) {
    try {
      String others = pack.size() == 1 ? "" : " and " + (pack.size() - 1) + " more";
      context.setJobGroup(group(pack), pack.get(0).title() + others, true);
      TrialJob job =
          new TrialJob(
              task,
              pack.stream().map(TrialJob.Part::of).toList(),
              folder.path(),
              context.version(),
              configuration);
      List<String> trials = pack.stream().map(trial -> trial.trial().toJson()).toList();
      List<Ending> endings = rdd(new ArrayList<>(trials), avoided).map(job).collect().get(0);
      List<Answer> ended = new ArrayList<>();
      for (int i = 0; i < pack.size(); i++) {
        ended.add(new Ended(pack.get(i), endings.get(i)));
      }
      return ended;
    } catch (Exception e) {
      return lost(pack, host(e), e);
    } catch (Error e) {
      return lost(pack, null, new IllegalStateException(e));
    } finally {
      open.remove(group(pack));
    }
  }

  /** A trial of the pack that had its row in time is found to have it when it starts again. */
  private static List<Answer> lost(List<PlannedTrial> pack, String host, Exception fault) {
    return pack.stream().<Answer>map(trial -> new Lost(trial, host, fault)).toList();
  }

  private JavaRDD<ArrayList<String>> rdd(ArrayList<String> trials, Set<String> avoided) {
    List<String> hosts =
        avoided.isEmpty()
            ? List.of()
            : executors()
                .map(SparkExecutorInfo::host)
                .distinct()
                .filter(h -> !avoided.contains(h))
                .toList();
    if (hosts.isEmpty()) {
      return context.parallelize(List.of(trials), 1);
    }
    // Spark waits spark.locality.wait for these hosts, then takes any.
    Seq<String> preferred = CollectionConverters.asScala(hosts).toList();
    Seq<Tuple2<ArrayList<String>, Seq<String>>> element =
        CollectionConverters.asScala(List.of(new Tuple2<>(trials, preferred))).toList();
    return context
        .sc()
        .makeRDD(element, ClassTag$.MODULE$.<ArrayList<String>>apply(ArrayList.class))
        .toJavaRDD();
  }

  private int running() {
    return context.sc().isStopped()
        ? 0
        : executors().mapToInt(SparkExecutorInfo::numRunningTasks).sum();
  }

  private java.util.stream.Stream<SparkExecutorInfo> executors() {
    return Arrays.stream(context.statusTracker().getExecutorInfos());
  }

  private static String host(Exception fault) {
    Matcher place = PLACE.matcher(String.valueOf(fault.getMessage()));
    return place.find() ? place.group(1) : null;
  }

  /** Whether a job was given up, rather than never formed (as when the task does not serialize). */
  private static boolean isSparksFault(Exception fault) {
    // Spark throws its checked exception through an API that declares none.
    return fault instanceof SparkException
        && !String.valueOf(fault.getMessage()).contains("not serializable");
  }

  private static Thread daemon(Runnable work) {
    Thread thread = new Thread(work, "trial");
    thread.setDaemon(true);
    return thread;
  }
}
