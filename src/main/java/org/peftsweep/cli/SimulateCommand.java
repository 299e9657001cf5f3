package org.peftsweep.cli;

import java.io.PrintStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import org.apache.commons.math3.stat.StatUtils;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.deploy.SparkHadoopUtil;
import org.apache.spark.sql.Row;
import org.peftsweep.data.Shown;
import org.peftsweep.report.TextTable;
import org.peftsweep.results.Readings;
import org.peftsweep.results.ResultFolder;
import org.peftsweep.results.ResultTables;
import org.peftsweep.search.Trace;
import org.peftsweep.spec.Search;
import org.peftsweep.spec.SweepFile;
import org.peftsweep.spec.Trial;
import org.peftsweep.stats.PooledDeviation;
import org.peftsweep.sweep.Simulation;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Replays strategies and stopping rules over a sweep that ran in full. */
@Command(
    name = "simulate",
    description =
        "Replays strategies and stopping rules over the curves of a sweep that ran in full: work"
            + " spent against regret.",
    mixinStandardHelpOptions = true)
final class SimulateCommand implements Callable<Integer> {
  private static final List<String> RULES =
      List.of("none", "asha", "hyperband", "median", "predict");

  @Parameters(paramLabel = "SWEEP", description = "Name of the sweep.")
  private String sweep;

  @Mixin private OutputFolder output;

  @Option(
      names = "--strategies",
      split = ",",
      paramLabel = "NAMES",
      description = "Of random, sobol, tpe; ${DEFAULT-VALUE} unless given.",
      defaultValue = "random,tpe")
  private List<String> strategies;

  @Option(
      names = "--rules",
      split = ",",
      paramLabel = "NAMES",
      description = "Of none, asha, hyperband, median, predict; ${DEFAULT-VALUE} unless given.",
      defaultValue = "none,asha,hyperband,median,predict")
  private List<String> rules;

  @Option(
      names = "--trials",
      split = ",",
      paramLabel = "PARTS",
      description = "Percents of the recipes that are tried; ${DEFAULT-VALUE} unless given.",
      defaultValue = "100,30")
  private List<Integer> trials;

  @Option(
      names = "--orders",
      paramLabel = "N",
      description = "Orders of the entrants, or seeds; ${DEFAULT-VALUE} unless given.",
      defaultValue = "20")
  private int orders;

  @Option(
      names = "--set",
      parameterConsumer = Overrides.class,
      paramLabel = "KEY=VALUE",
      description = "A setting of search or stopping: --set stopping.eta=3; may be repeated.")
  private Map<String, String> overrides = new LinkedHashMap<>();

  @Option(
      names = "--noise",
      paramLabel = "SWEEP",
      description = "A sweep of the same task and base with several seeds, for the noise floor.")
  private String noise;

  private final PrintStream out;

  SimulateCommand(PrintStream out) {
    this.out = out;
  }

  @Override
  public Integer call() {
    requireOptions();
    Configuration files = SparkHadoopUtil.get().conf();
    try (Session session = Session.open("peft-sweep simulate")) {
      Map<String, List<Simulation.Recorded>> recorded = recorded(session, sweep, files);
      Map<String, List<Simulation.Recorded>> seeds =
          noise == null ? Map.of() : recorded(session, noise, files);
      recorded.forEach((task, of) -> print(task, of, seeds.getOrDefault(task, of)));
    }
    return 0;
  }

  private void requireOptions() {
    for (String strategy : strategies) {
      if (!List.of("random", "sobol", "tpe").contains(strategy)) {
        throw new InputException(
            "Cannot simulate strategy " + Shown.of(strategy) + ": choose random, sobol or tpe");
      }
    }
    for (String rule : rules) {
      if (!RULES.contains(rule)) {
        throw new InputException(
            "Cannot simulate rule " + Shown.of(rule) + ": choose " + String.join(", ", RULES));
      }
    }
    if (orders < 1 || orders > 10_000) {
      throw new InputException("Cannot simulate " + orders + " orders: give 1 to 10000");
    }
    for (int part : trials) {
      if (part < 1 || part > 100) {
        throw new InputException("Cannot try " + part + " % of the recipes: give 1 to 100");
      }
    }
  }

