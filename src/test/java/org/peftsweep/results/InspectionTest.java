package org.peftsweep.results;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.peftsweep.spec.Trial;

class InspectionTest {
  private static final List<String> TABLES = List.of("trials", "curves", "predictions", "layers");

  private final SparkSession spark = LocalSpark.session();

  @TempDir Path output;

  /** Makes a file something else. */
  private interface Harm {
    void to(Path file, Random random) throws IOException;
  }

  private static Map<String, Harm> harms() {
    Map<String, Harm> harms = new TreeMap<>();
    harms.put("empty", (file, random) -> Files.write(file, new byte[0]));
    harms.put(
        "cut",
        (file, random) -> {
          byte[] all = Files.readAllBytes(file);
          Files.write(file, Arrays.copyOf(all, 1 + random.nextInt(all.length - 1)));
        });
    harms.put(
        "flipped",
        (file, random) -> {
          byte[] all = Files.readAllBytes(file);
          all[random.nextInt(all.length)] ^= (byte) (1 << random.nextInt(8));
          Files.write(file, all);
        });
    harms.put(
        "zeros",
        (file, random) -> {
          byte[] all = Files.readAllBytes(file);
          Arrays.fill(all, random.nextInt(all.length), all.length, (byte) 0);
          Files.write(file, all);
        });
    harms.put(
        "garbage",
        (file, random) -> {
          byte[] noise = new byte[random.nextInt(5000)];
          random.nextBytes(noise);
          Files.write(file, noise);
        });
    harms.put(
        "longer",
        (file, random) -> {
          byte[] all = Files.readAllBytes(file);
          Files.write(file, Arrays.copyOf(all, all.length + 1 + random.nextInt(100)));
        });
    harms.put(
        "directory",
        (file, random) -> {
          Files.delete(file);
          Files.createDirectory(file);
        });
    harms.put(
        "dangling",
        (file, random) -> {
          Files.delete(file);
          Files.createSymbolicLink(file, Path.of("nowhere"));
        });
    return harms;
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2})
  void findsEveryKindOfDamageInEveryTable(int round) throws Exception {
    Random random = new Random(round);
    List<String> wrong = new ArrayList<>();
    for (Map.Entry<String, Harm> harm : harms().entrySet()) {
      for (String table : TABLES) {
        String name = harm.getKey() + "-" + table;
        ResultFolder folder = sweep(name);
        Trial trial = Samples.trial("rte", 0);
        Path file = file(name, table, trial);
        harm.getValue().to(file, random);
        Inspection inspection = Inspection.of(folder, new Configuration());
        boolean runsAgain = !inspection.without().trials().get(trial.id()).isDone();
        inspection.setAside();
        TrialFile now = folder.trials().get(trial.id());
        int attempt = folder.attempts().get(trial.id()) + 1;
        folder.publish(Samples.row(name, trial, attempt, Samples.finished(0.5, 2)));
        boolean isMended =
            folder.trials().get(trial.id()).isDone()
                && Inspection.of(folder, new Configuration()).damages().isEmpty();
        if (inspection.damages().size() != 1 || !runsAgain || now.isDone() || !isMended) {
          wrong.add(name + " " + inspection.damages());
        }
      }
    }
    assertThat(wrong).isEmpty();
  }

  @Test
  void leavesQueriesOfOtherRowsAlone() throws Exception {
    Random random = new Random(9);
    int sweeps = 0;
    for (Map.Entry<String, Harm> harm : harms().entrySet()) {
      for (String table : TABLES) {
        String name = harm.getKey() + "-" + table;
        sweep(name);
        harm.getValue().to(file(name, table, Samples.trial("rte", 0)), random);
        sweeps++;
      }
    }
    Views.create(spark, output.toString());
    org.apache.hadoop.fs.Path place = new org.apache.hadoop.fs.Path(output.toString());
    ResultTables tables = ResultTables.under(spark, place);
    // One trial of each sweep is whole; of others no more is seen than there is.
    for (String table : TABLES) {
      String whole = "SELECT count(DISTINCT sweep) FROM " + table + " WHERE id = '%s'";
      String id = Samples.trial("rte", 1).id();
      assertThat(spark.sql(String.format(whole, id)).first().getLong(0)).isEqualTo(sweeps);
      assertThat(spark.sql("SELECT * FROM " + table).collectAsList()).isNotEmpty();
    }
    assertThat(tables.trials().count()).isBetween((long) sweeps, 2L * sweeps);
    assertThat(tables.predictions().count()).isGreaterThanOrEqualTo(2L * sweeps);
    for (ResultFolder folder : ResultFolder.under(place, new Configuration())) {
      assertThat(new Scores(folder, new Configuration()).look()).isNotEmpty();
    }
  }

  @Test
  void tellsAForeignSchema() throws Exception {
    sweep("s");
    Trial trial = Samples.trial("rte", 0);
    Files.copy(
        file("s", "curves", trial),
        file("s", "trials", trial),
        java.nio.file.StandardCopyOption.REPLACE_EXISTING);
    spark
        .sql("SELECT 's' AS sweep, 3 AS id, 1 AS attempt")
        .coalesce(1)
        .write()
        .parquet(output + "/foreign");
    try (Stream<Path> parts = Files.list(output.resolve("foreign"))) {
      Path part =
          parts.filter(each -> each.toString().endsWith(".parquet")).findFirst().orElseThrow();
      Files.copy(
          part, file("s", "layers", trial), java.nio.file.StandardCopyOption.REPLACE_EXISTING);
    }
    Inspection inspection = Inspection.of(folder("s"), new Configuration());
    assertThat(String.join("\n", inspection.notices("left out")))
        .contains("has 3 rows")
        .contains("column id is of another type");
  }

  @Test
  void leavesNoFilesOfChecksums() throws Exception {
    sweep("s");
    try (Stream<Path> all = Files.walk(output)) {
      assertThat(all).noneMatch(each -> each.toString().endsWith(".crc"));
    }
  }

  @Test
  void looksAtTwentyThousandTrialsInSeconds() throws Exception {
    Trial trial = Samples.trial("rte", 0);
    ResultFolder one = sweep("one");
    Path big = output.resolve("big");
    int trials = 20_000;
    for (String table : TABLES) {
      Files.createDirectories(big.resolve(table));
      Path source = file("one", table, trial);
      for (int i = 0; i < trials; i++) {
        String name =
            source.getFileName().toString().replace(trial.id(), String.format("%012x", i));
        Files.createLink(big.resolve(table).resolve(name), source);
      }
    }
    ResultFolder folder = folder("big");
    long start = System.nanoTime();
    assertThat(Inspection.of(folder, new Configuration()).damages()).isEmpty();
    assertThat(folder.trials()).hasSize(trials);
    Duration took = Duration.ofNanos(System.nanoTime() - start);
    System.out.println("20,000 finished trials looked at in " + took);
    assertThat(took).isLessThan(Duration.ofSeconds(20));
    assertThat(one.trials()).hasSize(2);
  }

  private ResultFolder folder(String name) {
    return new ResultFolder(
        new org.apache.hadoop.fs.Path(output.toString(), name), new Configuration());
  }

  private ResultFolder sweep(String name) {
    ResultFolder folder = folder(name);
    folder.prepare();
    for (int seed = 0; seed < 2; seed++) {
      folder.publish(Samples.row(name, Samples.trial("rte", seed), 1, Samples.finished(0.5, 2)));
    }
    return folder;
  }

  private Path file(String sweep, String table, Trial trial) {
    String end = table.equals("trials") ? "-1-finished.parquet" : "-1.parquet";
    return output.resolve(sweep).resolve(table).resolve(trial.id() + end);
  }
}
