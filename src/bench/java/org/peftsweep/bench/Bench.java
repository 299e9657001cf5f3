package org.peftsweep.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.ElementType;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Runs the chosen workloads, prints a table and writes a JSON file of all figures. */
@Command(name = "jobs/bench.sh", sortOptions = false)
public final class Bench implements Callable<Integer> {
  @Option(names = "--shapes", split = ",", defaultValue = "mini-32x64,d256-32x64")
  private List<String> shapes;

  @Option(names = "--methods", split = ",", defaultValue = "lora")
  private List<String> methods;

  @Option(names = "--threads", split = ",", defaultValue = "2")
  private List<Integer> threads;

  @Option(names = "--peers", split = ",", defaultValue = "cpu-bf16,libtorch,samediff,peft,peft-bf16")
  private List<String> peers;

  @Option(
      names = "--check",
      description = "exit with 1 where a goal for this processor is missed")
  private boolean check;

  @Option(names = "--rounds", defaultValue = "3")
  private int rounds;

  @Option(names = "--seconds", defaultValue = "3", description = "of steps per contender and round")
  private double seconds;

  @Option(names = "--warmup", defaultValue = "10", description = "seconds of each process")
  private double warmup;

  @Option(names = "--output", description = "output/bench of the project unless given")
  private Path asked;

  private final ObjectMapper json =
      new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);

  public static void main(String[] arguments) {
    CommandLine line = new CommandLine(new Bench());
    line.setExecutionExceptionHandler(
        (thrown, command, parsed) -> {
          if (!(thrown instanceof IllegalArgumentException)) {
            throw thrown;
          }
          System.err.println(thrown.getMessage());
          return 2;
        });
    System.exit(line.execute(arguments));
  }

  @Override
  public Integer call() throws IOException {
    Path output =
        asked == null
            ? Path.of("output", "bench")
            : Path.of(System.getProperty("bench.here", "")).resolve(asked);
    Files.createDirectories(output);
    String begun = Instant.now().truncatedTo(ChronoUnit.SECONDS).toString();
    Path file = output.resolve("bench-" + begun.replace(":", "") + ".json");
    Path log = Path.of("target", "bench", "log");
    ObjectNode root = json.createObjectNode();
    root.put("begun", begun);
    root.put("java", System.getProperty("java.vm.version"));
    root.put("processors", Runtime.getRuntime().availableProcessors());
    root.put("processor", processor());
    root.set(
        "libtorchEnvironment",
        json.valueToTree(ContenderProcess.environment("libtorch", threads.get(0))));
    ArrayNode results = root.putArray("results");
    System.out.println(Table.HEADER);
    List<String> missed = new ArrayList<>();
    for (Workload workload : workloads()) {
      List<String> able = peers.stream().filter(peer -> isAble(peer, workload)).toList();
      Map<String, Figures> figures =
          new Race(workload, able, rounds, seconds, warmup, jvmOptions(), log).run();
      ObjectNode result = results.addObject();
      result.put("shape", workload.shape().id());
      result.put("method", workload.method().id());
      result.put("threads", workload.threads());
      result.put("gigaflopsPerStep", figures.get("products").gigaflops());
      result.put("peakGigaflopsPerSecond", Table.peak(figures, "cpu"));
      if (figures.containsKey("bf16-peak")) {
        result.put("bf16PeakGigaflopsPerSecond", Table.peak(figures, "cpu-bf16"));
      }
      ArrayNode contenders = result.putArray("contenders");
      figures.values().forEach(each -> each.json(contenders.addObject()));
      System.out.print(Table.rows(workload, figures));
      missed.addAll(Goals.missed(workload, figures));
      // After each workload: a long run that is stopped keeps what it has.
      json.writeValue(file.toFile(), root);
    }
    System.err.println("All figures: " + file);
    missed.forEach(goal -> System.out.println("Missed: " + goal));
    return check && !missed.isEmpty() ? 1 : 0;
  }

  private List<Workload> workloads() {
    List<Workload> workloads = new ArrayList<>();
    for (String shape : shapes) {
      for (String method : methods) {
        for (int count : threads) {
          workloads.add(
              new Workload(
                  Workload.named(Workload.Shape.class, shape),
                  Workload.named(Workload.Tuning.class, method),
                  count));
        }
      }
    }
    return workloads;
  }

  /**
   * SameDiff has encoders, full and LoRA; a pair needs a processor for each trial; PEFT needs a
   * Python that has it, bf16 a processor.
   */
  private static boolean isAble(String peer, Workload workload) {
    if (!Contender.NAMES.contains(peer)) {
      throw new IllegalArgumentException(
          "Cannot measure " + peer + ": choose of " + Contender.NAMES);
    }
    return switch (peer) {
      case "samediff" ->
          workload.shape().config().rope().isEmpty()
              && workload.method() != Workload.Tuning.DORA;
      case "cpu-bf16", "cpu-stored-bf16", "cpu-int8-bf16", "cpu-nf4-bf16" ->
          Backends.refusal(ElementType.BF16).isEmpty();
      case "peft", "peft-bf16" -> Peft.isAble(workload);
      case "cpu-pair" ->
          2 * workload.threads() <= Runtime.getRuntime().availableProcessors()
              && !workload.shape().isLarge();
      default -> true;
    };
  }

  private static List<String> jvmOptions() {
    return Arrays.stream(System.getProperty("bench.options", "").split(" "))
        .filter(option -> !option.isBlank())
        .toList();
  }

  private static String processor() throws IOException {
    return Files.readAllLines(Path.of("/proc/cpuinfo")).stream()
        .filter(line -> line.toLowerCase(Locale.ROOT).startsWith("model name"))
        .map(line -> line.substring(line.indexOf(':') + 1).strip())
        .findFirst()
        .orElse("unknown");
  }
}