  /**
   * Returns what is known of trials that came to their end or failed, by task. One whose score is
   * undefined at every step counts as the search counts it: worse than all that have one. A task on
   * which none has a score tells nothing and is left out.
   */
  private Map<String, List<Simulation.Recorded>> recorded(
      Session session, String name, Configuration files) {
    ResultFolder folder = output.sweep(name, files);
    if (folder.trials().isEmpty()) {
      throw new InputException(
          "Cannot simulate on "
              + Shown.of(name)
              + ": there are no trials in "
              + folder.path()
              + "; give the name of a sweep that ran"
              + output.meant(folder, files));
    }
    Readings readings = new Readings(folder, files).look();
    Map<String, List<Simulation.Recorded>> recorded = new TreeMap<>();
    Set<String> scored = new HashSet<>();
    for (Row row :
        ResultTables.of(session.spark(), folder)
            .trials()
            .where("status <> 'stopped' AND copy = 0")
            .selectExpr(
                "id", "task", "trial", "status", "steps", "coalesce(trainable_parameters, 0)")
            .orderBy("id")
            .collectAsList()) {
      boolean isFinished = row.getString(3).equals("finished");
      List<Trace.Reading> curve = readings.of(row.getString(0));
      if (isFinished && curve.stream().anyMatch(reading -> Double.isFinite(reading.score()))) {
        scored.add(row.getString(1));
      }
      Trial trial = Trial.fromJson(row.getString(2));
      int steps = isFinished ? row.getInt(4) : trial.training().maxSteps();
      recorded
          .computeIfAbsent(row.getString(1), task -> new ArrayList<>())
          .add(
              new Simulation.Recorded(
                  trial,
                  new Trace(curve, steps, isFinished ? Trace.State.FINISHED : Trace.State.FAILED),
                  row.getLong(5)));
    }
    if (scored.isEmpty()) {
      throw new InputException(
          "Cannot simulate on "
              + Shown.of(name)
              + ": none of its trials has a validation score; give a sweep with"
              + " validation-fraction above 0");
    }
    recorded.keySet().retainAll(scored);
    return recorded;
  }

  private void print(String task, List<Simulation.Recorded> grid, List<Simulation.Recorded> seeds) {
    Simulation simulation = new Simulation(grid);
    double floor =
        PooledDeviation.of(new Simulation(seeds).seeds())
            .map(PooledDeviation::floor)
            .orElse(Double.NaN);
    out.printf(
        Locale.ROOT,
        "%s: %d recipes, %d orders; regret in points of the validation score%s%n",
        task,
        simulation.size(),
        orders,
        Double.isNaN(floor)
            ? "; no recipe has two seeds, so that no noise floor is known (--noise SWEEP)"
            : String.format(Locale.ROOT, "; noise floor %.2f", 100 * floor));
    List<List<TextTable.Cell>> rows = new ArrayList<>();
    for (String strategy : strategies) {
      for (int part : trials) {
        for (String rule : rules) {
          rows.add(row(simulation, strategy, rule, part, floor));
        }
      }
    }
    out.println(
        new TextTable(
                List.of(
                    "strategy", "rule", "tried", "steps", "most", "regret", "worst", "in floor"),
                List.of(false, false, true, true, true, true, true, true),
                rows)
            .text());
  }

  private List<TextTable.Cell> row(
      Simulation simulation, String strategy, String rule, int part, double floor) {
    Map<String, String> settings = new LinkedHashMap<>(overrides);
    settings.put("search.strategy", strategy);
    settings.put("stopping.rule", rule);
    settings.put("search.trials", "1");
    Search search = SweepFile.search(settings);
    int tried = part == 100 ? 0 : Math.max(1, simulation.size() * part / 100);
    double[] steps = new double[orders];
    double[] regret = new double[orders];
    double begun = 0;
    for (int order = 0; order < orders; order++) {
      Simulation.Result result = simulation.play(search, tried, order);
      steps[order] = 100 * result.steps();
      regret[order] = 100 * result.regret();
      begun += 100 * result.trials() / orders;
    }
    long within = Arrays.stream(regret).filter(r -> r <= 100 * floor).count();
    return List.of(
            strategy,
            rule,
            String.format(Locale.ROOT, "%.0f %%", begun),
            String.format(Locale.ROOT, "%.1f %%", StatUtils.mean(steps)),
            String.format(Locale.ROOT, "%.1f %%", StatUtils.max(steps)),
            String.format(Locale.ROOT, "%.2f", StatUtils.mean(regret)),
            String.format(Locale.ROOT, "%.2f", StatUtils.max(regret)),
            Double.isNaN(floor) ? "" : within + " of " + orders)
        .stream()
        .map(TextTable.Cell::of)
        .toList();
  }
}
