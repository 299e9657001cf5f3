package org.peftsweep.cli;

import java.io.IOException;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.deploy.SparkHadoopUtil;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.data.Completion;
import org.peftsweep.data.Shown;
import org.peftsweep.spec.Locations;
import org.peftsweep.train.Library;
import org.peftsweep.train.TrialExport;
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

  @Mixin private OutputFolder output;

  private final PrintStream out;

  GenerateCommand(PrintStream out) {
    this.out = out;
  }

  @Override
  public Integer call() throws IOException {
    Configuration files = SparkHadoopUtil.get().conf();
    List<String> all = prompts(files);
    try (KeptTrial kept = KeptTrial.find(id, "write text with", output, files);
        Backend backend = Backends.open(Backends.DEFAULT, 1);
        TrialExport trial = kept.open(new Library(files), backend)) {
      Completion task = trial.trial().task().task().completion();
      List<String> answers;
      try {
        Completion how =
            new Completion(
                task.form(),
                task.lossOn(),
                length == null ? task.maxNewTokens() : length,
                temperature == null ? task.temperature() : temperature,
                topP == null ? task.topP() : topP);
        answers = trial.write(all, how, seed);
      } catch (IllegalArgumentException e) {
        throw new InputException(e.getMessage());
      }
      answers.forEach(out::println);
    }
    return 0;
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
    if (all.isEmpty()) {
      throw new InputException("Cannot write text without a prompt: give --prompt or --file");
    }
    return all;
  }
}
