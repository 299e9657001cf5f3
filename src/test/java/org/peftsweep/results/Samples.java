package org.peftsweep.results;

import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.peftsweep.data.Metric;
import org.peftsweep.data.Padding;
import org.peftsweep.data.Task;
import org.peftsweep.data.Tasks;
import org.peftsweep.method.LoRA;
import org.peftsweep.method.Method;
import org.peftsweep.method.adapter.MethodHooks.LayerScore;
import org.peftsweep.model.Role;
import org.peftsweep.optim.AdamW;
import org.peftsweep.optim.Rates;
import org.peftsweep.optim.Schedule;
import org.peftsweep.spec.ModelSource;
import org.peftsweep.spec.TaskSource;
import org.peftsweep.spec.TrainSample;
import org.peftsweep.spec.Training;
import org.peftsweep.spec.Trial;
import org.peftsweep.train.Outcome;
import org.peftsweep.train.Outcome.CurvePoint;
import org.peftsweep.train.Outcome.Prediction;
import org.peftsweep.train.Outcome.Status;

/** Small trials, outcomes and rows; what a test does not name is the same everywhere. */
public final class Samples {
  public static final Provenance PLACE =
      new Provenance("höst", "3", "1", 1, "a processor", "abc123", "17", "4.2.0", "1.0.0-M2.1");
  public static final Instant START = Instant.parse("2026-05-04T03:02:01.123456Z");

  private Samples() {}

  /** LoRA on query and value of a task, λ = 4. */
  public static Trial trial(String task, long seed) {
    return trial(task, new LoRA(8, 16, 0.1), Set.of(Role.QUERY, Role.VALUE), 4, seed);
  }

  public static Trial trial(
      String task, Method method, Set<Role> targets, double ratio, long seed) {
    return trial("builtin:mini", task, method, targets, ratio, seed);
  }

  static Trial trial(
      String model, String task, Method method, Set<Role> targets, double ratio, long seed) {
    return new Trial(
        new ModelSource(model, String.format("%08x", model.hashCode()).repeat(8), false),
        new TaskSource(
            new Task(
                task, List.of("text"), "label", List.of("no", "yes"), List.of(Metric.ACCURACY)),
            "builtin",
            "cd".repeat(32),
            0,
            0.1,
            0,
            false),
        method,
        targets,
        new Rates(1e-4, ratio, 1e-3, Rates.Grouping.ROLES),
        training(),
        seed);
  }

  private static Training training() {
    return new Training(
        2,
        0,
        32,
        1,
        64,
        Padding.LONGEST,
        1,
        Schedule.LINEAR,
        0.06,
        1,
        0.01,
        new AdamW(0.9, 0.999, 1e-8),
        0,
        Training.Precision.FP32);
  }

  /** Three evaluations; the second is best on validation. */
  public static Outcome finished(double score, int examples) {
    return finished(
        score,
        IntStream.range(0, examples)
            .mapToObj(i -> new Prediction("dev", i, i % 2, 1, 0.75, List.of(-0.5, 0.6)))
            .toList());
  }

  /** As {@link #finished(double, int)}, with these answers. */
  public static Outcome finished(double score, List<Prediction> predictions) {
    CurvePoint first = point(0, null, 0.5, score - 0.2);
    CurvePoint best = point(10, 0.6, 0.8, score);
    CurvePoint last = point(20, 0.4, 0.7, score - 0.1);
    return new Outcome(
        Status.FINISHED,
        null,
        best,
        last,
        1234L,
        56L,
        20,
        0.4,
        9872L,
        1L << 33,
        1L << 32,
        0.5,
        0.25,
        4096L,
        4.0,
        1.0,
        null,
        null,
        "cpu",
        "cpu",
        null,
        List.of(first, best, last),
        predictions,
        List.of(new LayerScore(0, 0, 0, 0), new LayerScore(20, 0, -1.5, 7)),
        new TreeMap<>(Map.of("layer.0.query", 3)));
  }

