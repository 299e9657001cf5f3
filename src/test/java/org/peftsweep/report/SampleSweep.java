package org.peftsweep.report;

import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.peftsweep.method.DoRA;
import org.peftsweep.method.Full;
import org.peftsweep.method.LoRA;
import org.peftsweep.method.Method;
import org.peftsweep.model.Role;
import org.peftsweep.results.LocalSpark;
import org.peftsweep.results.Provenance;
import org.peftsweep.results.ResultFolder;
import org.peftsweep.results.ResultTables;
import org.peftsweep.results.Samples;
import org.peftsweep.results.TrialRow;
import org.peftsweep.spec.Trial;
import org.peftsweep.train.Outcome;
import org.peftsweep.train.Outcome.CurvePoint;
import org.peftsweep.train.Outcome.Prediction;
import org.peftsweep.train.Outcome.Status;

/** Result folders whose scores a test decides. */
final class SampleSweep {
  static final Set<Role> QV = Set.of(Role.QUERY, Role.VALUE);
  static final Set<Role> QKV = Set.of(Role.QUERY, Role.KEY, Role.VALUE);
  static final int EXAMPLES = 400;

  private final ResultFolder folder;

  SampleSweep(java.nio.file.Path output, String name) {
    this.folder = new ResultFolder(new Path(output.toString(), name), new Configuration());
  }

  /**
   * Table 2's recipes for LoRA, DoRA and full on two tasks with three seeds, in which all of its
   * statements hold.
   */
  SampleSweep benchmark() {
    for (int seed = 0; seed < 3; seed++) {
      for (String task : List.of("rte", "mini-cola")) {
        for (int rank : List.of(8, 16)) {
          for (Method method : List.of(new LoRA(rank, 8, 0), new DoRA(rank, 8, 0))) {
            add(Samples.trial(task, method, QKV, 1, seed), 0.6 + rank / 1000.0 + noise(seed));
            add(Samples.trial(task, method, QV, 2, seed), 0.7 + rank / 1000.0 + noise(seed + 1));
            add(Samples.trial(task, method, QV, 4, seed), 0.85 + rank / 1000.0 + noise(seed));
          }
        }
        add(Samples.trial(task, new Full(), QKV, 1, seed), 0.70 + noise(seed));
        add(Samples.trial(task, new Full(), QV, 2, seed), 0.72 + noise(seed));
        add(Samples.trial(task, new Full(), QV, 8, seed), 0.50 + noise(seed + 2));
      }
    }
    return this;
  }

  /** Whole examples, 0 in the mean of three. */
  private static double noise(int seed) {
    return (seed % 3 - 1) * 0.0025;
  }

  void add(Trial trial, double score) {
    add(trial, score, Samples.PLACE, 4);
  }

  void add(Trial trial, double score, Provenance place, double trainSeconds) {
    folder.publish(
        new TrialRow(
            folder.sweep(),
            trial.id(),
            trial.title(),
            1,
            trial,
            outcome(score, trainSeconds, trial.method() instanceof Full ? 50_000 : 2_000),
            place,
            Samples.START,
            Samples.START.plus(Duration.ofSeconds(7)),
            null));
  }

  /** Adds a finished trial whose scores are undefined. */
  void addUndefined(Trial trial) {
    addBroken(trial, Double.NaN);
  }

  /** The same with another score that is no finite number. */
  void addBroken(Trial trial, double score) {
    Outcome sample = Samples.finished(0.5, 0);
    CurvePoint point = new CurvePoint(20, 2, 0.5, score, score, sample.best().devMetrics(), 1, 0.2);
    folder.publish(
        Samples.row(
            folder.sweep(),
            trial,
            1,
            new Outcome(
                Status.FINISHED,
                "score undefined: the labels of a reported set are constant",
                point,
                point,
                2_000L,
                56L,
                20,
                0.4,
                9872L,
                1L << 20,
                1L << 20,
                0.5,
                null,
                null,
                4.0,
                1.0,
                null,
                null,
                "cpu",
                "cpu",
                null,
                List.of(point),
                IntStream.range(0, EXAMPLES)
                    .mapToObj(i -> new Prediction("dev", i, 1, Double.NaN, 0.75, List.of()))
                    .toList(),
                List.of(),
                sample.ranks())));
  }

  void fail(Trial trial, Status status, String reason) {
    folder.publish(Samples.row(folder.sweep(), trial, 1, Samples.failed(status, reason)));
  }

  ResultFolder folder() {
    return folder;
  }

  Report report() {
    return Report.of(folder, ResultTables.of(LocalSpark.session(), folder));
  }

  /** Right on the first examples, wrong on the others; two evaluations. */
  private static Outcome outcome(double score, double trainSeconds, long trainable) {
    Outcome sample = Samples.finished(score, 0);
    int right = (int) Math.round(score * EXAMPLES);
    CurvePoint last = point(sample.best(), 20, (double) right / EXAMPLES);
    return new Outcome(
        Status.FINISHED,
        null,
        last,
        last,
        trainable,
        56L,
        20,
        0.4,
        9872L,
        trainable * 1000,
        1L << 34,
        0.5,
        null,
        null,
        trainSeconds,
        1.0,
        null,
        null,
        "cpu",
        "cpu",
        null,
        List.of(point(sample.best(), 0, 0.4), last),
        IntStream.range(0, EXAMPLES)
            .mapToObj(
                i ->
                    new Prediction("dev", i, i % 2, i < right ? i % 2 : 1 - i % 2, 0.75, List.of()))
            .toList(),
        List.of(),
        sample.ranks());
  }

  private static CurvePoint point(CurvePoint sample, int step, double score) {
    return new CurvePoint(
        step, step / 10.0, step == 0 ? null : 0.5, score, score, sample.devMetrics(), 1, 0.2);
  }
}
