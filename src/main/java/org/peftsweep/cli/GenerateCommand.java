package org.peftsweep.cli;

import static java.util.Locale.ROOT;

import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.deploy.SparkHadoopUtil;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.data.Completion;
import org.peftsweep.data.EvaluationSet;
import org.peftsweep.data.Shown;
import org.peftsweep.report.TextTable;
import org.peftsweep.report.TextTable.Cell;
import org.peftsweep.spec.Locations;
import org.peftsweep.spec.ModelSource;
import org.peftsweep.spec.ModelSource.Storage;
import org.peftsweep.stats.Bootstrap;
import org.peftsweep.stats.Interval;
import org.peftsweep.stats.PairedBootstrap;
import org.peftsweep.train.Library;
import org.peftsweep.train.ProxyFor;
import org.peftsweep.train.ProxyScores;
import org.peftsweep.train.TrialExport;
import org.peftsweep.train.TrialWriter;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Lets a finished trial of a language model go on with texts. */
@Command(
    name = "generate",
    description =
        "Lets the model of a finished trial go on with each prompt, and prints what it writes. Where"
            + " the trial learned from conversations a prompt is what a user says.",
    mixinStandardHelpOptions = true)
final class GenerateCommand implements Callable<Integer> {
  @Parameters(index = "0", paramLabel = "TRIAL", description = "Id of the trial, 12 digits.")
  private String id;

  @Option(
      names = "--prompt",
      paramLabel = "TEXT",
      description = "Text to go on with; may be given several times.")
  private List<String> prompts = new ArrayList<>();

  @Option(
      names = "--file",
      paramLabel = "FILE",
      description = "File of prompts, one a line, beside those given.")
  private String file;

  @Option(
      names = "--max-new-tokens",
      paramLabel = "N",
      description = "Most tokens that are written; what the task says unless given.")
  private Integer length;

  @Option(
      names = "--temperature",
      paramLabel = "T",
      description =
          "Divides the logits before a token is drawn; 0 takes the most likely one. What the task"
              + " says unless given.")
  private Double temperature;

  @Option(
      names = "--top-p",
      paramLabel = "P",
      description = "Draws from the fewest tokens with that probability together.")
  private Double topP;

  @Option(
      names = "--seed",
      paramLabel = "N",
      defaultValue = "0",
      description = "Of what is drawn; ${DEFAULT-VALUE} unless given.")
  private long seed;

  @Option(
      names = "--proxy-for",
      paramLabel = "MODEL",
      description =
          "Large model that writes in the trial's place: a folder, or builtin:mini-causal. It stays"
              + " as it is; what tuning changed in the logits of the trial's model is added to its"
              + " own (proxy-tuning, arXiv:2401.08565).")
  private String large;

  @Option(
      names = "--proxy-scale",
      paramLabel = "S",
      description = "What that change is multiplied by; 1 unless given.")
  private Double scale;

  @Option(
      names = "--proxy-weights",
      paramLabel = "FORMAT",
      description =
          "How the large model's matrices are stored, one of ${COMPLETION-CANDIDATES}; as the"
              + " trial's base is unless given.")
  private Weights weights;

  @Option(
      names = "--score",
      paramLabel = "N",
      description =
          "Scores the large model on the reported sets too, alone and by proxy, and the trial's"
              + " beside it; N rows of each at most, 0 for all.")
  private Integer scored;

  @Mixin private OutputFolder output;

  /** How frozen matrices are stored, as sweep files call it. */
  enum Weights {
    fp32,
    bf16,
    int8,
    nf4
  }

  private final PrintStream out;

  GenerateCommand(PrintStream out) {
    this.out = out;
  }

  @Override
  public Integer call() {
    Configuration files = SparkHadoopUtil.get().conf();
    requireFit();
    List<String> all = prompts(files);
    Library library = new Library(files);
    try (KeptTrial kept = KeptTrial.find(id, "write text with", output, files);
        Backend backend = Backends.open(Backends.DEFAULT, 1);
        TrialExport trial = kept.open(library, backend)) {
      try (TrialWriter writer = writer(trial, library, files)) {
        List<EvaluationSet> sets =
            scored == null ? List.of() : ProxyScores.rows(writer, library, scored);
        if (!all.isEmpty()) {
          writer.write(all, how(trial), seed).forEach(out::println);
        }
        for (EvaluationSet set : sets) {
          print(ProxyScores.of(writer, set));
        }
      } catch (IllegalArgumentException e) {
        throw new InputException(e.getMessage());
      }
    }
    return 0;
  }

