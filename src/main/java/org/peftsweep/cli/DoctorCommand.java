package org.peftsweep.cli;

import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.spark.SparkBuildInfo;
import org.apache.spark.deploy.SparkHadoopUtil;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.GpuReading;
import org.peftsweep.compute.KernelCheck;
import org.peftsweep.compute.cpu.ProcessorFigures;
import org.peftsweep.data.FileFaults;
import org.peftsweep.report.TextTable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Looks at the machine and the installation, and says what is missing and how to mend it. */
@Command(
    name = "doctor",
    description = "Looks at Java, Spark, memory, cores, GPU, folders; says what to mend.",
    mixinStandardHelpOptions = true)
final class DoctorCommand implements Callable<Integer> {
  private static final long ENOUGH_BYTES = 2L << 30;
  private static final int SPARK = 4;
  private static final int JAVA = 17;

  /** A look at one thing; the remedy is empty where nothing is to be done. */
  private record Look(String what, String found, boolean isFine, String remedy) {}

  private static final String CUDA = "cuda";
  private static final String ND4J = "nd4j";
  private static final String NO_CARD = "none; trials run on processors";

  @Mixin private OutputFolder output;

  @Option(
      names = "--gpu",
      description =
          "Also run every kernel on the first GPU, and compare its results with the processor's.")
  private boolean testsGpu;

  private final PrintStream out;
  private final List<Look> looks = new ArrayList<>();

  DoctorCommand(PrintStream out) {
    this.out = out;
  }

  @Override
  public Integer call() {
    java();
    spark();
    machine();
    backend();
    speed();
    gpu();
    folders();
    List<List<TextTable.Cell>> rows =
        looks.stream()
            .map(
                look ->
                    Stream.of(
                            look.isFine() ? "ok" : "mend", look.what(), look.found(), look.remedy())
                        .map(TextTable.Cell::of)
                        .toList())
            .toList();
    out.print(
        new TextTable(
                List.of("", "what", "found", "what to do"),
                List.of(false, false, false, false),
                rows)
            .text());
    return looks.stream().allMatch(Look::isFine) ? 0 : ExitCode.UNFINISHED;
  }

  private void look(String what, String found, boolean isFine, String remedy) {
    looks.add(new Look(what, found, isFine, isFine ? "" : remedy));
  }

  private void java() {
    int version = Runtime.version().feature();
    look(
        "Java",
        Runtime.version() + ", " + System.getProperty("java.home"),
        version >= JAVA,
        "set JAVA_HOME to a JDK 17");
    boolean hasVectors = ModuleLayer.boot().findModule("jdk.incubator.vector").isPresent();
    look(
        "Vector API",
        hasVectors ? "jdk.incubator.vector" : "not there",
        hasVectors,
        "start with --add-modules=jdk.incubator.vector, as jobs/common.sh and spark-submit of"
            + " Spark 4.2 do; without it kernels are slower");
  }

  private void spark() {
    String version = SparkBuildInfo.spark_version();
    String home = System.getenv("SPARK_HOME");
    look(
        "Spark",
        version + (home == null ? "" : ", " + home),
        Integer.parseInt(version.split("\\.")[0]) >= SPARK,
        "set SPARK_HOME to a Spark 4.2 for Scala 2.13, or unset it");
  }

