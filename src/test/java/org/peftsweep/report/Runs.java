package org.peftsweep.report;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.peftsweep.method.Method;
import org.peftsweep.model.Role;
import org.peftsweep.optim.Rates;
import org.peftsweep.results.Samples;
import org.peftsweep.spec.Axes;
import org.peftsweep.spec.Claim;
import org.peftsweep.spec.Phase;
import org.peftsweep.spec.Trial;
import org.peftsweep.stats.Looks;

/** Rows as reports read them, without tables: what a test decides of trials and how they ended. */
final class Runs {
  private final List<Run> all = new ArrayList<>();

  /** A trial of the task rte. */
  static Trial trial(
      Method method, Set<Role> targets, double rate, double ratio, double headRate, long seed) {
    return with(
        Samples.trial("rte", method, targets, ratio, seed),
        new Rates(rate, ratio, headRate, Rates.Grouping.ROLES),
        Phase.EVALUATION);
  }

  private static Trial with(Trial trial, Rates rates, Phase phase) {
    return new Trial(
        trial.model(),
        trial.task(),
        trial.method(),
        trial.targets(),
        trial.layers(),
        rates,
        trial.training(),
        trial.seed(),
        phase,
        trial.copy());
  }

  /** Adds an evaluation that has a score, and one on the validation part or null. */
  Runs add(Trial trial, double score, Double validation) {
    all.add(run(trial, "finished", score, validation, 1, "s"));
    return this;
  }

  /** Returns the same trial on rows that were drawn otherwise. */
  static Trial withDataSeed(Trial trial, long seed) {
    return Trial.fromJson(trial.toJson().replace("\"data-seed\":0", "\"data-seed\":" + seed));
  }

  /** Adds a tuning trial of a recipe. */
  Runs tuned(Trial trial, Double validation) {
    Trial tuning = with(trial, trial.rates(), Phase.TUNING);
    all.add(run(tuning, validation == null ? "diverged" : "finished", null, validation, 1, "s"));
    return this;
  }

  /** Adds an evaluation that ended otherwise. */
  Runs ended(Trial trial, String status) {
    all.add(run(trial, status, null, null, 1, "s"));
    return this;
  }

  /** Adds an evaluation of another version of its method, or of another sweep. */
  Runs add(Trial trial, double score, int version, String sweep) {
    all.add(run(trial, "finished", score, null, version, sweep));
    return this;
  }

  /** Adds an evaluation whose trial another version of the program wrote. */
  Runs unreadable(Trial trial, double score) {
    all.add(run(trial, trial.toJson().replace("\"seed\"", "\"grain\""), score));
    return this;
  }

  List<Run> list() {
    return List.copyOf(all);
  }

  Results results() {
    return Results.of(all, List.of("rte"));
  }

  /** Returns the statements on these rows. */
  ClaimLedger ledger(Claim... claims) {
    Results results = results();
    return new ClaimLedger(
        List.of(claims), results, Comparisons.ofScores(results, Looks.ONCE), new Curves(Map.of()));
  }

  /** Returns what became of one statement. */
  ClaimLedger.Entry entry(Claim claim) {
    return ledger(claim).entries().get(claim).get(0);
  }

  private static Run run(Trial trial, String json, double score) {
    Run read = run(trial, "finished", score, null, 1, "s");
    Map<String, Object> settings = new LinkedHashMap<>(read.settings());
    settings.putAll(Results.ofTrial(json));
    return new Run(
        read.id(),
        read.title(),
        read.status(),
        null,
        read.task(),
        read.metric(),
        settings,
        Results.axes(json),
        read.seed(),
        false,
        0,
        score,
        score,
        20,
        20,
        null,
        1000L,
        1000L,
        1.0,
        null,
        null,
        1,
        "here");
  }

  private static Run run(
      Trial trial, String status, Double score, Double validation, int version, String sweep) {
    Map<String, Object> settings = new LinkedHashMap<>();
    settings.put("method", trial.methodId());
    settings.put("method_label", trial.methodLabel());
    settings.put("targets", trial.targets().isEmpty() ? null : Axes.of(trial).get("targets"));
    settings.put(
        "rank",
        Axes.of(trial).containsKey("rank") ? Integer.valueOf(Axes.of(trial).get("rank")) : null);
    settings.put("ratio", trial.rates().ratio());
    settings.put("model", trial.model().location());
    settings.put("init", "pretrained");
    settings.put("adapter", null);
    settings.put("model_hash", trial.model().contentHash());
    settings.put("data", "builtin");
    settings.put("data_hash", trial.task().contentHash());
    settings.put("train_limit", 0);
    settings.put("settings", trial.method().toString());
    settings.put("learning_rate", trial.rates().learningRate());
    settings.put("head_learning_rate", trial.rates().headLearningRate());
    settings.put("grouping", "roles");
    settings.put("metric", "accuracy");
    settings.put("semantics_version", version);
    settings.put("sweep", sweep);
    settings.putAll(Results.ofTrial(trial.toJson()));
    return new Run(
        trial.id() + version + sweep,
        trial.title() + " η=" + trial.rates().learningRate() + " head " + trial.rates(),
        status,
        null,
        trial.task().task().name(),
        "accuracy",
        settings,
        Axes.of(trial),
        trial.seed(),
        trial.phase() == Phase.TUNING,
        trial.copy(),
        score,
        score,
        20,
        20,
        validation,
        1000L,
        1000L,
        1.0,
        null,
        null,
        1,
        "here");
  }
}
