package org.peftsweep.spec;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.peftsweep.method.Settings;
import org.peftsweep.search.Asha;
import org.peftsweep.search.Hyperband;
import org.peftsweep.search.Ladder;
import org.peftsweep.search.Median;
import org.peftsweep.search.Predict;
import org.peftsweep.search.RunToEnd;
import org.peftsweep.search.StoppingRule;
import org.peftsweep.search.Strategy;

/** Reads how the best recipe is sought. */
final class SearchReader {
  private static final String SEARCH = "search";
  private static final String STOPPING = "stopping";
  private static final String WARM_START = "warm-start";
  private static final String OPTIMIZE = "optimize";
  private static final String TRIALS = "trials";
  private static final String STARTUP = "startup";
  private static final String BATCH = "batch";
  private static final String COHORT = "cohort";
  private static final String ETA = "eta";
  private static final String RULE = "rule";
  private static final int MOST = 100_000;

  /** How much further each rung is where entrants are judged one by one. */
  private static final double DOUBLING = 2;

  /** Keys at the top of a sweep file. */
  static final List<String> KEYS = List.of(SEARCH, STOPPING, WARM_START, OPTIMIZE);

  private SearchReader() {}

  static Search read(Fields top) {
    Fields search = top.fields(SEARCH);
    search.allowOnly(List.of("strategy", TRIALS, "seed", STARTUP, BATCH));
    Strategy strategy =
        (Strategy) Scalars.constant(Strategy.class, "strategy", search.value("strategy"));
    int trials = between(search, TRIALS, 0);
    if (strategy == Strategy.GRID && trials > 0) {
      throw Scalars.cannotUse(
          TRIALS,
          search.value(TRIALS),
          "a grid runs all its combinations, give 0, or strategy random, sobol or tpe");
    }
    List<String> warm = warmStart(top);
    if (!warm.isEmpty() && !strategy.isAdaptive()) {
      throw Scalars.cannotUse(
          WARM_START, top.value(WARM_START), "give search.strategy tpe, which alone uses it");
    }
    Fields stopping = top.fields(STOPPING);
    stopping.allowOnly(List.of(RULE, ETA, "first-rung", COHORT, STARTUP, BATCH, "probability"));
    return new Search(
        strategy,
        trials,
        Scalars.longWhole("seed", search.value("seed")),
        between(search, STARTUP, 1),
        between(search, BATCH, 1),
        warm,
        objectives(top),
        rule(stopping),
        ladder(stopping, rule(stopping)));
  }

  private static List<String> warmStart(Fields top) {
    Value value = top.value(WARM_START);
    boolean isEmpty = value instanceof Value.Items items && items.items().isEmpty();
    return isEmpty ? List.of() : top.list(WARM_START, Scalars::word);
  }

  private static TreeMap<String, String> objectives(Fields top) {
    Fields fields = top.fields(OPTIMIZE);
    fields.allowOnly(List.of(Search.SCORE, Search.PARAMETERS, Search.FORGETTING));
    TreeMap<String, String> objectives = new TreeMap<>();
    for (String key : fields.keys()) {
      List<String> directions = key.equals(Search.SCORE) ? List.of("max") : List.of("min", "max");
      objectives.put(key, Scalars.choice(key, fields.value(key), directions));
    }
    return objectives;
  }

  private static StoppingRule rule(Fields stopping) {
    double eta = Scalars.number(ETA, stopping.value(ETA));
    Scalars.checked(ETA, stopping.value(ETA), () -> Settings.between(ETA, eta, 2.0, 100.0));
    int cohort = between(stopping, COHORT, 2);
    int startup = between(stopping, STARTUP, 4);
    int batch = between(stopping, BATCH, 1);
    double probability = Scalars.number("probability", stopping.value("probability"));
    Scalars.checked(
        "probability",
        stopping.value("probability"),
        () -> Settings.between("probability", probability, 0.5, 1.0));
    Map<String, StoppingRule> rules = new TreeMap<>();
    for (StoppingRule rule :
        List.of(
            new RunToEnd(),
            new Asha(eta, cohort),
            new Hyperband(eta),
            new Median(startup, batch),
            new Predict(startup, batch, probability))) {
      rules.put(rule.id(), rule);
    }
    StoppingRule rule =
        rules.get(Scalars.choice(RULE, stopping.value(RULE), new ArrayList<>(rules.keySet())));
    if (rule instanceof Asha && cohort < eta) {
      throw Scalars.cannotUse(
          COHORT, stopping.value(COHORT), "give at least eta, of which one goes on");
    }
    return rule;
  }

  private static Ladder ladder(Fields stopping, StoppingRule rule) {
    double first = Scalars.number("first-rung", stopping.value("first-rung"));
    Scalars.checked(
        "first-rung",
        stopping.value("first-rung"),
        () -> {
          Settings.positive("first-rung", first);
          Settings.between("first-rung", first, 0.0001, 0.9999);
        });
    boolean isHalving = rule instanceof Asha || rule instanceof Hyperband;
    return Ladder.of(first, isHalving ? Scalars.number(ETA, stopping.value(ETA)) : DOUBLING);
  }

  private static int between(Fields fields, String key, int least) {
    int number = Scalars.whole(key, fields.value(key));
    Scalars.checked(key, fields.value(key), () -> Settings.between(key, number, least, MOST));
    return number;
  }

  /** Refuses an objective that no trial would measure. */
  static void requireRetention(Fields top, Search search, TaskSource retention) {
    if (search.forgetting() != 0 && retention.isNone()) {
      Fields fields = top.fields(OPTIMIZE);
      throw Scalars.cannotUse(
          Search.FORGETTING,
          fields.value(Search.FORGETTING),
          "no text is named whose loss would rise, give retention, such as mini-text");
    }
  }

  /** Refuses a search by scores that no trial would have. */
  static void requireValidation(Fields top, Search search, List<TaskPlan> tasks) {
    if (!search.isContest()) {
      return;
    }
    boolean isRule = !(search.rule() instanceof RunToEnd);
    Fields section = top.fields(isRule ? STOPPING : SEARCH);
    String key = isRule ? RULE : "strategy";
    for (TaskPlan task : tasks) {
      if (task.source().validationFraction() == 0) {
        throw Scalars.cannotUse(
            key,
            section.value(key),
            "task "
                + task.source().task().name()
                + " has no validation part to compare on, give validation-fraction above 0");
      }
    }
  }
}
