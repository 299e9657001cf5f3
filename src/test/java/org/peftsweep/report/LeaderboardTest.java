package org.peftsweep.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.apache.commons.math3.stat.StatUtils;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.peftsweep.method.LoRA;
import org.peftsweep.results.LocalSpark;
import org.peftsweep.results.Provenance;
import org.peftsweep.results.ResultTables;
import org.peftsweep.results.Samples;
import org.peftsweep.results.Views;
import org.peftsweep.spec.Phase;
import org.peftsweep.spec.Trial;
import org.peftsweep.train.Outcome.Status;

/** The view of recipes says of them what the report does. */
class LeaderboardTest {
  private static final int RANKS = 12;

  @TempDir Path output;

  @Test
  void holdsTheRecipesOfTheReportWithItsNumbers() throws Exception {
    SplittableRandom random = new SplittableRandom(4);
    SampleSweep sweep = new SampleSweep(output, "s");
    for (int rank = 1; rank <= RANKS; rank++) {
      // Of each recipe one thing about its machines differs, or nothing.
      int differing = rank - 2;
      for (int seed = 0; seed < 2 + random.nextInt(3); seed++) {
        Trial trial = Samples.trial("rte", new LoRA(rank, 8, 0), SampleSweep.QV, 4, seed);
        double score = 0.5 + random.nextInt(40) / 400.0;
        switch (random.nextInt(8)) {
          case 0 -> sweep.addUndefined(trial);
          case 1 -> sweep.fail(trial, Status.DIVERGED, "the loss overflowed");
          case 2 -> sweep.fail(trial, Status.STOPPED, "asha");
          default -> sweep.add(trial, score, place(seed, differing), 4 + seed);
        }
        if (random.nextBoolean()) {
          // Far better, on another machine: none of it may be seen.
          sweep.add(like(trial, 100 + seed, Phase.EVALUATION, 1), 0.99, place(9, 0), 1000);
          sweep.add(like(trial, 100 + seed, Phase.TUNING, 0), 0.99, place(9, 1), 1000);
        }
      }
    }
    Trial old = Samples.trial("rte", new LoRA(RANKS + 1, 8, 0), SampleSweep.QV, 4, 0);
    sweep.add(old, 0.9);
    sweep.add(Samples.trial("rte", new LoRA(RANKS + 1, 8, 0), SampleSweep.QV, 4, 1), 0.9);
    makeUndefined(old);
    SparkSession spark = LocalSpark.session();
    Results results = Results.of(ResultTables.of(spark, sweep.folder()).trials(), List.of("rte"));
    Views.create(spark, output.toString());
    List<Row> rows = spark.sql("SELECT * FROM leaderboard ORDER BY place").collectAsList();
    assertThat(rows).hasSameSizeAs(results.lines()).hasSizeGreaterThan(RANKS / 2);
    boolean isBroken = false;
    for (Row row : rows) {
      Line line =
          results.lines().stream()
              .filter(one -> one.rank().equals(row.<Integer>getAs("rank")))
              .findFirst()
              .orElseThrow();
      double[] scores = line.scores("rte");
      assertThat(row.<Long>getAs("seeds")).isEqualTo(scores.length);
      assertNumber(row, "mean_score", StatUtils.mean(scores));
      assertNumber(
          row, "deviation", scores.length < 2 ? Double.NaN : Math.sqrt(StatUtils.variance(scores)));
      long lost = row.<Long>getAs("undefined") + row.<Long>getAs("unfinished");
      assertThat(lost).isEqualTo(line.lost("rte").values().stream().mapToLong(n -> n).sum());
      // Once a recipe broke, all that follow did.
      isBroken |= lost > 0;
      assertThat(lost > 0).isEqualTo(isBroken);
      List<Run> scored = line.runs("rte").stream().filter(Run::isScored).toList();
      boolean isOfOne = scored.stream().map(Run::fingerprint).distinct().count() == 1;
      assertNumber(
          row,
          "mean_train_seconds",
          isOfOne
              ? scored.stream().mapToDouble(Run::trainSeconds).average().orElseThrow()
              : Double.NaN);
      assertThat(row.<Long>getAs("peak_bytes"))
          .isEqualTo(isOfOne ? scored.get(0).peakBytes() : null);
    }
    assertThat(isBroken).isTrue();
    assertThat(rows.stream().map(row -> row.getAs("mean_train_seconds")).filter(Objects::isNull))
        .isNotEmpty();
    assertThat(
            spark
                .sql(
                    "SELECT sum(trials) FROM interactions WHERE axis_1 = 'method' AND axis_2 = 'rank'")
                .first()
                .getLong(0))
        .isEqualTo(results.runs().stream().filter(Run::isScored).count());
  }

  private static void assertNumber(Row row, String column, double wanted) {
    Optional<Double> number = Optional.ofNullable(row.getAs(column));
    if (Double.isNaN(wanted)) {
      assertThat(number).as(column + " of " + row).isEmpty();
    } else {
      assertThat(number.orElseThrow()).as(column).isEqualTo(wanted, within(1e-12));
    }
  }

  /** A machine that is another for each seed in one thing alone, or is always the same. */
  private static Provenance place(int seed, int differing) {
    String other = "other " + seed;
    return new Provenance(
        "host " + seed,
        "1",
        null,
        differing == 0 ? Integer.valueOf(1 + seed) : 1,
        differing == 1 ? other : "a processor",
        differing == 2 ? other : "abc123",
        differing == 3 ? other : "17",
        "4.2.0",
        differing == 4 ? other : "1");
  }

  private static Trial like(Trial of, long seed, Phase phase, int copy) {
    return new Trial(
        of.model(),
        of.task(),
        of.method(),
        of.targets(),
        of.layers(),
        of.rates(),
        of.training(),
        seed,
        phase,
        copy);
  }

  /** Makes a trial's row one of an older version, which wrote scores that are no numbers. */
  private void makeUndefined(Trial trial) throws IOException {
    Path row = output.resolve("s/trials/" + trial.id() + "-1-finished.parquet");
    Path written = output.resolve("written");
    LocalSpark.session()
        .read()
        .parquet(row.toString())
        .withColumn("score", functions.lit(Double.NaN))
        .coalesce(1)
        .write()
        .parquet(written.toString());
    try (Stream<Path> files = Files.list(written)) {
      Path part = files.filter(file -> file.toString().endsWith(".parquet")).findFirst().get();
      Files.copy(part, row, StandardCopyOption.REPLACE_EXISTING);
    }
  }
}
