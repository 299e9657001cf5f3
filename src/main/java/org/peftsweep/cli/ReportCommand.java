package org.peftsweep.cli;

import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.commons.codec.digest.DigestUtils;
import org.apache.commons.lang3.StringUtils;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.LocalFileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.spark.deploy.SparkHadoopUtil;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.peftsweep.data.FileFaults;
import org.peftsweep.data.Shown;
import org.peftsweep.report.Printed;
import org.peftsweep.report.Recommendation;
import org.peftsweep.report.Report;
import org.peftsweep.results.Inspection;
import org.peftsweep.results.ResultFolder;
import org.peftsweep.results.ResultTables;
import org.peftsweep.spec.Claim;
import org.peftsweep.spec.ClaimReader;
import org.peftsweep.spec.Locations;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Prints what a sweep's tables say, or writes it as files beside them. */
@Command(
    name = "report",
    description =
        "Says what a sweep's results mean: tie groups, the paper's claims, costs, charts.",
    mixinStandardHelpOptions = true)
final class ReportCommand implements Callable<Integer> {
  private static final Pattern SIZE =
      Pattern.compile("([0-9]+(?:\\.[0-9]+)?)(B|KB|MB|GB)", Pattern.CASE_INSENSITIVE);
  private static final String ALL = "all";
  private static final String CLAIMS = "conf/claims";
  private static final String JOINT = "_reports";
  private static final int LONGEST_NAME = 100;
  private static final List<String> UNITS = List.of("B", "KB", "MB", "GB");

  @Parameters(
      arity = "1..*",
      paramLabel = "SWEEP",
      description =
          "Name of the sweep, such as quickstart, or its own folder, with a slash. Of several, one"
              + " report is made of all their trials.")
  private List<String> sweeps;

  @Mixin private OutputFolder output;

  @Option(
      names = "--format",
      paramLabel = "FORMAT",
      split = ",",
      description =
          "Any of ${COMPLETION-CANDIDATES}, joined by commas: text goes to the terminal, the others"
              + " to DIR/SWEEP/report, of several sweeps to DIR/_reports. Without it: text and"
              + " html.")
  private List<Printed> formats = List.of(Printed.text, Printed.html);

  @Option(
      names = "--task",
      description = "Answers instead which recipe to use for this task, within --within.")
  private String task;

  @Option(
      names = "--within",
      paramLabel = "SIZE",
      defaultValue = "1MB",
      description = "Largest adapter for --task: a number with B, KB, MB or GB; ${DEFAULT-VALUE}.")
  private String within;

  @Option(
      names = "--claims",
      paramLabel = "FILE",
      arity = "0..1",
      fallbackValue = ALL,
      description =
          "Judges instead only statements: the sweep's own and those of this file, or of all in"
              + " conf/claims.")
  private String claims;

  private final PrintStream out;
  private final PrintStream err;

  ReportCommand(PrintStream out, PrintStream err) {
    this.out = out;
    this.err = err;
  }

  @Override
  public Integer call() {
    long bytes = bytes(within);
    List<List<Claim>> files =
        claims == null || claims.equals(ALL) ? everyFile() : List.of(file(claims));
    try (Session session = Session.open("peft-sweep report")) {
      Configuration conf = session.spark().sparkContext().hadoopConfiguration();
      List<ResultFolder> folders = folders(conf);
      for (ResultFolder folder : folders) {
        Inspection.of(folder, conf)
            .notices("left out; the sweep's next run trains its trials again")
            .forEach(err::println);
      }
      ResultTables tables =
          folders.size() == 1
              ? ResultTables.of(session.spark(), folders.get(0))
              : ResultTables.joint(session.spark(), folders);
      Report report =
          Report.of(folders, tables, () -> beside(session.spark(), folders, conf), files);
      if (claims != null) {
        out.print(Printed.text.claims(report));
        return 0;
      }
      if (task != null) {
        print(choice(report, bytes));
        return 0;
      }
      for (Printed format : formats) {
        if (format == Printed.text) {
          out.print(format.of(report));
        } else {
          Path file = new Path(place(folders, conf), "report." + format.suffix());
          write(file, format.of(report), conf);
          out.println(file);
        }
      }
      err.println(report.state());
      return 0;
    }
  }

