package org.peftsweep.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** A {@link Worker} seen from the driver: a JVM with the contender's class path and settings. */
final class ContenderProcess implements AutoCloseable {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** Lets glibc keep what libtorch frees, in one heap: its best case by far. */
  private static final Map<String, String> KEEPING_MEMORY =
      Map.of(
          "MALLOC_ARENA_MAX", "1",
          "MALLOC_MMAP_MAX_", "0",
          "MALLOC_TRIM_THRESHOLD_", "100000000000",
          "MALLOC_TOP_PAD_", "268435456");

  private final Process process;
  private final BufferedReader answers;
  private final String title;
  private final JsonNode ready;

  /**
   * @param options of the JVM, such as its modules
   * @param log where the process's own messages go
   */
  ContenderProcess(String contender, Workload workload, List<String> options, Path log) {
    this.title = contender + " " + workload.id();
    boolean isLibtorch = contender.startsWith("libtorch");
    List<String> command =
        Peft.isOne(contender)
            ? Peft.command(contender, workload)
            : java(contender, workload, options, isLibtorch);
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().putAll(environment(contender, workload.threads()));
    builder.redirectError(ProcessBuilder.Redirect.appendTo(log.toFile()));
    try {
      process = builder.start();
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot start " + title, e);
    }
    answers =
        new BufferedReader(
            new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
    ready = answer();
  }

  private static List<String> java(
      String contender, Workload workload, List<String> options, boolean isLibtorch) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(options);
    command.addAll(List.of("-Xmx1g", "-XX:+UseSerialGC"));
    command.add("-Dorg.bytedeco.javacpp.maxBytes=0");
    command.add("-Dorg.bytedeco.javacpp.maxPhysicalBytes=0");
    if (isLibtorch) {
      command.add("-Dai.djl.offline=true");
      command.add("-Dai.djl.pytorch.num_interop_threads=1");
      command.add("-Dai.djl.pytorch.num_threads=" + workload.threads());
    }
    command.addAll(List.of("-cp", classPath(isLibtorch), Worker.class.getName(), contender));
    command.add(workload.shape().id());
    command.add(workload.method().id());
    command.add(Integer.toString(workload.threads()));
    return command;
  }

  /** Returns the settings of a contender's process. */
  static Map<String, String> environment(String contender, int threads) {
    Map<String, String> settings = new TreeMap<>();
    // This engine cuts products over threads of its own.
    boolean isOurs = contender.startsWith("cpu") || contender.equals("products");
    settings.put("OMP_NUM_THREADS", Integer.toString(isOurs ? 1 : threads));
    if (contender.startsWith("libtorch")) {
      settings.put("DJL_CACHE_DIR", Path.of("target", "bench", "djl").toAbsolutePath().toString());
      if (!"default".equals(System.getenv("BENCH_MALLOC"))) {
        settings.putAll(KEEPING_MEMORY);
      }
    }
    return settings;
  }

  /** libtorch's DJL takes the place of the one that the tokenizers bring. */
  private static String classPath(boolean isLibtorch) {
    String own = System.getProperty("java.class.path");
    if (!isLibtorch) {
      return own;
    }
    String others =
        Arrays.stream(own.split(File.pathSeparator))
            .filter(entry -> !entry.contains("/ai/djl/"))
            .collect(Collectors.joining(File.pathSeparator));
    try (var jars = Files.list(Path.of("target", "bench", "libtorch"))) {
      return jars.sorted().map(Path::toString).collect(Collectors.joining(File.pathSeparator))
          + File.pathSeparator
          + others;
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot find libtorch: run jobs/bench.sh", e);
    }
  }

  /** Returns what the worker said once it had built its model. */
  JsonNode ready() {
    return ready;
  }

  JsonNode ask(String command) {
    try {
      process.getOutputStream().write((command + "\n").getBytes(StandardCharsets.UTF_8));
      process.getOutputStream().flush();
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot ask " + title + " to " + command, e);
    }
    return answer();
  }

  private JsonNode answer() {
    try {
      for (String line = answers.readLine(); line != null; line = answers.readLine()) {
        if (line.startsWith(Worker.MARK)) {
          return JSON.readTree(line.substring(Worker.MARK.length()));
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot read the answer of " + title, e);
    }
    throw new IllegalStateException("Cannot go on with " + title + ": its process ended");
  }

  @Override
  public void close() {
    try {
      process.getOutputStream().write("quit\n".getBytes(StandardCharsets.UTF_8));
      process.getOutputStream().close();
      process.waitFor();
    } catch (IOException e) {
      process.destroy();
    } catch (InterruptedException e) {
      process.destroy();
      Thread.currentThread().interrupt();
    }
  }
}
