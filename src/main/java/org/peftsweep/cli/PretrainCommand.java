package org.peftsweep.cli;

import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.data.DataException;
import org.peftsweep.data.DatasetReader;
import org.peftsweep.data.Example;
import org.peftsweep.data.Shown;
import org.peftsweep.data.Split;
import org.peftsweep.data.Task;
import org.peftsweep.data.grammar.Corpus;
import org.peftsweep.data.grammar.GrammarSettings;
import org.peftsweep.data.grammar.WritingCorpus;
import org.peftsweep.spec.Locations;
import org.peftsweep.spec.Pretraining;
import org.peftsweep.sweep.Stop;
import org.peftsweep.train.Pretrainer;
import org.peftsweep.train.StoppedException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Makes a small RoBERTa or Llama from text: tokenizer, training, a folder. */
@Command(
    name = "pretrain",
    description =
        "Pretrains a small RoBERTa or Llama, tokenizer included, and writes a model folder.",
    mixinStandardHelpOptions = true)
final class PretrainCommand implements Callable<Integer> {
  private static final Duration KEEP_EVERY = Duration.ofMinutes(1);

  @Parameters(paramLabel = "FILE", description = "Such as conf/pretrain-mini.yaml.")
  private String file;

  @Mixin private ModelOutput output;

  @Option(
      names = "--threads",
      paramLabel = "N",
      description = "Processor threads; the same number gives the same bits. ${DEFAULT-VALUE}.",
      defaultValue = "1")
  private int threads;

  private final PrintStream out;
  private final PrintStream err;

  PretrainCommand(PrintStream out, PrintStream err) {
    this.out = out;
    this.err = err;
  }

  @Override
  public Integer call() {
    Locations locations = Locations.ofProcess(new Configuration(), Installation.home());
    Pretraining settings = Pretraining.read(file, locations);
    Path folder = output.folder(settings.name(), locations);
    List<String> passages = passages(settings);
    err.println(settings.name() + ": " + passages.size() + " passages");
    Stop stop = new Stop();
    Interrupts.tell(stop, err);
    try (Backend backend = Backends.open(Backends.DEFAULT, threads)) {
      Pretrainer.Quality quality =
          new Pretrainer(settings, backend, err::println)
              .run(passages, folder, KEEP_EVERY, () -> stop.reason().isPresent());
      out.printf(
          Locale.ROOT,
          "%s: %d steps in %.0f s; on held-out text loss %.3f, %s tokens right %.1f %%%n",
          folder,
          quality.steps(),
          quality.seconds(),
          quality.loss(),
          settings.objective() == Pretraining.Objective.MASKED ? "masked" : "next",
          100 * quality.accuracy());
    } catch (StoppedException e) {
      err.println(e.getMessage() + "; the same command goes on there");
      return ExitCode.FAULT;
    }
    return 0;
  }

  private static List<String> passages(Pretraining settings) {
    if (settings.isBuiltIn() && settings.objective() == Pretraining.Objective.CAUSAL) {
      return new WritingCorpus(GrammarSettings.STANDARD, settings.training().seed())
          .documents(settings.passages())
          .toList();
    }
    if (settings.isBuiltIn()) {
      return new Corpus(GrammarSettings.STANDARD, settings.training().seed())
          .documents(settings.passages())
          .map(document -> String.join("\t", document))
          .toList();
    }
    List<String> passages = new ArrayList<>();
    settings.text().forEach(location -> readText(location, passages));
    settings.tasks().forEach(task -> readTask(task, settings.data(), passages));
    if (passages.isEmpty()) {
      throw new InputException("Cannot pretrain on " + settings.text() + ": it holds no passages");
    }
    int most = settings.passages() == 0 ? passages.size() : settings.passages();
    return passages.subList(0, Math.min(most, passages.size()));
  }

  private static void readText(String location, List<String> passages) {
    URI uri = new org.apache.hadoop.fs.Path(location).toUri();
    if (!"file".equals(uri.getScheme())) {
      throw new InputException(
          "Cannot read text = " + Shown.of(location) + ": give a folder or file on this machine");
    }
    Path path = Path.of(uri.getPath());
    try (Stream<Path> files = Files.walk(path)) {
      for (Path text : files.filter(Files::isRegularFile).sorted().toList()) {
        try (Stream<String> lines = Files.lines(text, StandardCharsets.UTF_8)) {
          lines.filter(line -> !line.isBlank()).forEach(passages::add);
        }
      }
    } catch (IOException | UncheckedIOException e) {
      throw new InputException(
          "Cannot read text = " + Shown.of(location) + ": give a file or folder of text in UTF-8");
    }
  }

  /** Labels are left out, and so are the reported sets: they stay unseen until they are scored. */
  private static void readTask(Task task, String data, List<String> passages) {
    DatasetReader reader = new DatasetReader(new Configuration(), false);
    List<DataException> missing = new ArrayList<>();
    for (Split split : List.of(Split.TRAIN, Split.TEST)) {
      try {
        for (Example example : reader.read(task, data, split, "").examples()) {
          String second = example.isPair() ? "\t" + example.second() : "";
          passages.add(example.first() + second);
        }
      } catch (DataException e) {
        missing.add(e);
      }
    }
    if (missing.size() == 2) {
      throw missing.get(0);
    }
  }
}