  /** As {@link #finished(double, int)}, with what was kept of a text. */
  public static Outcome retained(double score, double before, double after) {
    Outcome plain = finished(score, 3);
    List<CurvePoint> curve = new ArrayList<>();
    for (CurvePoint point : plain.curve()) {
      curve.add(
          new CurvePoint(
              point.step(),
              point.epoch(),
              point.trainLoss(),
              point.validationScore(),
              point.devScore(),
              point.devMetrics(),
              point.seconds(),
              point.gradientNorm(),
              point.step() == 0 ? before : point.step() == 10 ? after : 99.0));
    }
    return new Outcome(
        plain.status(),
        null,
        curve.get(1),
        curve.get(2),
        plain.trainableParameters(),
        plain.headParameters(),
        plain.steps(),
        plain.finalLoss(),
        plain.optimizerBytes(),
        plain.peakBytes(),
        plain.predictedPeakBytes(),
        plain.loadSeconds(),
        plain.prepareSeconds(),
        plain.prepareBytes(),
        plain.trainSeconds(),
        plain.evaluateSeconds(),
        null,
        null,
        plain.backend(),
        plain.device(),
        null,
        curve,
        plain.predictions(),
        plain.layers(),
        plain.ranks());
  }

  /** The text of which that is kept. */
  public static TaskSource text() {
    return new TaskSource(
        Tasks.runningText(), "builtin", "ef".repeat(32), 0, 0, 0, false, TrainSample.WHOLE, true);
  }

  /** Steps of {@link #upTo}. */
  public static final int RUNG_STEPS = 20;

  /** A trial that is evaluated at each step and goes to a part of its steps, or to its end. */
  public static Outcome upTo(double part, double score) {
    int last = (int) Math.ceil(part * RUNG_STEPS);
    List<CurvePoint> curve =
        IntStream.rangeClosed(0, last)
            .mapToObj(step -> point(step, 1.0, score * step / RUNG_STEPS, score))
            .toList();
    CurvePoint end = curve.get(last);
    boolean isWhole = last == RUNG_STEPS;
    Outcome whole = finished(score, 3);
    return new Outcome(
        isWhole ? Status.FINISHED : Status.STOPPED,
        isWhole ? null : "waits",
        isWhole ? end : null,
        isWhole ? end : null,
        whole.trainableParameters(),
        whole.headParameters(),
        last,
        0.4,
        9872L,
        1L << 33,
        1L << 34,
        0.5,
        0.25,
        4096L,
        4.0 * part,
        1.0 * part,
        null,
        null,
        "cpu",
        "cpu",
        null,
        curve,
        isWhole ? whole.predictions() : List.of(),
        List.of(),
        whole.ranks());
  }

  /** A tuning trial: what {@link #finished} is, without a look at the reported sets. */
  public static Outcome tuned(double validation) {
    Outcome whole = finished(0, 0);
    CurvePoint point =
        new CurvePoint(20, 2, 0.4, validation, null, Collections.emptySortedMap(), 4, null);
    return new Outcome(
        Status.FINISHED,
        null,
        point,
        point,
        whole.trainableParameters(),
        whole.headParameters(),
        20,
        0.4,
        9872L,
        1L << 33,
        1L << 34,
        0.5,
        0.25,
        4096L,
        4.0,
        1.0,
        null,
        null,
        "cpu",
        "cpu",
        null,
        List.of(point),
        List.of(),
        List.of(),
        whole.ranks());
  }

  /** An outcome that measured nothing. */
  public static Outcome failed(Status status, String reason) {
    return new Outcome(
        status,
        reason,
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        List.of(),
        List.of(),
        List.of(),
        Collections.emptySortedMap());
  }

  public static TrialRow row(String sweep, Trial trial, int attempt, Outcome outcome) {
    return new TrialRow(
        sweep,
        trial.id(),
        trial.title(),
        attempt,
        trial,
        outcome,
        PLACE,
        START,
        START.plusSeconds(7),
        outcome.status() == Status.FINISHED ? null : "a stack\n\tat a.place");
  }

  private static CurvePoint point(int step, Double loss, Double validation, Double dev) {
    return new CurvePoint(
        step,
        step / 10.0,
        loss,
        validation,
        dev,
        new TreeMap<>(Map.of("dev/accuracy", dev)),
        step / 5.0,
        loss);
  }
}
