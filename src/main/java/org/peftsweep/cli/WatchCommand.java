package org.peftsweep.cli;

import java.io.IOException;
import java.io.PrintStream;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.deploy.SparkHadoopUtil;
import org.apache.spark.sql.SparkSession;
import org.peftsweep.data.FileFaults;
import org.peftsweep.data.Shown;
import org.peftsweep.report.HtmlReport;
import org.peftsweep.report.Report;
import org.peftsweep.results.Lease;
import org.peftsweep.results.LiveFolder;
import org.peftsweep.results.Requests;
import org.peftsweep.results.ResultFolder;
import org.peftsweep.results.ResultTables;
import org.peftsweep.results.RunningSweep;
import org.peftsweep.results.RunningTrial;
import org.peftsweep.results.Scores;
import org.peftsweep.results.Scores.Score;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Shows how a sweep goes on that runs elsewhere, from its results folder alone. */
@Command(
    name = "watch",
    description = "Shows how a sweep goes on that runs elsewhere, until it ends.",
    mixinStandardHelpOptions = true)
final class WatchCommand implements Callable<Integer> {
  private static final Duration SILENT_DRIVER = Duration.ofMinutes(1);

  /** A step of a large model takes long. */
  private static final Duration SILENT_TRIAL = Duration.ofMinutes(10);

  private static final int TERMINAL_MILLIS = 2_000;
  private static final int LINE_MILLIS = 30_000;

  @Parameters(paramLabel = "SWEEP", description = "Name of the sweep.")
  private String sweep;

  @Mixin private OutputFolder output;

  @Option(names = "--once", description = "Look once.")
  private boolean isOnce;

  @Option(
      names = "--page",
      paramLabel = "PORT",
      description =
          "Serve the report on this port of this machine, made anew as rows come, until Ctrl-C.")
  private Integer port;

  @Option(
      names = "--stop",
      paramLabel = "IDS",
      split = ",",
      description =
          "Ask the run that goes on to let these trials go no further than to their next rung.")
  private List<String> stops = List.of();

  @Option(
      names = "--cap",
      paramLabel = "LIMIT",
      description =
          "Ask the run that goes on to begin no more than so many trials, 50, or for so long, 2h,"
              + " in place of any cap before.")
  private String cap;

  private final PrintStream out;

  WatchCommand(PrintStream out) {
    this.out = out;
  }

  @Override
  public Integer call() throws InterruptedException {
    Configuration files = SparkHadoopUtil.get().conf();
    ResultFolder folder = output.sweep(sweep, files);
    requireThere(folder, files);
    if (!stops.isEmpty() || cap != null) {
      return ask(folder, files);
    }
    if (port != null) {
      return servePage(folder);
    }
    LiveFolder live = new LiveFolder(folder, files);
    Scores scores = new Scores(folder, files);
    boolean isInPlace = System.console() != null && !isOnce;
    Screen screen = new Screen(out);
    while (true) {
      Optional<RunningSweep> state = live.sweep();
      List<Score> rows = scores.look();
      if (state.isEmpty()) {
        screen.erase();
        out.println(sweep + ": no run goes on; " + rowsOf(rows));
        return 0;
      }
      List<RunningTrial> running =
          live.trials().stream().filter(trial -> !isSilent(trial.at(), SILENT_TRIAL)).toList();
      LiveText text = new LiveText(state.get(), running, rows);
      String note = note(state.get(), asked(folder, files));
      if (isInPlace) {
        screen.draw(note.isEmpty() ? text.lines() : append(text.lines(), note));
      } else if (isOnce) {
        append(text.lines(), note).stream().filter(line -> !line.isEmpty()).forEach(out::println);
        return 0;
      } else {
        out.println(text.line() + (note.isEmpty() ? "" : " · " + note));
      }
      Thread.sleep(isInPlace ? TERMINAL_MILLIS : LINE_MILLIS);
    }
  }

  private int ask(ResultFolder folder, Configuration files) {
    Requests asked = asked(folder, files);
    if (!stops.isEmpty()) {
      Set<String> known = new TreeSet<>(folder.trials().keySet());
      folder.manifest().ifPresent(manifest -> known.addAll(manifest.asked().keySet()));
      new LiveFolder(folder, files).trials().forEach(trial -> known.add(trial.id()));
      for (String id : stops) {
        if (!known.contains(id)) {
          throw new InputException(
              "Cannot stop " + Shown.of(id) + ": " + sweep + " has no trial of that id");
        }
      }
      asked = asked.stopping(stops);
    }
    if (cap != null) {
      asked =
          cap.matches("[1-9][0-9]{0,8}")
              ? asked.upTo(Integer.parseInt(cap))
              : asked.until(Instant.now().plus(Replication.duration("--cap", cap)));
    }
    if (asked.run() == null) {
      throw new InputException(
          "Cannot ask "
              + Shown.of(sweep)
              + (cap == null ? " to stop trials" : " for a cap of " + Shown.of(cap))
              + ": no run of it goes on; start it, then ask");
    }
    asked.write(folder, files);
    out.println(sweep + ": " + asked.text());
    return 0;
  }

  /** What the run that goes on is asked by now; of no run where none goes on. */
  private static Requests asked(ResultFolder folder, Configuration files) {
    return Lease.running(folder, files)
        .map(run -> Requests.read(folder, files).of(run))
        .orElse(Requests.NONE);
  }

  private int servePage(ResultFolder folder) throws InterruptedException {
    if (folder.trials().isEmpty()) {
      throw new InputException(
          "Cannot show " + Shown.of(sweep) + " as a page: no trial has ended there, wait for one");
    }
    try (Session session = Session.open("peft-sweep watch")) {
      SparkSession spark = session.spark();
      try (PageServer server =
          PageServer.start(
              port, () -> HtmlReport.of(Report.of(folder, ResultTables.of(spark, folder))))) {
        out.println("The report is at " + server.address() + " until Ctrl-C");
        Thread.currentThread().join();
        return 0;
      }
    }
  }

  private static String rowsOf(List<Score> rows) {
    long finished = rows.stream().filter(Score::isFinished).count();
    return finished + " of " + rows.size() + " trials with a row are finished";
  }

  private static String note(RunningSweep state, Requests asked) {
    return isSilent(state.at(), SILENT_DRIVER)
        ? "The driver was last heard of at " + state.at() + ": it may be gone"
        : asked.text();
  }

  private static boolean isSilent(Instant heard, Duration longest) {
    return Duration.between(heard, Instant.now()).compareTo(longest) > 0;
  }

  private static List<String> append(List<String> lines, String line) {
    List<String> all = new ArrayList<>(lines);
    all.add(line);
    return all;
  }

  private void requireThere(ResultFolder folder, Configuration files) {
    try {
      if (!folder.path().getFileSystem(files).exists(folder.path())) {
        throw new InputException(
            "Cannot watch "
                + sweep
                + ": there is no folder "
                + folder.path()
                + "; give the name of a sweep, and --output where its tables are"
                + output.meant(folder, files));
      }
    } catch (IOException e) {
      throw FileFaults.cannot("read", folder.path(), e);
    }
  }
}