  private void machine() {
    int cores = Runtime.getRuntime().availableProcessors();
    look("Cores", cores + ", a trial each", cores > 0, "");
    long bytes =
        ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean())
            .getTotalMemorySize();
    long heap = Runtime.getRuntime().maxMemory();
    look(
        "Memory",
        String.format(Locale.ROOT, "%.1f GB, heap %.1f GB", bytes / 1e9, heap / 1e9),
        bytes - heap >= ENOUGH_BYTES,
        "leave 2 GB or more beside the heap, which MEMORY sets: tensors lie outside of it");
  }

  private void backend() {
    try (Backend opened = Backends.open("cpu", 1)) {
      look("Backend", opened.name() + ", " + opened.device(), true, "");
    } catch (RuntimeException | LinkageError e) {
      look(
          "Backend",
          "cpu cannot be opened",
          false,
          "use Linux on x86-64, or compute.backend: nd4j");
    }
  }

  private void speed() {
    try {
      ProcessorFigures figures =
          ProcessorFigures.measure(Runtime.getRuntime().availableProcessors());
      String halves =
          figures.bf16Gigaflops().isPresent()
              ? String.format(Locale.ROOT, "%.0f", figures.bf16Gigaflops().getAsDouble())
              : "no";
      look(
          "Speed",
          String.format(
              Locale.ROOT,
              "%.0f GFLOP/s of FMA, %s of bf16 products, %.0f GB/s, %d threads",
              figures.fmaGigaflops(),
              halves,
              figures.gigabytes(),
              figures.threads()),
          true,
          "");
      look("Products", figures.blas(), true, "");
    } catch (LinkageError e) {
      look("Speed", "not measured without the cpu backend", true, "");
    }
  }

  /** Where a machine has cards, or the self-test is asked for, kernels must run on one. */
  private void gpu() {
    String cards = cards();
    look("GPU", cards, true, "");
    boolean isWanted = testsGpu || !cards.equals(NO_CARD);
    if (Backends.usesGpus(ND4J)) {
      nd4jOnGpu(isWanted);
      return;
    }
    Optional<String> lack = Backends.lack(CUDA);
    if (lack.isPresent()) {
      look("CUDA", isWanted ? "cannot be used" : "not there", !isWanted, lack.get());
      return;
    }
    try (Backend cuda = Backends.open(CUDA, 1)) {
      GpuReading reading = cuda.gpu().orElseThrow();
      look(
          "CUDA",
          String.format(
              Locale.ROOT,
              "%s, driver %s, CUDA %s, %.1f GB free%s",
              cuda.device(),
              reading.driver(),
              reading.cuda(),
              cuda.memoryBytes().orElseThrow() / 1e9,
              libraries()),
          true,
          "");
      if (testsGpu) {
        kernels(cuda);
      }
    }
  }

  /** In the jar of -Pnd4j-cuda, whose CUDA is that of ND4J. */
  private void nd4jOnGpu(boolean isWanted) {
    Optional<String> lack = Backends.lack(ND4J);
    if (lack.isPresent()) {
      look("CUDA", isWanted ? "cannot be used" : "not there", !isWanted, lack.get());
      return;
    }
    try (Backend nd4j = Backends.open(ND4J, 1)) {
      look("CUDA", nd4j.device(), true, "");
      if (testsGpu) {
        kernels(nd4j);
      }
    }
  }

  /** Returns where CUDA's libraries were found, as the system tells. */
  private static String libraries() {
    try (Stream<String> lines = Files.lines(Path.of("/proc/self/maps"))) {
      return lines
          .map(line -> line.substring(line.lastIndexOf(' ') + 1))
          .filter(file -> file.matches(".*/lib(cuda|cudart|nvrtc|cublasLt)\\.so.*"))
          .distinct()
          .map(file -> ", " + file)
          .collect(Collectors.joining());
    } catch (IOException | UncheckedIOException e) {
      return "";
    }
  }

  /** Runs all kernels on the GPU and on the processor. */
  private void kernels(Backend gpu) {
    try (Backend cpu = Backends.open(Backends.DEFAULT, 1)) {
      List<KernelCheck.Result> results = KernelCheck.compare(cpu, gpu);
      List<String> off =
          results.stream()
              .filter(result -> !result.isFine())
              .map(
                  result ->
                      String.format(
                          Locale.ROOT,
                          "%s by %.1e instead of %.1e",
                          result.kernel(),
                          result.worst(),
                          result.bound()))
              .toList();
      double worst = results.stream().mapToDouble(KernelCheck.Result::worst).max().orElse(0);
      look(
          "Kernels",
          off.isEmpty()
              ? String.format(
                  Locale.ROOT,
                  "%d agree with the processor's, to %.1e at worst",
                  results.size(),
                  worst)
              : String.join(", ", off),
          off.isEmpty(),
          "do not train on this GPU: its results are wrong");
    }
  }

  private static String cards() {
    String found = NO_CARD;
    try {
      Process process =
          new ProcessBuilder("nvidia-smi", "--query-gpu=name", "--format=csv,noheader")
              .redirectErrorStream(true)
              .start();
      if (process.waitFor(10, TimeUnit.SECONDS) && process.exitValue() == 0) {
        found =
            String.join(", ", new String(process.getInputStream().readAllBytes()).lines().toList());
      }
    } catch (IOException e) {
      // There is no such program: no GPU.
      return NO_CARD;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    return found;
  }

  private void folders() {
    Path place = Path.of(Installation.output());
    look(
        "Results",
        output.shown(),
        mayWrite(),
        "give --output a folder that this account may write");
    look("Models", names(place.resolve("models")), true, "");
    Path data = place.resolve("data/glue");
    look("Data", Files.isDirectory(data) ? names(data) : "no " + data + "; builtin only", true, "");
  }

  private boolean mayWrite() {
    Configuration files = SparkHadoopUtil.get().conf();
    try {
      org.apache.hadoop.fs.Path probe =
          new org.apache.hadoop.fs.Path(output.made(files), ".doctor-" + UUID.randomUUID());
      FileSystem system = probe.getFileSystem(files);
      system.create(probe, false).close();
      return system.delete(probe, false);
    } catch (IOException | InputException e) {
      return false;
    }
  }

  private static String names(Path folder) {
    if (!Files.isDirectory(folder)) {
      return "builtin:mini; jobs/fetch.sh gets more";
    }
    try (Stream<Path> files = Files.list(folder)) {
      List<String> names = files.map(file -> file.getFileName().toString()).sorted().toList();
      return names.isEmpty() ? "none in " + folder : String.join(", ", names);
    } catch (IOException e) {
      throw FileFaults.cannot("read", folder, e);
    }
  }
}
