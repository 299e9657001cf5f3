package org.peftsweep.cli;

import java.io.PrintStream;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.SparkConf;
import org.apache.spark.deploy.SparkHadoopUtil;
import org.peftsweep.report.TrackingClient;
import org.peftsweep.results.Manifest;
import org.peftsweep.spec.Candidates;
import org.peftsweep.spec.Locations;
import org.peftsweep.spec.Sweep;
import org.peftsweep.spec.SweepFile;
import org.peftsweep.spec.Trial;
import org.peftsweep.sweep.Engine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Runs the trials of a sweep file that are not done yet, and prints the table of all. */
@Command(
    name = "sweep",
    description = "Runs the trials of a sweep file that are not done yet, and prints the table.",
    mixinStandardHelpOptions = true)
final class SweepCommand implements Callable<Integer> {
  @Parameters(paramLabel = "FILE", description = "Sweep file, such as conf/quickstart.yaml.")
  private String file;

  @Option(names = "--dry-run", description = "Print the trials and an estimate; start nothing.")
  private boolean isDryRun;

  @Mixin private OutputFolder output;

  @Option(
      names = "--set",
      parameterConsumer = Overrides.class,
      paramLabel = "KEY=VALUE",
      description = "Overrides a key of the file: --set training.epochs=3; may be repeated.")
  private Map<String, String> overrides = new LinkedHashMap<>();

  @Option(
      names = "--mlflow",
      paramLabel = "URI",
      description = "Log the trials to this MLflow tracking server too, once each.")
  private String mlflow;

  @Option(
      names = "--rerun",
      paramLabel = "WHICH",
      split = ",",
      description =
          "Run exactly these again: failed, oom, diverged, timeout, invalid, or ids of trials.")
  private List<String> rerun = List.of();

  @Option(
      names = "--stale",
      description =
          "What becomes of rows whose method gives other numbers now: ${COMPLETION-CANDIDATES}.")
  private SweepRun.Stale stale;

  @Option(names = "--wait", description = "Wait for the end of another driver of this sweep.")
  private boolean isWaiting;

  @Option(
      names = "--add",
      paramLabel = "BLOCK",
      description =
          "A further block of the grid, beside the file: --add '{method: lora, rank: 4}'; may be"
              + " repeated.")
  private List<String> added = List.of();

  @Option(
      names = "--until-decided",
      description =
          "Then add seeds to the recipes that cannot be told apart, until the best are or are equal"
              + " within a point.")
  private boolean isUntilDecided;

  @Option(
      names = "--budget",
      paramLabel = "TIME",
      description = "Longest time that --until-decided may take: 30m, 2h, 1d.")
  private String budget;

  @Option(
      names = "--continue",
      paramLabel = "IDS",
      split = ",",
      description = "Let exactly these trials that were stopped early go on to their end.")
  private List<String> continued = List.of();

  private final Engine engine;
  private final PrintStream out;
  private final PrintStream err;

  SweepCommand(Engine engine, PrintStream out, PrintStream err) {
    this.engine = engine;
    this.out = out;
    this.err = err;
  }

  @Override
  public Integer call() throws InterruptedException {
    Optional<TrackingClient> tracking = tracking();
    Instant end = Replication.end(budget, isUntilDecided);
    Configuration files = SparkHadoopUtil.get().conf();
    Locations locations = Locations.ofProcess(files, Installation.home());
    Sweep sweep = SweepFile.read(file, overrides, added, locations);
    output.requireFolder(sweep.name(), !isDryRun, files);
    if (!isDryRun) {
      GpuRequirements.require(sweep.execution(), new SparkConf());
    }
    SweepRun run =
        new SweepRun(
            sweep,
            contents(sweep, files),
            ofFile(locations, files),
            new Reruns(rerun, continued),
            output,
            engine,
            files,
            err);
    run.notices().forEach((isDryRun ? out : err)::println);
    if (isDryRun) {
      run.dryRun(out);
      return 0;
    }
    output.made(files);
    SweepRun.Wishes wishes =
        new SweepRun.Wishes(
            source(sweep, locations),
            stale,
            isWaiting,
            isUntilDecided ? Optional.of(end) : Optional.empty(),
            tracking);
    return run.run(wishes, out);
  }

  private Sweep.Contents contents(Sweep sweep, Configuration files) {
    return sweep.contents(
        location -> engine.modelHash(location, files), source -> engine.taskHash(source, files));
  }

  /** Returns ids of what the file asks for without further blocks; null where there are none. */
  private Set<String> ofFile(Locations locations, Configuration files) {
    if (added.isEmpty()) {
      return null;
    }
    Sweep sweep = SweepFile.read(file, overrides, locations);
    return sweep.candidates(contents(sweep, files)).stream()
        .flatMap(Candidates::first)
        .map(Trial::id)
        .collect(Collectors.toSet());
  }

  private Manifest.Source source(Sweep sweep, Locations locations) {
    String question =
        locations
            .text(file)
            .flatMap(text -> text.lines().findFirst())
            .filter(line -> line.startsWith("#") && line.contains("?"))
            .map(line -> line.substring(1, line.indexOf('?') + 1).strip())
            .orElse("");
    return new Manifest.Source(file, overrides, question, sweep.defaults());
  }

  private Optional<TrackingClient> tracking() {
    try {
      return Optional.ofNullable(mlflow).map(text -> TrackingClient.of(text, System.getenv()));
    } catch (IllegalArgumentException e) {
      throw new InputException(e.getMessage());
    }
  }
}