  /** Returns the trials of the other sweeps in the folder of the first. */
  private static Optional<Dataset<Row>> beside(
      SparkSession spark, List<ResultFolder> folders, Configuration files) {
    List<ResultFolder> others =
        ResultFolder.under(folders.get(0).path().getParent(), files).stream()
            .filter(folder -> !folder.trials().isEmpty())
            .toList();
    return others.isEmpty()
        ? Optional.empty()
        : Optional.of(
            others.size() == 1
                ? ResultTables.of(spark, others.get(0)).trials()
                : ResultTables.joint(spark, others).trials());
  }

  /** Returns the statements of each file of the installation; none where it has none. */
  private static List<List<Claim>> everyFile() {
    java.nio.file.Path place =
        Installation.home().orElse(java.nio.file.Path.of("")).resolve(CLAIMS);
    if (!Files.isDirectory(place)) {
      return List.of();
    }
    try (Stream<java.nio.file.Path> files = Files.list(place)) {
      return files
          .filter(file -> file.toString().endsWith(".yaml"))
          .sorted()
          .map(file -> file(file.toString()))
          .toList();
    } catch (IOException e) {
      throw FileFaults.cannot("read", place, e);
    }
  }

  private static List<Claim> file(String file) {
    Configuration files = SparkHadoopUtil.get().conf();
    return ClaimReader.read(file, Locations.ofProcess(files, Installation.home())::text);
  }

  private List<ResultFolder> folders(Configuration files) {
    Map<Path, ResultFolder> folders = new LinkedHashMap<>();
    for (String sweep : sweeps) {
      ResultFolder folder = output.sweep(sweep, files);
      folders.putIfAbsent(folder.path(), folder);
      if (folder.trials().isEmpty()) {
        throw new InputException(
            "Cannot report on "
                + Shown.of(folder.path().toString())
                + ": no trial has ended there; run the sweep, or give --output"
                + output.meant(folder, files));
      }
    }
    return List.copyOf(folders.values());
  }

  /** Returns the folder of files; a joint one has a name that is no sweep's. */
  private Path place(List<ResultFolder> folders, Configuration files) {
    if (folders.size() == 1) {
      return new Path(folders.get(0).path(), "report");
    }
    String name = folders.stream().map(ResultFolder::sweep).collect(Collectors.joining("+"));
    if (name.length() > LONGEST_NAME) {
      String places = folders.stream().map(f -> "" + f.path()).collect(Collectors.joining("\n"));
      name =
          StringUtils.left(name, LONGEST_NAME)
              + "+"
              + DigestUtils.sha256Hex(places).substring(0, 8);
    }
    return new Path(new Path(output.path(files), JOINT), name);
  }

  private Recommendation choice(Report report, long bytes) {
    try {
      return report.recommendation(task, bytes);
    } catch (IllegalArgumentException e) {
      throw new InputException(e.getMessage());
    }
  }

  private void print(Recommendation choice) {
    out.println(choice.advice());
    out.println();
    out.print(choice.table().text());
  }

  private static long bytes(String text) {
    Matcher size = SIZE.matcher(text);
    if (!size.matches()) {
      throw new InputException(
          "Cannot use --within "
              + Shown.of(text)
              + ": give a number and a unit, such as 500KB or 1MB");
    }
    int unit = UNITS.indexOf(size.group(2).toUpperCase(Locale.ROOT));
    return Math.round(Double.parseDouble(size.group(1)) * Math.pow(1000, unit));
  }

  private static void write(Path file, String text, Configuration files) {
    try {
      FileSystem given = file.getFileSystem(files);
      // Its checksums would lie beside what a reader opens.
      FileSystem system = given instanceof LocalFileSystem local ? local.getRaw() : given;
      system.mkdirs(file.getParent());
      try (OutputStream stream = system.create(file, true)) {
        stream.write(text.getBytes(StandardCharsets.UTF_8));
      }
    } catch (IOException e) {
      throw FileFaults.cannot("write", file, e);
    }
  }
}
