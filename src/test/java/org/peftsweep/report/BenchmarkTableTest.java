package org.peftsweep.report;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Set;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.peftsweep.method.Full;
import org.peftsweep.method.HeadOnly;
import org.peftsweep.method.LoRA;
import org.peftsweep.model.Role;
import org.peftsweep.optim.Rates;
import org.peftsweep.results.LocalSpark;
import org.peftsweep.results.ResultFolder;
import org.peftsweep.results.ResultTables;
import org.peftsweep.results.Samples;
import org.peftsweep.spec.Trial;
import org.peftsweep.train.Outcome.Status;

class BenchmarkTableTest {
  private static final Set<Role> QV = Set.of(Role.QUERY, Role.VALUE);
  private static final Set<Role> QKV = Set.of(Role.QUERY, Role.KEY, Role.VALUE);

  @TempDir java.nio.file.Path output;
  private ResultFolder folder;

  @BeforeEach
  void makeFolder() {
    folder = new ResultFolder(new Path(output.toString(), "s"), new Configuration());
  }

  @Test
  void printsTheLayoutOfTheBenchmark() {
    finish(Samples.trial("rte", new LoRA(8, 16, 0), QV, 2, 0), 0.71);
    finish(Samples.trial("rte", new LoRA(16, 16, 0), QV, 2, 0), 0.73);
    finish(Samples.trial("mrpc", new LoRA(8, 16, 0), QV, 2, 0), 0.86);
    finish(Samples.trial("rte", new Full(), QKV, 1, 0), 0.735);
    finish(Samples.trial("rte", new HeadOnly(), Set.of(), 1, 0), 0.5);
    assertThat(table().text())
        .startsWith(
            """
            method          targets  rank  λ  trainable    rte   mrpc
            ──────────────  ───────  ────  ─  ─────────  ─────  ─────
            Head only       —           —  —       1234  50.00      —
            Full Fine-tune  QKV         —  1       1234  73.50      —
            LoRA            QV          8  2       1234  71.00  86.00
            LoRA            QV         16  2       1234  73.00      —
            """);
    assertThat(table().markdown())
        .startsWith(
            """
            | method | targets | rank | λ | trainable | rte | mrpc |
            | :--- | :--- | ---: | ---: | ---: | ---: | ---: |
            | Head only | — | — | — | 1234 | 50.00 | — |
            | Full Fine-tune | QKV | — | 1 | 1234 | 73.50 | — |
            """);
  }

  @Test
  void averagesSeedsWithTheirInterval() {
    finish(Samples.trial("rte", new Full(), QV, 1, 0), 0.7);
    finish(Samples.trial("rte", new Full(), QV, 1, 1), 0.8);
    // R: t.test(c(70, 80)) prints 11.46898 … 138.53102.
    assertThat(table().markdown()).contains("| 75.00 ± 63.53 |").contains("over 2 seeds");
  }

  /** Ten points apart with a seed's worth of one: the others are no best. */
  @Test
  void marksWhatIsNotToldApartFromTheBest() {
    double[] noise = {0, 0.01, -0.01, 0.005};
    for (int seed = 0; seed < 4; seed++) {
      finish(Samples.trial("rte", new Full(), QV, 1, seed), 0.7 + noise[seed]);
      finish(Samples.trial("rte", new LoRA(8, 16, 0), QV, 2, seed), 0.8 + noise[3 - seed]);
      finish(Samples.trial("rte", new LoRA(16, 16, 0), QV, 2, seed), 0.8 - noise[3 - seed]);
    }
    assertThat(table().markdown().lines().filter(line -> line.contains("**")))
        .hasSize(2)
        .allMatch(line -> line.startsWith("| LoRA"));
  }

  @Test
  void neverAveragesOverAnotherSetting() {
    finish(Samples.trial("rte", new LoRA(8, 16, 0), QV, 2, 0), 0.7);
    finish(Samples.trial("rte", new LoRA(8, 32, 0), QV, 2, 0), 0.8);
    assertThat(table().markdown())
        .contains("| settings |")
        .contains("\"alpha\":\"16.0\"")
        .contains("| 70.00 |")
        .contains("| 80.00 |");
  }

  /** Each λ at a rate of its own: who reads of one is to see the other. */
  @Test
  void tellsARateThatGoesAlongWithAnotherSetting() {
    finish(at(4e-3, Samples.trial("rte", new LoRA(8, 16, 0), QV, 1, 0)), 0.7);
    finish(at(1e-3, Samples.trial("rte", new LoRA(8, 16, 0), QV, 4, 0)), 0.8);
    finish(at(4e-3, Samples.trial("mrpc", new LoRA(8, 16, 0), QV, 1, 0)), 0.7);
    finish(at(1e-4, Samples.trial("rte", new Full(), QV, 1, 0)), 0.8);
    assertThat(table().markdown())
        .contains("| method | targets | rank | λ | trainable | learning rate | rte | mrpc |")
        .contains("| LoRA | QV | 8 | 1 | 1234 | 0.004 | 70.00 | 70.00 |")
        .contains("| LoRA | QV | 8 | 4 | 1234 | 0.001 | 80.00 | — |");
  }

  /** Of each method, or of each recipe on each task, as tuning chooses it. */
  @Test
  void leavesOutARateThatTheRestTells() {
    finish(at(4e-3, Samples.trial("rte", new LoRA(8, 16, 0), QV, 1, 0)), 0.7);
    finish(at(1e-3, Samples.trial("mrpc", new LoRA(8, 16, 0), QV, 1, 0)), 0.7);
    finish(at(1e-3, Samples.trial("rte", new LoRA(8, 16, 0), QV, 4, 0)), 0.8);
    finish(at(1e-4, Samples.trial("rte", new Full(), QV, 1, 0)), 0.8);
    assertThat(table().markdown())
        .contains("| method | targets | rank | λ | trainable | rte | mrpc |")
        .contains("| LoRA | QV | 8 | 1 | 1234 | 70.00 | 70.00 |");
  }

  private static Trial at(double rate, Trial of) {
    Rates rates = of.rates();
    return new Trial(
        of.model(),
        of.task(),
        of.method(),
        of.targets(),
        new Rates(rate, rates.ratio(), rates.headLearningRate(), rates.grouping()),
        of.training(),
        of.seed());
  }

  @Test
  void saysWhatHasNoScore() {
    finish(Samples.trial("rte", new Full(), QV, 1, 0), 0.7);
    Trial other = Samples.trial("rte", new Full(), QV, 1, 1);
    folder.publish(Samples.row("s", other, 1, Samples.failed(Status.DIVERGED, "loss is NaN")));
    assertThat(table().markdown())
        .contains("| 70.00 (1 of 2 seeds; 1 diverged) |")
        .contains("One seed, so nothing is ranked.")
        .contains("Without a score: 1 diverged.");
  }

  @Test
  void saysThatNothingIsThere() {
    assertThat(table().text()).contains("No trial is finished.");
  }

  private void finish(Trial trial, double score) {
    folder.publish(Samples.row("s", trial, 1, Samples.finished(score, 1)));
  }

  private BenchmarkTable table() {
    return BenchmarkTable.of(
        ResultTables.of(LocalSpark.session(), folder).trials(), List.of("rte", "mrpc"));
  }
}
