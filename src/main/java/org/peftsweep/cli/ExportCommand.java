package org.peftsweep.cli;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.deploy.SparkHadoopUtil;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.data.FileFaults;
import org.peftsweep.report.ModelCard;
import org.peftsweep.results.ResultTables;
import org.peftsweep.spec.Locations;
import org.peftsweep.train.Library;
import org.peftsweep.train.TrialExport;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/**
 * Writes a finished trial's model in the layouts of Hugging Face, of SameDiff or Deeplearning4j.
 */
@Command(
    name = "export",
    description =
        "Writes a finished trial as a PEFT adapter, DIR/adapter, and as a merged model, DIR/merged;"
            + " beside an adapter its base, DIR/base, where Python could not read it in its place."
            + " As samediff, writes a graph, DIR/samediff, and as dl4j a network, DIR/dl4j, which"
            + " programs with ND4J or Deeplearning4j load and train.",
    mixinStandardHelpOptions = true)
final class ExportCommand implements Callable<Integer> {
  /** What is written. */
  enum Format {
    peft,
    merged,
    both,
    samediff,
    dl4j;

    /** Whether it is for programs of another library of this language. */
    boolean isRecorded() {
      return this == samediff || this == dl4j;
    }
  }

  private static final String CARD = "README.md";

  @Parameters(index = "0", paramLabel = "TRIAL", description = "Id of the trial, 12 digits.")
  private String id;

  @Parameters(index = "1", paramLabel = "DIR", description = "Local folder; made where missing.")
  private String given;

  @Option(
      names = "--format",
      defaultValue = "both",
      description = "One of ${COMPLETION-CANDIDATES}; ${DEFAULT-VALUE}.")
  private Format format;

  @Option(
      names = "--merged",
      description =
          "With --format samediff or dl4j, folds what was trained into the base's weights; without,"
              + " it stays apart and goes on learning.")
  private boolean isMerged;

  @Mixin private OutputFolder output;

  private final PrintStream out;
  private final PrintStream err;

  ExportCommand(PrintStream out, PrintStream err) {
    this.out = out;
    this.err = err;
  }

  @Override
  public Integer call() {
    Configuration files = SparkHadoopUtil.get().conf();
    if (isMerged && !format.isRecorded()) {
      throw new InputException(
          "Cannot use --merged with --format "
              + format
              + ": give --format samediff, dl4j or merged");
    }
    Path folder = Locations.ofProcess(files, Installation.home()).localFolder("DIR", given);
    try (Session session = Session.open("peft-sweep export")) {
      try (KeptTrial kept = KeptTrial.find(id, "export", output, files);
          Backend backend = Backends.open(Backends.DEFAULT, 1);
          TrialExport export = kept.open(new Library(files), backend)) {
        if (format.isRecorded()) {
          writeGraph(export, folder.resolve(format.name()));
          return 0;
        }
        ResultTables tables = ResultTables.of(session.spark(), kept.results());
        write(export, folder, ModelCard.of(kept.results(), tables, export.trial()));
      }
      return 0;
    }
  }

  private void writeGraph(TrialExport export, Path folder) {
    try {
      if (format == Format.dl4j) {
        export.writeNetwork(folder, isMerged);
      } else {
        export.writeGraph(folder, isMerged);
      }
    } catch (IllegalArgumentException e) {
      throw new InputException(e.getMessage());
    }
    out.println((format == Format.dl4j ? "Deeplearning4j: " : "SameDiff: ") + folder);
  }

  private void write(TrialExport export, Path folder, ModelCard card) {
    boolean isWritten = false;
    if (format != Format.merged) {
      try {
        export.requireAdapter();
        writeAdapter(export, folder, card);
        isWritten = true;
      } catch (IllegalArgumentException e) {
        if (format == Format.peft) {
          throw new InputException(e.getMessage());
        }
        err.println(e.getMessage());
      }
    }
    if (format != Format.peft) {
      Path merged = folder.resolve("merged");
      try {
        export.writeMerged(merged);
      } catch (IllegalArgumentException e) {
        if (!isWritten) {
          throw new InputException(e.getMessage());
        }
        err.println(e.getMessage());
        return;
      }
      ModelCard.Base base =
          new ModelCard.Base(export.trial().model().location(), export.baseLicense(), false);
      writeText(merged.resolve(CARD), card.text(ModelCard.Kind.MERGED, base));
      out.println("Merged:  " + merged);
    }
  }

  /** PEFT takes the place of the base as it stands, so it must hold from any folder. */
  private void writeAdapter(TrialExport export, Path folder, ModelCard card) {
    Path adapter = folder.resolve("adapter");
    boolean isBeside = !export.isBaseReadable();
    Path place = isBeside ? folder.resolve("base") : export.baseFolder();
    place = place.toAbsolutePath().normalize();
    if (isBeside) {
      export.writeBase(place);
    }
    export.writeAdapter(adapter, place);
    ModelCard.Base base = new ModelCard.Base(place.toString(), export.baseLicense(), isBeside);
    writeText(adapter.resolve(CARD), card.text(ModelCard.Kind.ADAPTER, base));
    out.println("Adapter: " + adapter);
    if (isBeside) {
      out.println("Base:    " + folder.resolve("base"));
    }
  }

  private static void writeText(Path file, String text) {
    try {
      Files.writeString(file, text);
    } catch (IOException e) {
      throw FileFaults.cannot("write", file, e);
    }
  }
}