  /** Refuses options that would be passed over. */
  private void requireFit() {
    if (large == null) {
      refuse("--proxy-scale", scale, "without --proxy-for: name the large model");
      refuse("--proxy-weights", weights, "without --proxy-for: name the large model");
      refuse("--score", scored, "without --proxy-for: the trial's own score is in the tables");
    }
    if (scored != null) {
      refuse("--score", scored < 0 ? scored : null, ": give a number of rows, or 0 for all");
      String own = "with --score: answers are scored as the task has them written";
      refuse("--max-new-tokens", length, own);
      refuse("--temperature", temperature, own);
      refuse("--top-p", topP, own);
    }
  }

  private static void refuse(String option, Object value, String why) {
    if (value != null) {
      throw new InputException(
          "Cannot use " + option + " " + value + (why.startsWith(":") ? "" : " ") + why);
    }
  }

  private TrialWriter writer(TrialExport trial, Library library, Configuration files) {
    if (large == null) {
      return TrialWriter.of(trial);
    }
    String location =
        large.startsWith(ModelSource.BUILT_IN)
            ? large
            : Locations.ofProcess(files, Installation.home())
                .folder("--proxy-for", large)
                .toString();
    Storage stored = weights == null ? null : Storage.valueOf(weights.name().toUpperCase(ROOT));
    return TrialWriter.byProxy(
        trial, new ProxyFor(location, stored, scale == null ? 1 : scale), library);
  }

  private Completion how(TrialExport trial) {
    Completion task = trial.trial().task().task().completion();
    return new Completion(
        task.form(),
        task.lossOn(),
        length == null ? task.maxNewTokens() : length,
        temperature == null ? task.temperature() : temperature,
        topP == null ? task.topP() : topP);
  }

  /** Prints scores of a hundred with intervals over rows, and what proxy-tuning adds to each. */
  private void print(ProxyScores scores) {
    List<String> names = List.copyOf(scores.answers().keySet());
    PairedBootstrap rows =
        new PairedBootstrap(
            scores.metric()::of,
            scores.weights(),
            names.stream().map(name -> new double[][] {scores.answers().get(name)}).toList(),
            Bootstrap.STANDARD);
    int proxy = names.indexOf("proxy");
    List<List<Cell>> lines = new ArrayList<>();
    for (int i = 0; i < names.size(); i++) {
      lines.add(
          Stream.of(
                  names.get(i),
                  text("%.2f", rows.score(i)),
                  i == proxy ? "" : text("%+.2f", rows.difference(proxy, i)))
              .map(Cell::of)
              .toList());
    }
    out.printf(
        ROOT,
        "%s × 100 on %d rows of %s, ± half of its 95 %% interval over rows:%n",
        scores.metric().id(),
        scores.weights().length,
        scores.set());
    out.print(
        new TextTable(
                List.of("answers", "score", "proxy less these"), List.of(false, true, true), lines)
            .text());
  }

  private static String text(String format, Interval interval) {
    return String.format(ROOT, format + " ± %.2f", 100 * interval.value(), 100 * interval.half());
  }

  private List<String> prompts(Configuration files) {
    List<String> all = new ArrayList<>(prompts);
    if (file != null) {
      String text =
          Locations.ofProcess(files, Installation.home())
              .text(file)
              .orElseThrow(
                  () ->
                      new InputException(
                          "Cannot read prompts from "
                              + Shown.of(file)
                              + ": there is no such file, give one with a prompt a line"));
      text.lines().forEach(all::add);
    }
    all.removeIf(String::isBlank);
    if (all.isEmpty() && scored == null) {
      throw new InputException("Cannot write text without a prompt: give --prompt or --file");
    }
    return all;
  }
}
