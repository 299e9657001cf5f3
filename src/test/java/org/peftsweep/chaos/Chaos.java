package org.peftsweep.chaos;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalTime;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.sql.SparkSession;
import org.peftsweep.chaos.Processes.Victim;
import org.peftsweep.results.LocalSpark;
import org.peftsweep.results.ResultFolder;

/**
 * Runs a sweep on a real cluster, kills one of its processes a round, starts again what died, and
 * compares the tables with those of a run that nobody disturbed.
 *
 * <p>Arguments: a folder to work in, rounds, a seed of the choices, and {@code search} for a sweep
 * whose trials a rule stops early. Exits with 1 if anything was lost, repeated, different, or seen
 * half written.
 */
public final class Chaos {
  private static final int FEWEST_TRIALS = 40;
  private static final int TRIALS_A_ROUND = 8;
  private static final int MOST_RESTARTS = 10;

  private final Path folder;
  private final int rounds;
  private final boolean isSearch;
  private final SplittableRandom random;
  private final List<Victim> order = new ArrayList<>();
  private int rows;
  private final Map<Victim, Integer> kills = new EnumMap<>(Victim.class);

  private Chaos(Path folder, int rounds, long seed, boolean isSearch) {
    this.isSearch = isSearch;
    this.folder = folder;
    this.rounds = rounds;
    this.random = new SplittableRandom(seed);
  }

  public static void main(String[] args) throws Exception {
    Path folder = Path.of(args[0]).toAbsolutePath();
    boolean isClean =
        new Chaos(
                folder,
                Integer.parseInt(args[1]),
                Long.parseLong(args[2]),
                args.length > 3 && args[3].equals("search"))
            .isClean();
    System.exit(isClean ? 0 : 1);
  }

  private boolean isClean() throws Exception {
    Path sweep = writeSweep();
    Path output = folder.resolve("output");
    Path calm = folder.resolve("undisturbed");
    SparkSession spark = LocalSpark.session();
    org.apache.hadoop.fs.Path tables = new org.apache.hadoop.fs.Path(output + "/chaos");
    Reader reader = new Reader(spark, tables);
    int starts;
    try (Processes processes = new Processes(folder)) {
      processes.startCluster();
      say("a run that nobody disturbs");
      processes.startDriver(sweep, calm);
      if (processes.awaitDriver(1200) != 0) {
        throw new IOException("Cannot go on without that run: see " + folder + "/driver.log");
      }
      reader.start();
      for (int round = 0; round < rounds; round++) {
        round(processes, sweep, output, round);
      }
      finish(processes, sweep, output);
      starts = processes.starts() - 1;
    }
    reader.end();
    Verdict verdict = Verdict.of(spark, tables, new org.apache.hadoop.fs.Path(calm + "/chaos"));
    String report =
        String.format(
            Locale.ROOT,
            "chaos: %d rounds, %d trials%nkilled: %s%nstarts of the command %d%n%s%n"
                + "looks of a reader %d, of them wrong %d %s%n",
            rounds,
            trials(),
            kills,
            starts,
            verdict.text(),
            reader.looks(),
            reader.faults().size(),
            reader.faults());
    System.out.print(report);
    Files.writeString(folder.resolve("report.txt"), report);
    return verdict.isClean() && reader.faults().isEmpty() && reader.looks() > 0;
  }

  private void round(Processes processes, Path sweep, Path output, int round) throws Exception {
    if (!processes.isDriverAlive()) {
      processes.startDriver(sweep, output);
    }
    // Mostly while trials run, and now and then while the driver only starts.
    if (random.nextInt(4) > 0) {
      awaitRow(processes, output);
    }
    Thread.sleep(random.nextInt(5000));
    Victim victim = victim();
    boolean isKilled = processes.kill(victim, random);
    for (int i = 0; i < 40 && !isKilled && processes.isDriverAlive(); i++) {
      // An executor that is only starting.
      Thread.sleep(500);
      isKilled = processes.kill(victim, random);
    }
    rows = rows(output);
    say(
        "round "
            + (round + 1)
            + ", "
            + rows
            + " rows: "
            + (isKilled ? "killed " : "found no ")
            + victim);
    if (isKilled) {
      kills.merge(victim, 1, Integer::sum);
    }
    if (victim == Victim.WORKER || victim == Victim.MASTER) {
      Thread.sleep(random.nextInt(2000));
      processes.startCluster();
    }
  }

  /** Waits for a row that was not there at the kill before. */
  private void awaitRow(Processes processes, Path output) throws InterruptedException {
    for (int i = 0; i < 600 && processes.isDriverAlive() && rows(output) <= rows; i++) {
      Thread.sleep(100);
    }
  }

  private static int rows(Path output) {
    return new ResultFolder(new org.apache.hadoop.fs.Path(output + "/chaos"), new Configuration())
        .trials()
        .size();
  }

  /** Four rounds kill one of each kind, in an order by chance; the driver is the very first. */
  private Victim victim() {
    if (order.isEmpty()) {
      order.addAll(List.of(Victim.values()));
      if (kills.isEmpty()) {
        order.remove(Victim.DRIVER);
        return Victim.DRIVER;
      }
    }
    return order.remove(random.nextInt(order.size()));
  }

  private void finish(Processes processes, Path sweep, Path output) throws Exception {
    for (int i = 0; i < MOST_RESTARTS; i++) {
      if (!processes.isDriverAlive()) {
        processes.startDriver(sweep, output);
      }
      int exitCode = processes.awaitDriver(1200);
      say("the command ended with " + exitCode);
      if (exitCode == 0) {
        return;
      }
    }
    throw new IOException("Cannot bring the sweep to its end: see " + folder + "/driver.log");
  }

  private int trials() {
    return Math.max(FEWEST_TRIALS, TRIALS_A_ROUND * rounds);
  }

  private Path writeSweep() throws IOException {
    Files.createDirectories(folder);
    return Files.writeString(
        folder.resolve("chaos.yaml"), isSearch ? search() : whole(), StandardCharsets.UTF_8);
  }

  /** Many recipes with one seed, which compete in cohorts of eight. */
  private String search() {
    String rates =
        IntStream.range(0, trials() / 4)
            .mapToObj(i -> String.format(Locale.ROOT, "%.5f", 2e-4 * Math.pow(1.1, i)))
            .collect(Collectors.joining(", "));
    return """
        name: chaos
        model: builtin:mini
        tasks: [mini-rte]
        validation-fraction: 0.1
        seeds: [0]
        grid:
          - {method: [lora, dora], rank: 4, ratio: [1, 4], learning-rate: [%s]}
        training: {max-steps: 64, max-tokens: 48, evaluate-every: 4}
        stopping: {rule: asha, cohort: 8, eta: 3, first-rung: 0.12}
        """
        .formatted(rates);
  }

  private String whole() {
    String seeds =
        IntStream.range(0, trials() / 4)
            .mapToObj(Integer::toString)
            .collect(Collectors.joining(", "));
    return """
        name: chaos
        model: builtin:mini
        tasks: [mini-rte]
        validation-fraction: 0.1
        seeds: [%s]
        grid:
          - {method: lora, rank: 4, ratio: [1, 4]}
          - {method: dora, rank: 4}
          - {method: full}
        rates: {learning-rate: 2e-3}
        training: {max-steps: 60, max-tokens: 48, evaluate-every: 20}
        """
        .formatted(seeds);
  }

  private static void say(String what) {
    System.err.println(LocalTime.now().withNano(0) + " " + what);
  }
}
